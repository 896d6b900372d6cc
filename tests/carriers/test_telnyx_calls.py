"""Whole calls over Telnyx's wire: the real calls and codec against the simulated vendor."""

from __future__ import annotations

import pytest

from tests.carriers.scenarios import SCENARIOS, Scenario, play

STREAMING = pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "carrier's voice"])


@STREAMING
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_call_comes_to_what_it_comes_to_on_every_carrier(scenario: Scenario, streaming: bool) -> None:
    assert play(scenario, carrier="telnyx", streaming=streaming) == scenario.expected
