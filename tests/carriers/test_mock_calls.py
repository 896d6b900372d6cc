"""Whole calls over the mock wire: the same table as every vendor's, with media streaming."""

from __future__ import annotations

import pytest

from tests.carriers.scenarios import SCENARIOS, UNRULY, Scenario, play
from voicecall.testing.faults import FaultScript


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_call_comes_to_what_it_comes_to_on_every_carrier(scenario: Scenario) -> None:
    assert play(scenario, carrier="mock", streaming=True) == scenario.expected


@pytest.mark.parametrize("faults", UNRULY.values(), ids=UNRULY)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_webhooks_that_come_twice_late_and_in_any_order_change_nothing(scenario: Scenario, faults: FaultScript) -> None:
    assert play(scenario, carrier="mock", streaming=True, faults=faults) == scenario.expected
