"""A carrier whose API answers late, is full, or fails: what a person notices of it is at most a pause."""

from __future__ import annotations

from typing import Any

import pytest

from tests.carriers.scenarios import SCENARIOS, Scenario, play
from voicecall.testing.faults import load_faults

COMMANDS = {"twilio": "POST */Calls/*", "telnyx": "POST */actions/*", "plivo": "* */Call/?*"}
"""Requests about a call that exists. A dial is never repeated: who places a call is told what came of it."""
CARRIERS = pytest.mark.parametrize("carrier", COMMANDS)
NAMES = ("we end a conversation", "somebody calls us", "nobody may call us", "we hang up while it rings")
OF_THE_TABLE = {one.name: one for one in SCENARIOS}


@CARRIERS
@pytest.mark.parametrize(
    "rule", [{"do": "answerLate", "ms": 3_000}, {"do": "slow", "ms": 2_500}], ids=lambda r: r["do"]
)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_an_answer_that_comes_after_the_webhooks_it_caused_changes_nothing(
    scenario: Scenario, rule: dict[str, Any], carrier: str
) -> None:
    told = play(scenario, carrier=carrier, streaming=True, faults=load_faults({"rest": [rule]}))
    assert told == scenario.expected


@CARRIERS
@pytest.mark.parametrize(
    "rule",
    [{"do": "limit", "retryAfterS": 1}, {"do": "fail", "status": 503}, {"do": "fail", "carriedOut": True}],
    ids=["429", "503", "503 and done all the same"],
)
@pytest.mark.parametrize("name", NAMES)
def test_what_must_be_done_is_asked_for_until_it_is_done(name: str, rule: dict[str, Any], carrier: str) -> None:
    scenario = OF_THE_TABLE[name]
    faults = load_faults({"rest": [{**rule, "of": COMMANDS[carrier], "times": 2}]})
    assert play(scenario, carrier=carrier, streaming=True, faults=faults) == scenario.expected
