"""Plans on real actors: whatever befalls a few calls, their journals are sound, and in peace they end."""

from __future__ import annotations

from hypothesis import given

from tests.machine.plans import PLANS, Step
from tests.machine.profile import machine
from tests.machine.theatre import perform


@machine(300)
@given(PLANS)
def test_whatever_befalls_calls_their_journals_are_sound_and_in_peace_they_end(plan: list[Step]) -> None:
    perform(plan)
