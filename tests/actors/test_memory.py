"""What an agent remembers of earlier calls."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
import trio.testing
from attrs import evolve

from journal import START, MemoryJournal
from tests.core.story import THEM, US, Story, conversing, placed
from voicecall.actors.memory import CALLS, DAYS_MS, TURNS, remember
from voicecall.actors.world import stream_of
from voicecall.core.state import CallState
from voicecall.events import CallId, Instant
from voicecall.events import facts as fact
from voicecall.events.schema import encode_entry
from voicecall.ports import Line
from voicecall.projections.directory import Directory

GREETING = Line(speaker="agent", text="Hello!")


def talk(*remarks: str) -> Story:
    """A call in which the person said this, after our greeting."""
    call = conversing(greeting=GREETING.text)
    for remark in remarks:
        call.tell(fact.CallerSaid(text=remark, confidence=1.0, started_ms=0, ended_ms=0))
    call.tell(fact.CallEnded(reason="hangup-user"))
    return call


def unanswered() -> Story:
    call = placed()
    call.tell(fact.CallEnded(reason="no-answer"))
    return call


def recalled(
    calls: Sequence[Story], *, peer: str = THEM, anybody: bool = False, after_ms: int = 0, erased: str = ""
) -> tuple[Line, ...]:
    """What is remembered in a call with ``peer``, ``after_ms`` later."""

    async def main() -> tuple[Line, ...]:
        journal, directory = MemoryJournal(), Directory()
        for number, call in enumerate(calls):
            call_id, position = CallId(f"c{number}"), START
            for entry in call.entries:
                position = await journal.append(stream_of(call_id), encode_entry(entry), after=position)
                directory.apply(call_id, position, entry)
        if erased:
            await journal.erase(stream_of(CallId(erased)))
        now = Instant(calls[-1].now + after_ms)
        state = evolve(CallState(), direction="outbound", caller=US, callee=peer)
        return await remember(journal, directory, lambda: now, anybody=anybody)(state)

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def said(*texts: str) -> tuple[Line, ...]:
    return tuple(Line(speaker="caller", text=text) for text in texts)


def test_the_last_calls_of_a_person_are_remembered_in_their_order() -> None:
    calls = [talk("One."), unanswered(), talk("Two.", "Three.")]
    assert recalled(calls) == (GREETING, *said("One."), GREETING, *said("Two.", "Three."))


def test_nobody_else_hears_of_them() -> None:
    calls = [talk("One.")]
    assert recalled(calls, peer="+15559999999") == ()
    assert recalled(calls, peer=THEM[:-1]) == ()
    assert recalled(calls, peer="+15559999999", anybody=True) == (GREETING, *said("One."))


@pytest.mark.parametrize("peer", ["", "anonymous"])
def test_whoever_withholds_the_number_is_nobody_known(peer: str) -> None:
    assert recalled([talk("One.")], peer=peer) == ()


def test_so_many_turns_are_remembered_and_no_more() -> None:
    texts = [f"Number {number}." for number in range(TURNS + 5)]
    lines = recalled([talk("Long ago."), talk(*texts[:10]), talk(*texts[10:])])
    assert [line for line in lines if line.speaker == "caller"] == [*said(*texts[5:])]


def test_so_many_calls_are_looked_at_and_no_more() -> None:
    assert recalled([talk("One."), *[unanswered()] * CALLS]) == ()
    assert recalled([talk("One."), *[unanswered()] * (CALLS - 1)]) != ()


def test_after_a_month_it_is_forgotten() -> None:
    assert recalled([talk("One.")], after_ms=DAYS_MS) != ()
    assert recalled([talk("One.")], after_ms=DAYS_MS + 1) == ()


def test_what_is_erased_is_forgotten() -> None:
    assert recalled([talk("One."), talk("Two.")], erased="c0") == (GREETING, *said("Two."))
