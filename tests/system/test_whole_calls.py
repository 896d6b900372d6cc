"""Whole calls over real processes, real HTTP and real media sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.street import (
    BUSY,
    CHATS,
    INTERRUPTS,
    LISTENS,
    MACHINE,
    NEVER_ANSWERS,
    PRESSES_KEYS,
    Street,
    open_street,
)
from voicecall.events import facts as fact


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with open_street(tmp_path_factory.mktemp("street")) as street:
        yield street


def test_a_message_is_spoken_and_we_hang_up(street: Street) -> None:
    call_id = street.call(LISTENS, "Your parcel is here.", mode="notify")
    street.over(call_id)
    record = street.record(call_id)
    assert (record["state"], record["endReason"]) == ("hangup-bot", "hangup-bot")
    assert [(one["speaker"], one["text"]) for one in record["transcript"]] == [("bot", "Your parcel is here.")]
    (played,) = street.events(call_id, fact.PlaybackFinished)
    assert (played.interrupted, played.heard_ms > 1_000) == (False, True)
    seen = street.seen(call_id)
    assert (seen["dials"], seen["mediaSockets"], seen["reason"]) == (1, 1, "hangup-bot")
    assert played.heard_ms / 2 < seen["heardMs"] <= played.heard_ms  # a voice has gaps between its words
    street.check(call_id)


def test_a_conversation_with_an_interruption(street: Street) -> None:
    call_id = street.call(INTERRUPTS)
    street.over(call_id)
    record = street.record(call_id)
    assert record["endReason"] == "hangup-user"
    said = [one["text"] for one in record["transcript"] if one["speaker"] == "user"]
    assert said == [
        "Tell me everything about it, please.",
        "Sorry, one question. Is Thursday free?",
        "Perfect, thank you. Goodbye.",
    ]
    cut = [one for one in street.events(call_id, fact.PlaybackFinished) if one.interrupted]
    assert cut
    assert all(one.heard_ms <= one.sent_ms for one in cut)
    assert street.seen(call_id)["clears"] >= 1
    street.check(call_id)


def test_somebody_calls_us(street: Street) -> None:
    call_id = street.offer()
    street.over(call_id)
    record = street.record(call_id)
    assert (record["direction"], record["from"], record["endReason"]) == ("inbound", "+15550002000", "hangup-user")
    assert record["transcript"][0]["text"] == "Hello! How can I help you today?"
    assert [one["text"] for one in record["transcript"] if one["speaker"] == "user"] == [
        "Hi, what are your opening hours?",
        "Great, thank you. Bye.",
    ]
    street.check(call_id)


@pytest.mark.parametrize(("number", "reason"), [(NEVER_ANSWERS, "no-answer"), (BUSY, "busy")])
def test_a_call_that_nobody_takes(street: Street, number: str, reason: str) -> None:
    call_id = street.call(number)
    street.over(call_id)
    record = street.record(call_id)
    assert (record["endReason"], record["transcript"], "answeredAt" in record) == (reason, [], False)
    street.check(call_id)


def test_a_machine_hears_the_message_and_hangs_up(street: Street) -> None:
    call_id = street.call(MACHINE, "Please call us back.", mode="notify")
    street.over(call_id)
    heard = [one["text"] for one in street.record(call_id)["transcript"] if one["speaker"] == "bot"]
    assert heard[0] == "Please call us back."
    street.check(call_id)


def test_we_hang_up_in_the_middle_of_a_word(street: Street) -> None:
    call_id = street.call(LISTENS, "This is a rather long greeting that nobody will hear to its end. " * 3)
    street.saw(call_id, fact.PlaybackStarted)
    assert street.ask("end", callId=call_id) == {"success": True}
    street.over(call_id)
    assert street.record(call_id)["endReason"] == "hangup-bot"
    street.check(call_id)


def test_keys_that_we_press_reach_the_other_side(street: Street) -> None:
    call_id = street.call(LISTENS)
    street.saw(call_id, fact.MediaOpened)
    assert street.ask("dtmf", callId=call_id, digits="1w2#") == {"success": True}
    street.saw(call_id, fact.DigitsRequested, fact.EffectSucceeded)
    street.ask("end", callId=call_id)
    street.over(call_id)
    assert street.seen(call_id)["keysHeard"] == "1w2#"
    street.check(call_id)


def test_keys_that_they_press_go_to_the_agent(street: Street) -> None:
    call_id = street.call(PRESSES_KEYS)
    street.over(call_id)
    assert [one.digits for one in street.events(call_id, fact.DigitsPressed)] == ["1", "2", "3", "#"]
    asked = [
        effect.text for entry in street.entries(call_id) for effect in entry.effects if type(effect).kind == "ask_agent"
    ]
    assert asked == ["[keys 123#]"]
    street.check(call_id)


def test_two_calls_at_once_do_not_mix(street: Street) -> None:
    calls = [street.call(CHATS) for _ in range(2)]
    for call_id in calls:
        street.over(call_id)
        record = street.record(call_id)
        assert record["endReason"] == "hangup-user"
        assert [one["text"] for one in record["transcript"] if one["speaker"] == "user"] == [
            "Hello, this is Alex. How are you?",
            "That sounds good to me. Thank you, goodbye.",
        ]
        street.check(call_id)
