"""Every call of the journal in a line, also after a restart from a checkpoint."""

from __future__ import annotations

import zlib
from itertools import count

import msgspec
import pytest
from attrs import evolve

from tests.core.story import START, Story, answered, conversing, dialed, offered, placed, policy
from voicecall.core.requests import EndCall
from voicecall.events import RULES, CallId, Entry, Instant
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.projections import directory as module
from voicecall.projections.directory import Directory, Row

ONE, TWO = CallId("aaaa1111-0000-5000-8000-000000000001"), CallId("aaaa2222-0000-5000-8000-000000000002")


def fold(directory: Directory, call_id: CallId, entries: list[Entry], positions: count[int]) -> None:
    for entry in entries:
        directory.apply(call_id, next(positions), entry)


def directory_of(**calls: Story) -> tuple[Directory, count[int]]:
    directory, positions = Directory(), count(1)
    for name, call in calls.items():
        fold(directory, CallId(name), call.entries, positions)
    return directory, positions


def ended(reason: object = "hangup-user") -> Story:
    call = conversing()
    call.tell(fact.CallEnded(reason=reason))
    return call


def row_of(call: Story) -> Row:
    directory, _ = directory_of(one=call)
    row = directory.row(CallId("one"))
    assert row is not None
    return row


def test_a_call_in_progress_is_a_row_with_all_that_is_known() -> None:
    call = conversing()
    assert row_of(call) == Row(
        call_id="one",
        carrier="mock",
        direction="outbound",
        caller="+15550000000",
        callee="+15550001000",
        phase="live",
        vendor_call_id="v1",
        mode="conversation",
        started_at=call.state.started_at,
        answered_at=call.state.answered_at,
    )


def test_the_row_says_the_same_as_the_state_in_every_phase() -> None:
    ringing = dialed()
    ringing.tell(fact.CallRinging())
    ending = conversing()
    ending.ask(EndCall(reason="timeout"))
    reconciled = dialed()
    reconciled.fire("ring")
    asked = reconciled.owed(do.Reconcile)
    reconciled.tell(fact.CallReconciled(settles=asked, alive=True, answered=True))
    refused = offered(verdict="disabled")
    for call in (
        placed(),
        dialed(),
        ringing,
        offered(),
        refused,
        answered(),
        reconciled,
        conversing(),
        ending,
        ended(),
    ):
        state, row = call.state, row_of(call)
        told = (row.phase, row.vendor_call_id, row.answered_at, row.ended_at, row.end_reason, row.peer)
        expected = (
            state.phase.value, state.vendor_call_id, state.answered_at, state.ended_at, state.end_reason, state.peer
        )  # fmt: skip
        assert told == expected


def test_our_reason_for_the_end_counts_when_the_carrier_only_confirms_it() -> None:
    call = conversing()
    call.ask(EndCall(reason="timeout"))
    call.tell(fact.CallEnded(reason="completed"))
    assert row_of(call).end_reason == call.state.end_reason == "timeout"


def test_an_ended_call_does_not_live_but_is_known() -> None:
    directory, _ = directory_of(one=ended(), two=conversing())
    assert list(directory.living()) == ["two"]
    assert directory.knows(CallId("one"))
    assert not directory.knows(CallId("three"))
    assert directory.row(CallId("three")) is None
    assert len(directory) == 2
    assert [row.call_id for row in directory.rows()] == ["one", "two"]


def test_a_call_that_talks_a_lot_hides_no_other() -> None:
    chatty = conversing()
    for _ in range(500):
        chatty.tell(fact.CallerHeard(text="and another thing"))
    directory, positions = directory_of(one=ended(), two=ended("busy"))
    fold(directory, CallId("three"), chatty.entries, positions)
    assert [row.call_id for row in directory.rows()] == ["one", "two", "three"]


def test_a_late_fact_does_not_wake_an_ended_call() -> None:
    directory, positions = directory_of(one=ended("busy"))
    late = evolve(conversing().entries[-1], event=fact.VendorReported(status="ended"))
    fold(directory, CallId("one"), [late], positions)
    assert list(directory.living()) == []
    row = directory.row(CallId("one"))
    assert row is not None
    assert row.end_reason == "busy"


def test_an_entry_counts_once_however_often_it_is_read() -> None:
    call = ended()
    directory, _ = directory_of(one=call)
    before = directory.checkpoint()
    fold(directory, CallId("one"), call.entries, count(1))
    assert directory.checkpoint() == before
    assert directory.position == len(call.entries)


def test_a_call_is_found_by_its_id_its_beginning_and_the_carriers_id() -> None:
    directory, _ = directory_of(**{ONE: conversing(), TWO: ended()})
    assert directory.find(ONE) == ONE
    assert directory.find("aaaa2") == TWO
    assert directory.find("aaaa1111-0000") == ONE
    assert directory.find("v1") == ONE, "of two calls with this name the one in progress is meant"
    assert directory.find("aaaa") is None, "ambiguous"
    assert directory.find("aaa") is None, "too short to mean anything"
    assert directory.find("zzzz") is None


def test_a_past_call_is_found_by_the_carriers_id_and_its_beginning() -> None:
    directory, _ = directory_of(**{ONE: ended()})
    assert directory.find("v1") == directory.find("aaaa") == ONE
    assert directory.named("mock", "v1") == ONE
    assert directory.named("twilio", "v1") is None


def test_a_call_that_the_carrier_renames_is_known_under_both_names() -> None:
    call = dialed()
    call.tell(fact.CallRinging(vendor_call_id="v2"))
    directory, _ = directory_of(one=call)
    assert directory.named("mock", "v1") == directory.named("mock", "v2") == "one"
    assert row_of(call).vendor_call_id == "v2"


def test_an_entry_without_a_beginning_is_no_call() -> None:
    directory = Directory()
    directory.apply(ONE, 1, conversing().entries[-1])
    assert len(directory) == 0
    assert directory.position == 1


def test_an_erased_call_is_forgotten() -> None:
    directory, _ = directory_of(**{ONE: conversing(), TWO: ended()})
    for call_id in (ONE, TWO):
        directory.forget(call_id)
    assert len(directory) == 0
    assert directory.find("v1") is None


# --- checkpoints -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_and_what_follows_give_the_whole_directory() -> None:
    first, second = conversing(), ended()
    whole, positions = directory_of(one=first)
    restored = Directory.restore(whole.checkpoint())
    assert (restored.position, list(restored.living())) == (whole.position, ["one"])
    again = count(1)
    for directory, numbers in ((whole, positions), (restored, again)):
        if directory is restored:
            fold(directory, CallId("one"), first.entries, numbers)
        fold(directory, CallId("two"), second.entries, numbers)
    assert restored.checkpoint() == whole.checkpoint()
    assert list(restored.rows()) == list(whole.rows())


def test_a_checkpoint_does_not_claim_what_lies_beyond_a_gap() -> None:
    call = conversing()
    directory = Directory()
    for position, entry in zip((1, 2, 4, 5), call.entries, strict=False):
        directory.apply(ONE, position, entry)
    assert Directory.restore(directory.checkpoint()).position == 2
    directory.reached(6)
    assert Directory.restore(directory.checkpoint()).position == 6


def test_a_gap_that_stays_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GAP", 3)
    directory = Directory()
    for position in (2, 3, 4, 5):
        directory.apply(ONE, position, conversing().entries[0])
    assert directory.position == 5


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text", "other version"])
def test_a_damaged_checkpoint_is_ignored(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    directory, _ = directory_of(one=ended(), two=conversing())
    data = directory.checkpoint()
    middle = len(data) // 2
    match damage:
        case "flip":
            data = data[:middle] + bytes((data[middle] ^ 1,)) + data[middle + 1 :]
        case "cut":
            data = data[:-1]
        case "empty":
            data = b""
        case "text":
            data = b"not a checkpoint"
        case _:
            monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    restored = Directory.restore(data)
    assert (len(restored), restored.position) == (0, 0)


def test_a_checkpoint_of_another_shape_is_ignored() -> None:
    strange = msgspec.msgpack.encode(["a view of another time"])
    assert Directory.restore(zlib.crc32(strange).to_bytes(4, "big") + strange).position == 0


def test_past_calls_with_a_person_are_found_newest_first_and_no_older_than_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_STRIDE", 2)
    calls: dict[str, Story] = {}
    for number in range(6):
        call = Story(now=Instant(START + 1_000 * number))
        callee = ("+1555", "+15551")[number % 2]
        call.tell(fact.CallPlaced(carrier="mock", caller="+1555", callee=callee, policy=policy(), rules=RULES))
        call.tell(fact.CallEnded(reason="no-answer"))
        calls[f"c{number}"] = call
    directory, _ = directory_of(**calls, living=conversing())
    found = list(directory.past_with("+1555", Instant(START + 1_500)))
    assert [row.call_id for row in found if row] == ["c4", "c2"]
    assert None in found
    assert [row.call_id for row in directory.past_with("", Instant(START + 3_000)) if row] == ["c5", "c4", "c3"]
    assert [row for row in directory.past_with("+1", Instant(0)) if row] == []
