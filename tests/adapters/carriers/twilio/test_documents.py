"""The documents that we give: a strict reader takes each, and every one says what comes after it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import evolve as change
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.carriers.twilio.kit import CALL, ID, LEG, STANCES, fields_of, sent, told
from voicecall.adapters.carriers.twilio import carrier, documents
from voicecall.core.fallback import LONGEST_PART
from voicecall.events import AnyEffect, EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Leg, Owed, Reply, Stance
from voicecall.testing.twilio.twiml import Element, read_twiml

ASKS = "https://voice.example.com/voice/webhook?callId=c1&"
AGAIN = "#ct=2000&rt=10000&tt=15000&rc=5&rp=all"
HELLO = do.Speak(utterance=3, text="Hello & <welcome>!", purpose="reply")
LISTENING = change(LEG, stance=Stance.LISTEN, after=Stance.LISTEN, voice="Polly.Joanna")
WAITING = change(LEG, stance=Stance.WAIT, after=Stance.WAIT)
OVER = change(LEG, stance=Stance.HANG_UP, after=Stance.HANG_UP)
EFFECTS: tuple[AnyEffect, ...] = (
    do.Answer(),
    do.Reject(reason="not-allowed"),
    do.Hangup(),
    do.OpenMedia(),
    do.Listen(),
    do.StopSpeaking(utterance=3),
    do.SendDigits(digits="12wW*#ABCD"),
    HELLO,
    change(HELLO, interruptible=False),
    change(HELLO, purpose="filler"),
)


def owed(*effects: AnyEffect) -> Owed:
    return tuple((EffectId(f"7.{place}"), effect) for place, effect in enumerate(effects))


def asked(*effects: AnyEffect, leg: Leg = LEG) -> tuple[tuple[Element, ...], Reply]:
    """What a flow request is answered, as Twilio reads it."""
    reply = carrier.reply(owed(*effects), leg, flow=True)
    assert (reply.response.status, reply.response.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    return read_twiml(reply.response.body), reply


def names(verbs: Sequence[Element]) -> list[str]:
    return [verb.name for verb in verbs]


# --- strictly --------------------------------------------------------------------------------------------------------


@given(
    effects=st.lists(st.sampled_from(EFFECTS), max_size=4),
    stance=st.sampled_from(STANCES),
    after=st.sampled_from(STANCES),
    text=st.text(min_size=1, max_size=60),
    voice=st.sampled_from(["", "alice", "Polly.Joanna-Neural", 'a"b<c&d']),
)
def test_a_strict_reader_takes_every_document(
    effects: list[AnyEffect], stance: Stance, after: Stance, text: str, voice: str
) -> None:
    leg = change(LEG, stance=stance, after=after, voice=voice)
    spoken = [change(one, text=text) if isinstance(one, do.Speak) else one for one in effects]
    verbs, reply = asked(*spoken, leg=leg)
    assert set(reply.carried) <= {name for name, _ in owed(*spoken)}
    # Nothing after the last verb: each ends by asking us, or ends the call.
    assert verbs[-1].name in ("Redirect", "Gather", "Connect", "Hangup", "Reject")
    for effect in spoken:
        for name, value in fields_of(sent(effect, leg)):
            if name == "Twiml":
                assert read_twiml(value)[-1].name in ("Redirect", "Gather", "Connect", "Hangup")


@given(st.text(max_size=80))
def test_what_is_said_is_said_to_the_letter_except_for_what_no_document_may_hold(text: str) -> None:
    verbs, _ = asked(change(HELLO, text=text), leg=WAITING)
    said = [verb.text for verb in verbs if verb.name == "Say"]
    expected = documents.NOT_XML.sub("", text).replace("\r\n", "\n").replace("\r", "\n").strip()
    assert said == ([expected] if expected else [])
    assert names(verbs) == (["Say", "Redirect"] if expected else ["Pause", "Redirect"])


# --- streaming -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", [do.OpenMedia(), do.Answer()], ids=str)
def test_sound_goes_to_a_media_socket_whose_end_is_asked_about(effect: AnyEffect) -> None:
    (connect,), reply = asked(effect)
    assert connect.attributes == {"action": f"{ASKS}flow=stream&n=7{AGAIN}", "method": "POST"}
    (stream,) = connect.children
    assert stream.attributes == {"url": "wss://voice.example.com/voice/stream"}
    assert [one.attributes for one in stream.children] == [{"name": "ticket", "value": "t1.abc"}]
    assert (reply.carried, reply.answers) == ((EffectId("7.0"),), isinstance(effect, do.Answer))


def test_without_a_stream_to_open_the_carrier_waits_and_asks_again() -> None:
    (pause, redirect), reply = asked()
    assert (pause.name, pause.attributes) == ("Pause", {"length": "1"})
    assert (redirect.text, redirect.attributes) == (f"{ASKS}flow=wait&n=7{AGAIN}", {"method": "POST"})
    assert (reply.carried, reply.answers) == ((), False)


def test_keys_are_pressed_and_then_the_stream_is_opened_anew() -> None:
    plain = dict(fields_of(sent(do.SendDigits(digits="12w#"))))
    press, connect = read_twiml(plain["Twiml"])
    assert (press.attributes, connect.name) == ({"digits": "12w#"}, "Connect")


# --- the carrier's voice and ear -------------------------------------------------------------------------------------


def test_a_prompt_that_may_be_interrupted_is_inside_the_listening() -> None:
    (gather,), reply = asked(HELLO, leg=LISTENING)
    assert gather.attributes == {
        "input": "dtmf speech",
        "action": f"{ASKS}flow=turn&n=7&e=7.0&u=3&cut=1{AGAIN}",
        "method": "POST",
        "timeout": "5",
        "speechTimeout": "auto",
        "actionOnEmptyResult": "true",
    }
    (say,) = gather.children
    assert (say.text, say.attributes) == ("Hello & <welcome>!", {"voice": "Polly.Joanna"})
    assert reply.carried == (EffectId("7.0"),)


def test_a_prompt_that_may_not_be_interrupted_comes_before_the_listening() -> None:
    (say, gather), _ = asked(change(HELLO, interruptible=False), leg=LISTENING)
    assert (say.name, gather.name, gather.children) == ("Say", "Gather", ())
    assert gather.attributes["action"] == f"{ASKS}flow=turn&n=7&e=7.0&u=3{AGAIN}"


def test_where_nobody_is_listened_to_the_end_of_the_words_is_told() -> None:
    (say, redirect), _ = asked(HELLO, leg=WAITING)
    assert (say.text, redirect.text) == ("Hello & <welcome>!", f"{ASKS}flow=said&n=7&e=7.0&u=3{AGAIN}")


def test_after_words_we_go_on_as_things_will_be_and_after_a_filler_as_they_are() -> None:
    thinking = change(LEG, stance=Stance.WAIT, after=Stance.LISTEN)
    assert names(asked(HELLO, leg=thinking)[0]) == ["Gather"]
    assert names(asked(change(HELLO, purpose="filler"), leg=thinking)[0]) == ["Say", "Redirect"]


def test_a_call_is_answered_greeted_and_listened_to_by_one_document() -> None:
    (gather,), reply = asked(do.Answer(), do.Listen(), HELLO, leg=LISTENING)
    assert names(gather.children) == ["Say"]
    assert (reply.carried, reply.answers) == ((EffectId("7.0"), EffectId("7.1"), EffectId("7.2")), True)


def test_one_utterance_rides_on_an_answer_and_the_next_one_waits() -> None:
    verbs, reply = asked(HELLO, change(HELLO, utterance=4), leg=WAITING)
    assert names(verbs) == ["Say", "Redirect"]
    assert reply.carried == (EffectId("7.0"),)


def test_what_should_be_silent_is_silent_by_any_other_document() -> None:
    (gather,), reply = asked(do.StopSpeaking(utterance=3), leg=LISTENING)
    assert (gather.children, reply.carried) == ((), (EffectId("7.0"),))


def test_keys_come_before_what_is_said() -> None:
    verbs, reply = asked(do.SendDigits(digits="1"), HELLO, leg=WAITING)
    assert names(verbs) == ["Play", "Say", "Redirect"]
    assert len(reply.carried) == 2


# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "word"), [("busy", "busy"), ("disabled", "rejected"), ("", "rejected")])
def test_a_call_is_refused_before_it_is_answered(reason: str, word: str) -> None:
    (reject,), reply = asked(do.Reject(reason=reason))
    assert (reject.name, reject.attributes) == ("Reject", {"reason": word})
    assert (reply.carried, reply.answers) == ((EffectId("7.0"),), False)


def test_a_call_that_is_to_end_is_hung_up() -> None:
    assert names(asked(do.Hangup(), HELLO)[0]) == ["Hangup"]
    assert names(asked(leg=OVER)[0]) == ["Hangup"]


def test_a_call_of_nobody_is_hung_up() -> None:
    reply = carrier.reply((), None, flow=True)
    assert names(read_twiml(reply.response.body)) == ["Hangup"]


def test_a_report_is_answered_with_nothing_and_carries_nothing() -> None:
    reply = carrier.reply(owed(do.OpenMedia(), HELLO), LEG, flow=False)
    assert (reply.response.status, reply.response.body, reply.carried) == (204, b"", ())


# --- limits ----------------------------------------------------------------------------------------------------------


def test_more_than_a_request_takes_is_come_for() -> None:
    speak = do.Speak(utterance=3, text="&" * LONGEST_PART)
    plain = dict(fields_of(sent(speak, LISTENING)))
    assert plain == {"Url": f"{ASKS}flow=asked&n=7&e=2.0{AGAIN}", "Method": "POST"}
    outcome = told(speak, 200, b"{}", leg=LISTENING)
    assert (type(outcome), getattr(outcome, "settles", "")) == (fact.VendorReported, "")
    assert told(speak, 404, b"{}", leg=LISTENING).settles == ID
    (gather,), _ = asked(speak, leg=LISTENING)
    assert gather.children[0].text == speak.text


@pytest.mark.parametrize("character", ["a", "ß", "好", "🎂"])
def test_what_a_carrier_is_given_at_a_time_fits_into_a_request(character: str) -> None:
    plain = dict(fields_of(sent(do.Speak(utterance=3, text=character * LONGEST_PART), LISTENING)))
    assert len(plain["Twiml"]) <= 4_000


def test_a_ticket_fits_into_a_parameter() -> None:
    (connect,), _ = asked(do.OpenMedia(), leg=change(LEG, ticket="t" * 300))
    assert len(connect.children[0].children[0].attributes["value"]) == 300


def test_a_name_that_is_no_name_stays_in_its_place() -> None:
    leg = change(LISTENING, vendor_call_id=CALL, nonce='"><Hangup/>&x=1#')
    (gather,), _ = asked(HELLO, leg=leg)
    assert gather.attributes["action"].startswith(f"{ASKS}flow=turn&n=%22%3E%3CHangup%2F%3E%26x%3D1%23&")
