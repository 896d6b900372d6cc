"""The harness is itself tested: each of these faults, put into the code, must be found. A survivor is its bug.

Which tier finds a mutant is written down here; the slower finds run at night.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from tests.checks.test_golden import GOLDEN, calls
from tests.machine import mutants, theatre
from tests.machine.invariants import Violation, hold
from tests.machine.mutants import Mutant
from tests.machine.plans import CUT_SHORT_PLANS, FAULTY_PLANS, PLANS, Step
from tests.machine.profile import NIGHTLY, hunt
from tests.machine.test_call_machine import CallMachine
from voicecall.core import replay as replaying
from voicecall.fault import first


def by_machine() -> None:
    """One call against the adversary."""
    run_state_machine_as_test(CallMachine, settings=hunt(600, stateful_step_count=50))


def _by(plans: st.SearchStrategy[list[Step]], examples: int) -> None:
    @hunt(examples)
    @given(plans)
    def hunting(plan: list[Step]) -> None:
        theatre.perform(plan)

    hunting()


def by_plans() -> None:
    """Plans on real actors."""
    _by(PLANS, 3_000 if NIGHTLY else 300)


def by_faulty_plans() -> None:
    """Plans with an unreliable journal."""
    _by(FAULTY_PLANS, 300)


def by_short_plans() -> None:
    """Plans whose first process does not live long."""
    _by(CUT_SHORT_PLANS, 300)


def by_golden_journals() -> None:
    """What was decided once is decided the same way for ever."""
    for path in GOLDEN:
        for stream, entries in calls(path).items():
            hold(not replaying.replay(entries).divergences, "old journals are decided as they were", stream)


Hunter = Callable[[], None]

FOUND: list[tuple[Mutant, Hunter]] = [
    (mutants.no_dedupe_of_keys, by_machine),
    (mutants.dial_retried_after_restart, by_short_plans),
    (mutants.randomness_inside_decide, by_machine),
    (mutants.no_max_duration_timer, by_machine),
    (mutants.outcomes_do_not_settle_effects, by_machine),
    (mutants.answered_not_guarded_by_phase, by_plans),
    (mutants.recovery_forgets_what_is_owed, by_plans),
    (mutants.no_cancel_point_before_dispatch, by_plans),
    (mutants.time_may_run_backwards, by_machine),
    (mutants.claim_not_written_after_restart, by_plans),
    (mutants.a_rule_changed, by_golden_journals),
    (mutants.what_was_cut_off_counts_as_heard, by_machine),
    (mutants.unfinished_letters_are_lost, by_faulty_plans),
    (mutants.letters_are_put_back_too_early, by_faulty_plans),
    (mutants.nobody_hears_of_late_lines, by_faulty_plans),
    (mutants.timers_wait_for_the_wall_clock, by_plans),
]
AT_NIGHT: list[tuple[Mutant, Hunter]] = [
    (mutants.no_dedupe_of_keys, by_plans),
    (mutants.dial_retried_after_restart, by_machine),
    (mutants.randomness_inside_decide, by_plans),
    (mutants.no_max_duration_timer, by_plans),
    (mutants.outcomes_do_not_settle_effects, by_plans),
    (mutants.answered_not_guarded_by_phase, by_machine),
    (mutants.recovery_forgets_what_is_owed, by_machine),
    (mutants.dial_retried_after_restart, by_plans),
    (mutants.unfinished_letters_are_lost, by_plans),
    (mutants.nobody_hears_of_late_lines, by_plans),
]


def named(pair: tuple[Mutant, Hunter]) -> str:
    return f"{pair[0].__name__}-{pair[1].__name__}"


@pytest.mark.parametrize("pair", [*FOUND, *AT_NIGHT] if NIGHTLY else FOUND, ids=named)
def test_the_harness_finds(pair: tuple[Mutant, Hunter], monkeypatch: pytest.MonkeyPatch) -> None:
    mutant, hunter = pair
    with monkeypatch.context() as patch:
        mutant(patch)
        with pytest.raises((Violation, BaseExceptionGroup)) as found:
            hunter()
    error = first(found.value)
    assert isinstance(error, Violation), error


def test_a_changed_rule_is_found_by_nothing_but_golden_journals(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        mutants.a_rule_changed(patch)
        run_state_machine_as_test(CallMachine, settings=hunt(10, stateful_step_count=30))


def test_every_mutant_is_hunted() -> None:
    written = {
        name
        for name, one in vars(mutants).items()
        if callable(one) and getattr(one, "__module__", "") == mutants.__name__
    }
    helpers = {"everywhere", "_late"}
    assert {mutant.__name__ for mutant, _ in FOUND} == written - helpers
