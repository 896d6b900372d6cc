"""A webhook whose signature is spoiled on its way: refused, kept for the operator, and no harm to the call."""

from __future__ import annotations

import pytest
import structlog
import trio
import trio.testing

from tests.carriers.scenarios import CONVERSATION, FRIENDLY, LONGEST_S, MESSAGE, REPLIES, Stage
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.testing.faults import load_faults
from voicecall.testing.memory_system import open_memory_system
from voicecall.testing.script import Answer
from voicecall.web.refused_log import RefusedRequest

SPOILED = {"webhooks": [{"do": "wrongSignature", "times": 1}]}
"""The first report of a call, that it is on its way."""


@pytest.mark.parametrize("carrier", ["mock", "twilio", "telnyx", "plivo"])
def test_a_spoiled_signature_is_refused_once_and_explained(carrier: str) -> None:
    async def main() -> tuple[RefusedRequest, ...]:
        with trio.fail_after(LONGEST_S):
            async with open_memory_system(carrier=carrier, agent=ScriptedAgent(REPLIES)) as system:
                system.network.board.faults.play(load_faults(SPOILED))
                stage = Stage(system=system)
                told = await stage.told(await stage.call(Answer(), *FRIENDLY))
                assert (told.reason, told.said) == ("hangup-user", (f"bot: {MESSAGE}", *CONVERSATION))
                webhooks = system.network.board.report()["webhooks"]
                assert webhooks["refused"] + webhooks["givenUp"] == 1
                return system.calls.gate.refused.newest_last

    with structlog.testing.capture_logs() as logs:
        (kept,) = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert (kept.reason, kept.status, kept.examined, kept.carrier) == ("signature", 401, True, carrier)
    assert kept.verdicts
    assert not any(one.matches for one in kept.verdicts)
    told = [one for one in logs if one["event"] == "webhook refused"]
    assert {one["record"] for one in told} == {kept.id}
    assert kept.times == len(told), "a carrier that tries again is refused again, in the same line"
