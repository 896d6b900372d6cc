"""The table of transitions, and the state as a value."""

from __future__ import annotations

import pytest
from attrs import frozen

from tests.core.story import THEM, US, offered, placed
from voicecall.core.change import change
from voicecall.core.state import LIVING, TRANSITIONS, UNANSWERED, CallState, Phase
from voicecall.events import EffectId
from voicecall.events import effects as do
from voicecall.events.base import NO_EFFECT


def test_every_phase_has_its_row_and_only_the_end_is_final() -> None:
    assert set(TRANSITIONS) == set(Phase)
    assert [phase for phase, after in TRANSITIONS.items() if not after] == [Phase.ENDED]
    assert all(Phase.ENDED in TRANSITIONS[phase] for phase in LIVING)
    assert UNANSWERED < LIVING


def test_no_phase_is_ever_entered_again() -> None:
    order = list(Phase)
    assert all(order.index(after) > order.index(before) for before in TRANSITIONS for after in TRANSITIONS[before])


def test_the_person_is_who_we_are_not() -> None:
    assert (placed().state.caller, placed().state.peer) == (US, THEM)
    assert (offered().state.callee, offered().state.peer) == (US, THEM)


def test_an_effect_is_owed_by_name() -> None:
    state = placed().state
    assert isinstance(state.owes(EffectId("1.0")), do.Dial)
    assert state.owes(EffectId("7.7")) is None
    assert state.owes(NO_EFFECT) is None


def test_a_change_makes_a_copy_and_refuses_a_field_that_is_not_there() -> None:
    @frozen(slots=False)
    class Pair:
        left: int
        right: int = 2

    one = Pair(1)
    assert change(one, left=3) == Pair(3, 2)
    assert one == Pair(1)
    with pytest.raises(TypeError, match=r"Pair has no field \['middle'\]"):
        change(one, middle=9)


def test_a_fresh_state_knows_nothing() -> None:
    state = CallState()
    assert (state.phase, state.owed, state.armed, state.remarks) == (Phase.NEW, (), (), ())
