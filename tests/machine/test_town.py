"""A whole town in memory: people, their carrier, and a voicecall that may be killed at any moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.machine.invariants import hold
from tests.machine.profile import machine
from tests.machine.town import heard_by_our_books, run
from tests.machine.town_plans import CALM, POLITE, STORMY, Call, Plain, Step
from voicecall.events import Entry, Mode
from voicecall.events import facts as fact

MARK_MS = 200
"""What is played between two marks, and cut off, nobody can know to the millisecond."""


@machine(40)
@given(STORMY)
def test_whatever_befalls_a_town_every_call_ends_and_every_journal_is_sound(plan: list[Step]) -> None:
    run(plan)


@machine(40)
@given(CALM)
def test_we_never_believe_that_more_was_heard_than_was_and_miss_little(plan: list[Step]) -> None:
    def check(call: Plain, entries: list[Entry]) -> None:
        over = [entry.event for entry in entries if isinstance(entry.event, fact.PlaybackFinished)]
        missed = call["heardMs"] - heard_by_our_books(entries)
        limit = MARK_MS * (1 + sum(one.interrupted for one in over))
        hold(-20 <= missed <= limit, "our books agree with the person's ear", missed, limit)

    run(plan, check)


@machine(25)
@given(plan=POLITE, word_s=st.sampled_from([0.02, 0.4, 3.0]))
def test_nobody_who_waits_for_an_answer_waits_in_silence(plan: list[Step], word_s: float) -> None:
    def check(call: Plain, entries: list[Entry]) -> None:
        hold(call["longestSilenceMs"] <= 4_000, "whoever waits for us hears something soon", call)
        hold(call["reason"] == "hangup-user" or word_s == 3.0, "the conversation comes to its end", call)

    run(plan, check, word_s=word_s)


def test_a_call_of_five_minutes_is_a_few_thousand_steps() -> None:
    talk = [step for _ in range(18) for step in ({"do": "hear"}, {"do": "say", "text": "Tell me more about that."})]
    script = ("answer", *talk, {"do": "wait", "ms": 600_000})
    lengths: list[int] = []

    def check(call: Plain, entries: list[Entry]) -> None:
        lengths.append(entries[-1].at - next(one.at for one in entries if isinstance(one.event, fact.CallAnswered)))
        assert sum(isinstance(one.event, fact.CallerSaid) for one in entries) == 18
        assert len(entries) < 600

    effort = run([Call(script, Mode.CONVERSATION)], check)
    assert lengths[0] >= 300_000
    assert effort.steps < 12_000
