"""Whole calls over Plivo's wire: the real calls and codec against the simulated vendor."""

from __future__ import annotations

import pytest

from tests.carriers.scenarios import SCENARIOS, UNRULY, Scenario, play
from voicecall.testing.faults import FaultScript

STREAMING = pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "carrier's voice"])


@STREAMING
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_call_comes_to_what_it_comes_to_on_every_carrier(scenario: Scenario, streaming: bool) -> None:
    assert play(scenario, carrier="plivo", streaming=streaming) == scenario.expected


@STREAMING
@pytest.mark.parametrize("faults", UNRULY.values(), ids=UNRULY)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_webhooks_that_come_twice_late_and_in_any_order_change_nothing(
    scenario: Scenario, faults: FaultScript, streaming: bool
) -> None:
    assert play(scenario, carrier="plivo", streaming=streaming, faults=faults) == scenario.expected
