"""The record of a call in the words that users know."""

from __future__ import annotations

from itertools import count

import pytest

from tests.core.story import START, Story, answered, conversing, dialed, notifying, offered, placed
from voicecall.core.requests import Ask, EndCall
from voicecall.core.state import CallState, Phase
from voicecall.events import CallId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.projections.directory import Directory
from voicecall.projections.status import call_line, call_record, state_word

ID = CallId("5b0e2c1e-0000-5000-8000-000000000001")


def record(call: Story, *, server: bool = True) -> dict[str, object]:
    return call_record(ID, call.entries, server=server)


def line(call: Story, *, server: bool = True) -> dict[str, object]:
    directory = Directory()
    for position, entry in zip(count(1), call.entries, strict=False):
        directory.apply(ID, position, entry)
    (row,) = directory.rows()
    return call_line(row, server=server)


def test_a_finished_call_has_the_fields_of_the_contract() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    call.replies("Yes, it is.")
    call.plays(2)
    call.thought()
    call.tell(fact.CallEnded(reason="hangup-user"), key="evt-9", after_ms=1_000)
    assert record(call) == {
        "callId": ID,
        "providerCallId": "v1",
        "provider": "mock",
        "direction": "outbound",
        "state": "hangup-user",
        "from": "+15550000000",
        "to": "+15550001000",
        "startedAt": START,
        "answeredAt": START + 4_000,
        "endedAt": START + 5_200,
        "endReason": "hangup-user",
        "transcript": [
            {"timestamp": START + 4_200, "speaker": "bot", "text": "Hello, this is us.", "isFinal": True},
            {"timestamp": START + 4_200, "speaker": "user", "text": "Is Thursday free?", "isFinal": True},
            {"timestamp": START + 4_200, "speaker": "bot", "text": "Yes, it is.", "isFinal": True},
        ],
        "processedEventIds": ["evt-9"],
        "metadata": {"mode": "conversation"},
    }


def test_what_has_not_happened_is_not_there() -> None:
    found = record(placed())
    assert {"providerCallId", "answeredAt", "endedAt", "endReason"} & set(found) == set()
    assert found["metadata"] == {"initialMessage": "Hello, this is us.", "mode": "conversation"}


def test_of_what_was_cut_off_the_record_shows_what_was_heard() -> None:
    call = conversing()
    call.says("When?")
    call.replies("On Thursday at ten in the morning.")
    call.starts(2)
    call.finishes(2, heard_ms=400, interrupted=True)
    assert record(call)["transcript"][-1] == {
        "timestamp": call.now,
        "speaker": "bot",
        "text": "On Thursday at ten in the morning.",
        "isFinal": True,
        "heard": "On Thursday",
    }


def test_the_words_of_a_call_that_goes_well() -> None:
    words: list[object] = []
    call = placed()
    words.append(record(call)["state"])
    call.tell(fact.CallRinging(vendor_call_id="v1"))
    words.append(record(call)["state"])
    call.tell(fact.CallAnswered())
    words.append(record(call)["state"])
    call.tell(fact.MediaOpened(stream_id="s1"))
    words.append(record(call)["state"])
    call.starts(1)
    words.append(record(call)["state"])
    call.finishes(1)
    words.append(record(call)["state"])
    call.tell(fact.CallerStarted())
    words.append(record(call)["state"])
    call.ask(EndCall())
    words.append(record(call)["state"])
    call.tell(fact.CallEnded(reason="completed"))
    words.append(record(call)["state"])
    assert words == [
        "initiated", "ringing", "answered", "active", "speaking", "listening", "listening", "listening", "hangup-bot"
    ]  # fmt: skip


def test_a_call_that_is_hung_up_before_the_answer_keeps_its_word() -> None:
    for call, word in ((dialed(), "initiated"), (offered(), "ringing")):
        call.ask(EndCall())
        assert record(call)["state"] == word


def test_a_hang_up_that_fails_is_no_reason_for_an_end_until_the_call_has_ended() -> None:
    call = conversing()
    call.ask(EndCall(reason="timeout"))
    assert "endReason" not in record(call)
    call.fails(do.Hangup)
    assert "endReason" not in record(call)
    call.tell(fact.CallEnded(reason="timeout", settles=call.owed(do.Conclude)))
    assert record(call)["endReason"] == "timeout"


@pytest.mark.parametrize("reason", ["completed", "busy", "no-answer", "voicemail", "failed", "error", "unknown"])
def test_the_state_of_an_ended_call_is_its_reason(reason: object) -> None:
    call = dialed()
    call.tell(fact.CallEnded(reason=reason))
    found = record(call)
    assert (found["state"], found["endReason"]) == (reason, reason)


def test_a_state_alone_has_a_word_too() -> None:
    assert state_word(CallState()) == "initiated"
    assert state_word(CallState(phase=Phase.ENDING)) == "active"
    assert state_word(CallState(phase=Phase.ENDED)) == "unknown"


def test_an_inbound_call_has_no_mode_and_a_stranger_has_no_number() -> None:
    call = Story()
    event = offered().entries[0].event
    assert isinstance(event, fact.CallOffered)
    call.tell(
        fact.CallOffered(
            **{name: getattr(event, name) for name in ("carrier", "vendor_call_id", "policy", "rules")},
            caller="",
            callee="",
        )
    )
    found = record(call)
    assert (found["from"], found["to"], found["direction"]) == ("unknown", "unknown", "inbound")
    assert found["metadata"] == {"initialMessage": "Hello, this is us."}


@pytest.mark.parametrize(
    ("verdict", "reason"), [("disabled", "inbound-policy"), ("not-allowed", "inbound-policy"), ("busy", "busy")]
)
def test_a_refused_caller_is_told_apart(verdict: str, reason: str) -> None:
    call = offered(verdict=verdict)
    call.tell(fact.CallEnded(reason="rejected"))
    found = record(call)
    assert (found["state"], found["metadata"]["rejectionReason"]) == ("rejected", reason)


def test_the_mode_of_a_notify_call_is_notify() -> None:
    assert record(notifying())["metadata"]["mode"] == "notify"


def test_the_turns_that_continue_took_are_counted() -> None:
    call = conversing()
    for utterance, answer in ((2, "Three."), (3, "Four.")):
        call.ask(Ask(text="How many?"))
        call.starts(utterance)
        call.now += 2_000
        call.finishes(utterance)
        call.now += 1_500
        call.says(answer)
    call.ask(Ask(text="And?"))
    assert record(call)["metadata"] == {
        "mode": "conversation",
        "turnCount": 2,
        "lastTurnLatencyMs": 3_500,
        "lastTurnListenWaitMs": 1_500,
        "lastTurnCompletedAt": call.now,
    }


def test_how_late_the_sound_was_is_told_where_it_was_measured() -> None:
    call = conversing()
    call.tell(fact.AudioMeasured(offset_ms=5_000, caller_dbfs=-9, agent_dbfs=-9, late_p99_ms=0.4, lag_max_ms=7.5))
    assert record(call)["metadata"] == {"mode": "conversation", "frameLateP99Ms": 0.4, "loopLagMaxMs": 7.5}


def test_without_a_server_a_call_in_progress_is_unfinished_and_an_ended_one_is_not() -> None:
    call = conversing()
    assert "unfinished" not in record(call)
    assert record(call, server=False)["unfinished"] is True
    assert line(call, server=False)["unfinished"] is True
    call.tell(fact.CallEnded(reason="busy"))
    assert "unfinished" not in record(call, server=False)
    assert "unfinished" not in line(call, server=False)


def test_the_request_ids_of_our_own_are_no_event_ids_of_the_carrier() -> None:
    call = placed()
    assert call.ledger.keys == {"request:r": 1}
    assert record(call)["processedEventIds"] == []


def test_a_line_of_the_directory_has_the_records_fields_without_the_talk() -> None:
    call = conversing()
    call.tell(fact.CallEnded(reason="hangup-user"))
    whole = record(call)
    for name in ("transcript", "metadata", "processedEventIds"):
        del whole[name]
    assert line(call) == whole


def test_the_words_of_the_directory() -> None:
    ringing = dialed()
    ringing.tell(fact.CallRinging())
    ending = conversing()
    ending.ask(EndCall())
    refused = offered(verdict="disabled")
    stories = (placed(), ringing, offered(), answered(), conversing(), ending, refused)
    words = [line(call)["state"] for call in stories]
    assert words == ["initiated", "ringing", "ringing", "active", "active", "active", "ringing"]
