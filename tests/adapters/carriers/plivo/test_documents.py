"""The documents that we give: a strict reader takes each, and every one says what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import evolve as change
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.carriers.plivo.kit import LEG, STANCES, STREAM
from voicecall.adapters.carriers.plivo import carrier, documents
from voicecall.core.fallback import LONGEST_PART
from voicecall.events import AnyEffect, EffectId
from voicecall.events import effects as do
from voicecall.ports import HttpResponse, Leg, Owed, Reply, Stance
from voicecall.testing.plivo import xml
from voicecall.testing.plivo.documents import PlivoDocuments
from voicecall.testing.plivo.media import Streams
from voicecall.testing.plivo.signing import Signer
from voicecall.testing.verbs import (
    BadDocument,
    Connect,
    Gather,
    HangUp,
    Pause,
    Redirect,
    Reject,
    Say,
    Verb,
)

AGAIN = "#ct=2000&rt=10000&tt=20000&rc=5&rp=all"
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


def reader() -> PlivoDocuments:
    """Plivo's side of a call."""
    signer = Signer(token="t", schemes=frozenset({"v3"}))
    streams = Streams(account_id="MA", call_uuid="c", signer=signer, wall=lambda: LEG.placed_at, fresh_id=lambda: "1")
    return PlivoDocuments(fields=dict[str, str], fresh_id=lambda: STREAM.replace("-", ""), streams=streams)


def asked(*effects: AnyEffect, leg: Leg = LEG) -> tuple[tuple[Verb, ...], Reply]:
    """What a flow request is answered, as Plivo reads it."""
    reply = carrier.reply(owed(*effects), leg, flow=True)
    assert (reply.response.status, reply.response.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    return reader().read(reply.response, LEG.webhook_url), reply


def kinds(verbs: Sequence[Verb]) -> list[type[Verb]]:
    return [type(verb) for verb in verbs]


def query(url: str) -> dict[str, str]:
    """What a URL of ours says; it must be absolute and say how patiently to ask."""
    assert url.startswith(LEG.webhook_url + "?")
    assert url.endswith(AGAIN)
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


# --- strictly --------------------------------------------------------------------------------------------------------


@given(
    effects=st.lists(st.sampled_from(EFFECTS), max_size=4),
    stance=st.sampled_from(STANCES),
    after=st.sampled_from(STANCES),
    text=st.text(min_size=1, max_size=60),
    voice=st.sampled_from(["", "WOMAN", "Polly.Joanna", 'a"b<c&d']),
)
def test_a_strict_reader_takes_every_document(
    effects: list[AnyEffect], stance: Stance, after: Stance, text: str, voice: str
) -> None:
    leg = change(LEG, stance=stance, after=after, voice=voice)
    spoken = [change(one, text=text) if isinstance(one, do.Speak) else one for one in effects]
    verbs, reply = asked(*spoken, leg=leg)
    assert set(reply.carried) <= {name for name, _ in owed(*spoken)}
    # Nothing after the last verb: a document that came to its end would end the call.
    assert isinstance(verbs[-1], Redirect | HangUp | Reject)


@given(st.text(max_size=80))
def test_what_is_said_is_said_to_the_letter_except_for_what_no_document_may_hold(text: str) -> None:
    verbs, _ = asked(change(HELLO, text=text), leg=WAITING)
    said = [verb.text for verb in verbs if isinstance(verb, Say)]
    expected = documents.NOT_XML.sub("", text).replace("\r\n", "\n").replace("\r", "\n").strip()
    assert said == ([expected] if expected else [])
    assert kinds(verbs) == ([Say, Redirect] if expected else [Pause, Redirect])


def test_what_a_carrier_is_given_at_a_time_fits_into_a_document() -> None:
    verbs, reply = asked(change(HELLO, text="\U0001f600" * LONGEST_PART), leg=LISTENING)
    assert kinds(verbs) == [Gather, Redirect]
    assert len(reply.response.body) < xml.DOCUMENT_LIMIT


# --- streaming -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", [do.Answer(), do.OpenMedia()])
def test_sound_goes_both_ways_on_a_socket_that_is_kept_and_whose_end_is_asked_about(effect: AnyEffect) -> None:
    (stream, again), reply = asked(effect)
    assert isinstance(stream, Connect)
    assert stream.wait
    assert stream.order.handshake.url == LEG.media_url
    assert isinstance(again, Redirect)
    assert query(again.target.url) == {"callId": "c1", "flow": "stream", "n": "7"}
    assert reply.carried == ("7.0",)
    assert reply.answers is isinstance(effect, do.Answer)


def test_without_a_stream_to_open_the_carrier_waits_and_asks_again() -> None:
    (pause, again), reply = asked()
    assert pause == Pause(seconds=1)
    assert isinstance(again, Redirect)
    assert query(again.target.url)["flow"] == "wait"
    assert reply.carried == ()


def test_a_media_url_may_have_a_query() -> None:
    leg = change(LEG, media_url="wss://voice.example.com/voice/stream?a=1&b=2")
    (stream, _), _ = asked(do.OpenMedia(), leg=leg)
    assert isinstance(stream, Connect)
    assert stream.order.handshake.url == leg.media_url


# --- speaking and listening ------------------------------------------------------------------------------------------


def test_a_prompt_that_may_be_interrupted_is_inside_the_listening() -> None:
    (ear, again), reply = asked(HELLO, leg=LISTENING)
    assert isinstance(ear, Gather)
    assert (ear.speech, ear.keys, ear.follow, ear.when_empty) == (True, True, True, False)
    assert ear.prompts == (Say(text=HELLO.text),)
    spoke = {"callId": "c1", "n": "7", "e": "7.0", "u": "3"}
    assert query(ear.action.url) == {**spoke, "flow": "turn", "cut": "1"}
    assert isinstance(again, Redirect)
    assert query(again.target.url)["flow"] == "silence"
    assert reply.carried == ("7.0",)


def test_every_key_is_told_and_what_was_heard_stays_out_of_plivos_logs() -> None:
    reply = carrier.reply(owed(do.Listen()), LISTENING, flow=True)
    (ear, _), _ = asked(do.Listen(), leg=LISTENING)
    assert isinstance(ear, Gather)
    assert ear.finish_on == ""
    assert b'log="false"' in reply.response.body


def test_a_prompt_that_may_not_be_interrupted_comes_before_the_listening() -> None:
    (words, ear, _), _ = asked(change(HELLO, interruptible=False), leg=LISTENING)
    assert words == Say(text=HELLO.text)
    assert isinstance(ear, Gather)
    assert ear.prompts == ()
    assert "cut" not in query(ear.action.url)


def test_where_nobody_is_listened_to_the_end_of_the_words_is_told() -> None:
    (_, again), _ = asked(HELLO, leg=WAITING)
    assert isinstance(again, Redirect)
    assert query(again.target.url) == {"callId": "c1", "flow": "said", "n": "7", "e": "7.0", "u": "3"}


def test_after_words_we_go_on_as_things_will_be_and_after_a_filler_as_they_are() -> None:
    leg = change(LEG, stance=Stance.WAIT, after=Stance.LISTEN)
    assert kinds(asked(HELLO, leg=leg)[0]) == [Gather, Redirect]
    assert kinds(asked(change(HELLO, purpose="filler"), leg=leg)[0]) == [Say, Redirect]


def test_a_call_is_answered_greeted_and_listened_to_by_one_document() -> None:
    verbs, reply = asked(do.Answer(), do.Listen(), HELLO, leg=LISTENING)
    assert kinds(verbs) == [Gather, Redirect]
    assert (reply.carried, reply.answers) == (("7.0", "7.1", "7.2"), True)


def test_one_utterance_rides_on_an_answer_and_the_next_one_waits() -> None:
    verbs, reply = asked(HELLO, change(HELLO, utterance=4), leg=WAITING)
    assert kinds(verbs) == [Say, Redirect]
    assert reply.carried == ("7.0",)


def test_what_should_be_silent_is_silent_by_any_other_document() -> None:
    verbs, reply = asked(do.StopSpeaking(utterance=3), leg=LISTENING)
    assert kinds(verbs) == [Gather, Redirect]
    assert reply.carried == ("7.0",)


def test_keys_are_never_pressed_by_a_document() -> None:
    assert asked(do.SendDigits(digits="1"), leg=WAITING)[1].carried == ()


# --- endings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "busy"), [("busy", True), ("not-allowed", False), ("disabled", False)])
def test_a_call_is_refused_before_it_is_answered(reason: str, busy: bool) -> None:
    verbs, reply = asked(HELLO, do.Reject(reason=reason), leg=OVER)
    assert verbs == (Reject(busy=busy),)
    assert (reply.carried, reply.answers) == (("7.1",), False)


def test_a_call_that_is_to_end_is_hung_up() -> None:
    assert asked(HELLO, do.Hangup())[0] == (HangUp(),)
    assert asked(leg=OVER)[0] == (HangUp(),)


def test_a_call_of_nobody_is_hung_up() -> None:
    reply = carrier.reply((), None)
    assert reader().read(reply.response, "") == (HangUp(),)


def test_a_report_is_answered_with_nothing_and_carries_nothing() -> None:
    reply = carrier.reply(owed(*EFFECTS), LEG)
    assert (reply.response.status, reply.response.body, reply.carried) == (200, b"", ())


# --- the reader itself -----------------------------------------------------------------------------------------------

WSS = "wss://voice.example.com/s"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<Say>x</Say>", "<Say> does not belong here"),
        ("<Speak/>", "the text is missing"),
        ('<Speak loud="yes">x</Speak>', "there is no attribute 'loud'"),
        ("<GetInput/>", "'action' is missing"),
        ('<GetInput action="/turn" inputType="speech"/>', "no absolute http or https URL"),
        ('<GetInput action="https://a/b"/>', "inputType: must be one of"),
        ('<GetInput action="https://a/b" inputType="speech" executionTimeout="4"/>', "from 5 to 60"),
        ('<GetInput action="https://a/b" inputType="dtmf" digitEndTimeout="1"/>', "from 2 to 10"),
        ('<GetInput action="https://a/b" inputType="dtmf" finishOnKey="12"/>', "must be a key"),
        (
            '<GetInput action="https://a/b" inputType="dtmf"><Redirect>https://a</Redirect></GetInput>',
            "not belong here",
        ),
        ("<Redirect>voice/webhook</Redirect>", "no absolute http or https URL"),
        ('<Redirect method="PUT">https://a/b</Redirect>', "must be one of GET, POST"),
        ('<Speak>x</Speak><Hangup reason="busy"/>', "only the first element"),
        ('<Hangup reason="later"/>', "must be one of rejected, busy"),
        ("<DTMF>12x</DTMF>", "are no keys"),
        (f"<Stream>{WSS}</Stream>", "contentType"),
        (f'<Stream contentType="audio/x-l16;rate=8000">{WSS}</Stream>', "is simulated"),
        ('<Stream contentType="audio/x-mulaw;rate=8000">ws://voice.example.com/s</Stream>', "no wss URL"),
        (f'<Stream contentType="audio/x-mulaw;rate=8000">{WSS}?{"a" * 2048}</Stream>', "no wss URL"),
        (
            f'<Stream contentType="audio/x-mulaw;rate=8000" bidirectional="true" audioTrack="both">{WSS}</Stream>',
            "inbound track",
        ),
        (f'<Stream contentType="audio/x-mulaw;rate=8000" extraHeaders="a=b.c">{WSS}</Stream>', "extraHeaders"),
        (f'<Stream contentType="audio/x-mulaw;rate=8000" extraHeaders="a={"b" * 511}">{WSS}</Stream>', "extraHeaders"),
    ],
)
def test_the_reader_refuses_what_the_tables_do_not_have(body: str, words: str) -> None:
    response = HttpResponse(
        status=200, headers={"content-type": "text/xml"}, body=f"<Response>{body}</Response>".encode()
    )
    with pytest.raises(BadDocument, match=words):
        reader().read(response, "https://voice.example.com/")
