"""What became of a ``continue``, as any process can tell from the journal."""

from __future__ import annotations

from tests.core.story import Story, conversing
from voicecall.core.requests import Ask
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.projections.operation import Operation, apply, operations


def asked(**settings: object) -> tuple[Story, int]:
    call = conversing(**settings)
    call.ask(Ask(text="How many?"))
    return call, call.ledger.seq


def outcome(call: Story, seq: int) -> Operation:
    operation = Operation(seq=seq)
    for entry in call.entries:
        operation = apply(operation, entry)
    return operation


def told(call: Story, seq: int) -> tuple[str, str]:
    done = outcome(call, seq)
    return done.status, done.result


def test_it_is_pending_until_the_person_has_answered() -> None:
    call, seq = asked()
    call.starts(2)
    call.now += 2_000
    call.finishes(2)
    listening = call.now
    assert told(call, seq) == ("pending", "")
    call.now += 1_000
    call.says("Three, please.")
    done = outcome(call, seq)
    assert (done.status, done.result, done.found) == ("completed", "Three, please.", True)
    assert (done.listening_at, done.completed_at - done.requested_at) == (listening, 3_000)
    call.says("Or four.")
    assert told(call, seq) == ("completed", "Three, please.")


def test_an_answer_given_into_the_question_counts() -> None:
    call, seq = asked()
    call.says("Three!")
    assert told(call, seq) == ("completed", "Three!")


def test_keys_are_an_answer_once_they_are_joined() -> None:
    call, seq = asked()
    call.plays(2)
    call.tell(fact.DigitsPressed(digits="1"))
    call.tell(fact.DigitsPressed(digits="2"), after_ms=1_000)
    call.wait(1_000)
    assert told(call, seq) == ("pending", "")
    call.wait(1_000)
    assert told(call, seq) == ("completed", "[keys 12]")


def test_a_person_who_says_nothing_is_not_waited_for_for_ever() -> None:
    call, seq = asked(transcript_timeout_ms=5_000)
    call.plays(2)
    call.wait(4_999)
    assert told(call, seq) == ("pending", "")
    call.wait(1)
    assert told(call, seq) == ("failed", "Timed out waiting for transcript after 5000ms")


def test_a_timer_from_an_earlier_wait_does_not_end_this_one() -> None:
    call, _ = asked(transcript_timeout_ms=5_000)
    call.plays(2)
    call.says("Three.")
    call.wait(4_000)
    call.ask(Ask(text="Sure?"))
    seq = call.ledger.seq
    call.plays(3)
    call.wait(1_000)
    assert told(call, seq) == ("pending", "")


def test_a_question_that_could_not_be_said_has_failed() -> None:
    call, seq = asked()
    call.fails(do.Speak, "speech failed: no voice")
    assert told(call, seq) == ("failed", "Speak failed: speech failed: no voice")


def test_the_end_of_the_call_is_a_failure_with_the_reason() -> None:
    call, seq = asked()
    call.tell(fact.CallEnded(reason="hangup-user"))
    assert told(call, seq) == ("failed", "Call ended: hangup-user")


def test_an_error_of_the_carrier_is_a_failure_with_its_words() -> None:
    call, seq = asked()
    call.tell(fact.CallEnded(reason="error", vendor_code="the trunk is down"))
    assert told(call, seq) == ("failed", "Call error: the trunk is down")


def test_our_own_reason_for_the_end_is_told() -> None:
    call, seq = asked()
    call.tell(fact.HangupRequested(reason="timeout"))
    call.tell(fact.CallEnded(reason="completed"))
    assert told(call, seq) == ("failed", "Call ended: timeout")


def test_an_entry_that_asked_nothing_is_no_operation() -> None:
    call, _ = asked()
    done = outcome(call, 1)
    assert (done.status, done.result, done.found) == ("failed", "operation not found", False)
    assert outcome(call, 999).found is False


def test_every_continue_of_a_call_is_listed() -> None:
    call, _ = asked()
    call.plays(2)
    call.says("Three.")
    call.ask(Ask(text="Sure?"))
    call.plays(3)
    call.ask(Ask(text="Not while we wait"))
    call.tell(fact.CallEnded(reason="hangup-user"))
    assert [(one.status, one.result) for one in operations(call.entries)] == [
        ("completed", "Three."),
        ("failed", "Call ended: hangup-user"),
    ]
    assert operations(conversing().entries) == []
