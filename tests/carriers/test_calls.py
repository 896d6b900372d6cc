"""Whole calls over every carrier's wire: the real calls and codec against the simulated vendor."""

from __future__ import annotations

import pytest

from tests.carriers.scenarios import SCENARIOS, UNRULY, Scenario, play
from tests.carriers.wires import WIRES, Wire
from voicecall.testing.faults import FaultScript


@pytest.mark.parametrize("wire", WIRES, ids=str)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_call_comes_to_what_it_comes_to_on_every_carrier(scenario: Scenario, wire: Wire) -> None:
    assert play(scenario, carrier=wire.carrier, streaming=wire.streaming) == scenario.expected


@pytest.mark.parametrize("wire", WIRES, ids=str)
@pytest.mark.parametrize("faults", UNRULY.values(), ids=UNRULY)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_webhooks_that_come_twice_late_and_in_any_order_change_nothing(
    scenario: Scenario, faults: FaultScript, wire: Wire
) -> None:
    assert play(scenario, carrier=wire.carrier, streaming=wire.streaming, faults=faults) == scenario.expected
