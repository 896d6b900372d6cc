"""What an agent does: the tool ``voice_call``, invoked over HTTP and by a model in a turn of its own."""

from __future__ import annotations

import json
from typing import Any

import httpx
from attrs import define

from tests.gateway.client import GatewayClient
from tests.gateway.host import TOKEN
from tests.gateway.model import TRIGGER
from tests.gateway.running import Steps
from tests.gateway.scene import Scene

NUMBER, FROM_TURN, LEGACY = "+15551110021", "+15551110022", "+15551110023"
MISTAKES: tuple[dict[str, Any], ...] = (
    {"action": "dance", "to": "+15551119998", "message": "Hello?"},
    {"action": "initiate_call", "to": "+15551119998"},
    {"action": "initiate_call", "to": 5, "message": "Hello?"},
    {"action": "speak_to_user", "callId": "no-such-call", "message": "Hello?"},
    {"action": "send_dtmf", "callId": "no-such-call"},
    {"action": "end_call"},
    {"mode": "status"},
    {},
)
"""Arguments that are answered with an error, and that dial nobody."""


@define
class ByTool:
    """One call by HTTP, one by a model."""

    scene: Scene
    client: GatewayClient
    name: str = ""

    async def invoke(self, **arguments: Any) -> dict[str, Any]:
        """The payload of an invocation."""
        url = f"http://127.0.0.1:{self.scene.host.port}/tools/invoke"
        async with httpx.AsyncClient(trust_env=False, timeout=120) as client:
            body = {"tool": "voice_call", "args": arguments}
            answer = await client.post(url, json=body, headers={"authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200, (answer.status_code, answer.text)
        result = answer.json()["result"]
        assert json.loads(result["content"][0]["text"]) == result["details"], result
        return result["details"]

    async def call(self) -> str:
        say = {"do": "say", "text": "Half past nine."}
        await self.scene.people(NUMBER, "answer", "hear", "hear", say, "staySilent")
        answer = await self.invoke(action="initiate_call", to=NUMBER, message="Hello.", mode="conversation")
        assert answer["initiated"] is True, answer
        self.name = answer["callId"]
        await self.scene.falls_quiet(NUMBER)
        return self.name

    async def actions(self) -> str:
        answer = await self.invoke(action="get_status", callId=self.name)
        assert answer["call"]["callId"] == self.name, answer
        answer = await self.invoke(action="continue_call", callId=self.name, message="When shall we come?")
        assert answer == {"success": True, "transcript": "Half past nine."}, answer
        for action in ({"action": "speak_to_user", "message": "Noted."}, {"action": "send_dtmf", "digits": "5"}):
            assert (await self.invoke(callId=self.name, **action))["success"] is True
        answer = await self.invoke(mode="status", sid=self.name)
        assert answer["found"] is True, answer
        assert (await self.invoke(action="end_call", callId=self.name))["success"] is True
        return await self.scene.ends(NUMBER)

    async def legacy(self) -> str:
        await self.scene.people(LEGACY, "answer", "staySilent")
        answer = await self.invoke(mode="call", to=LEGACY, message="Hello.")
        assert answer["initiated"] is True, answer
        await self.invoke(action="end_call", callId=answer["callId"])
        return await self.scene.ends(LEGACY)

    async def mistakes(self) -> str:
        dials = (await self.scene.api("GET", "report"))["dials"]
        for arguments in MISTAKES:
            answer = await self.invoke(**arguments)
            assert answer.get("error"), (arguments, answer)
        assert (await self.scene.api("GET", "report"))["dials"] == dials
        return f"{len(MISTAKES)} of them, and nobody was dialed"

    async def turn(self) -> str:
        await self.scene.people(FROM_TURN, "answer", "hear", "hangUp")
        arguments = {"action": "initiate_call", "to": FROM_TURN, "message": "Hello from the agent.", "mode": "notify"}
        answer = await self.client.ask_twice(
            "agent",
            message=f"{TRIGGER} {json.dumps(arguments)}",
            sessionKey="agent:main:telephone",
            idempotencyKey="the-tool-by-a-model",
            deliver=False,
            timeout_s=120,
        )
        assert answer["status"] == "ok", answer
        await self.scene.hears(FROM_TURN)
        return await self.scene.ends(FROM_TURN)


async def walk(steps: Steps, scene: Scene, client: GatewayClient) -> None:
    """All of it."""
    by = ByTool(scene, client)
    await steps.all(("tool: initiate_call by /tools/invoke", by.call), ("tool: the other actions", by.actions))
    await steps.do("tool: a call without an action", by.legacy)
    await steps.do("tool: wrong actions and arguments", by.mistakes)
    await steps.do("tool: called by a model in a turn", by.turn)
