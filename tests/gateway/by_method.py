"""What another program does: every method, through a client of the gateway."""

from __future__ import annotations

from typing import Any

from attrs import define

from tests.gateway.client import ADMIN, READ, WRITE, GatewayClient
from tests.gateway.running import Steps
from tests.gateway.scene import Scene

TALKS, LISTENS = "+15551110011", "+15551110012"
METHODS = {
    *("voicecall.initiate", "voicecall.start", "voicecall.continue", "voicecall.continue.start"),
    *("voicecall.continue.result", "voicecall.speak", "voicecall.dtmf", "voicecall.end", "voicecall.status"),
}
MISTAKES: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("voicecall.initiate", {}, "INVALID_REQUEST", "message required"),
    ("voicecall.start", {}, "INVALID_REQUEST", "to required"),
    ("voicecall.start", {"to": 5}, "INVALID_REQUEST", "to"),
    ("voicecall.start", {"to": "around the corner"}, "INVALID_REQUEST", "to"),
    ("voicecall.continue", {}, "INVALID_REQUEST", "callId and message required"),
    ("voicecall.speak", {"callId": "x"}, "INVALID_REQUEST", "callId and message required"),
    ("voicecall.dtmf", {"callId": "x"}, "INVALID_REQUEST", "callId and digits required"),
    ("voicecall.end", {}, "INVALID_REQUEST", "callId required"),
    ("voicecall.end", {"callId": 7}, "INVALID_REQUEST", "callId"),
    ("voicecall.continue.result", {}, "INVALID_REQUEST", "operationId required"),
    ("voicecall.continue.result", {"operationId": "no-such"}, "INVALID_REQUEST", "operation not found"),
    ("voicecall.dance", {}, "INVALID_REQUEST", "unknown method"),
)
"""Method, parameters, and the code and the words of the right answer."""


@define
class ByMethod:
    """Two calls: one that talks, and one that listens."""

    scene: Scene
    client: GatewayClient
    talking: str = ""
    listening: str = ""

    async def features(self) -> str:
        missing = METHODS - set(self.client.hello["features"]["methods"])
        assert not missing, missing
        return f"protocol {self.client.hello['protocol']}"

    async def start(self) -> str:
        words = [{"do": "say", "text": text} for text in ("Yes, Thursday suits me.", "No, that is all.")]
        await self.scene.people(TALKS, "answer", "hear", "hear", words[0], "hear", words[1], "staySilent")
        await self.scene.people(LISTENS, "answer", "staySilent")
        answer = await self.client.ask("voicecall.start", to=LISTENS, message="Hello, two.", mode="conversation")
        assert answer["initiated"] is True, answer
        self.listening = answer["callId"]
        answer = await self.client.ask("voicecall.initiate", to=TALKS, message="Hello, one.", mode="conversation")
        self.talking = answer["callId"]
        await self.scene.hears(LISTENS)
        await self.scene.falls_quiet(TALKS)
        return ""

    async def status(self) -> str:
        answer = await self.client.ask("voicecall.status", callId=self.talking)
        assert (answer["found"], answer["call"]["callId"]) == (True, self.talking), answer
        sid = answer["call"]["providerCallId"]
        assert (await self.client.ask("voicecall.status", sid=sid))["call"]["callId"] == self.talking
        calls = (await self.client.ask("voicecall.status"))["calls"]
        assert {one["callId"] for one in calls} >= {self.talking, self.listening}, calls
        assert await self.client.ask("voicecall.status", callId="no-such-call") == {"found": False}
        return sid

    async def proceed(self) -> str:
        answer = await self.client.ask("voicecall.continue", callId=self.talking, message="Is Thursday good?")
        assert answer == {"success": True, "transcript": "Yes, Thursday suits me."}, answer
        return answer["transcript"]

    async def proceed_start(self) -> str:
        begun = await self.client.ask("voicecall.continue.start", callId=self.talking, message="Anything else?")
        assert begun["status"] == "pending", begun
        assert begun["pollTimeoutMs"] > 0, begun
        done = await self.scene.until("an answer", lambda: self._result(begun["operationId"]))
        assert done["result"]["transcript"] == "No, that is all.", done
        return str(done)

    async def _result(self, name: str) -> dict[str, Any] | None:
        answer = await self.client.ask("voicecall.continue.result", operationId=name)
        assert answer["status"] in ("pending", "completed"), answer
        return answer if answer["status"] == "completed" else None

    async def speak(self) -> str:
        before = (await self.scene.seen(LISTENS))["heardMs"]
        answer = await self.client.ask("voicecall.speak", callId=self.listening, message="Still there?")
        assert answer == {"success": True}, answer
        await self.scene.hears(LISTENS, more_than=before)
        return ""

    async def dtmf(self) -> str:
        assert await self.client.ask("voicecall.dtmf", callId=self.listening, digits="77#") == {"success": True}
        await self.scene.until("the keys arrive", self._keys)
        return ""

    async def _keys(self) -> bool:
        return (await self.scene.seen(LISTENS))["keysHeard"] == "77#"

    async def end(self) -> str:
        for name, number in ((self.listening, LISTENS), (self.talking, TALKS)):
            assert await self.client.ask("voicecall.end", callId=name) == {"success": True}
            assert await self.scene.ends(number) == "hangup-bot"
        error = await self.client.refusal("voicecall.speak", callId=self.listening, message="Hello?")
        assert error.code == "UNAVAILABLE", error
        return f"then speak: {error}"

    async def mistakes(self) -> str:
        dials = (await self.scene.api("GET", "report"))["dials"]
        # What nobody knows is for those who may do everything: others are not told that it is unknown.
        async with self.scene.host.client(scopes=(READ, WRITE, ADMIN)) as client:
            for method, params, code, words in MISTAKES:
                error = await client.refusal(method, **params)
                assert (error.code, words in error.message) == (code, True), (method, params, error)
        assert (await self.scene.api("GET", "report"))["dials"] == dials
        return f"{len(MISTAKES)} of them, and nobody was dialed"

    async def scopes(self) -> str:
        async with self.scene.host.client(scopes=(READ,)) as reader:
            assert (await reader.ask("voicecall.status"))["found"] is True
            error = await reader.refusal("voicecall.start", to=LISTENS, message="Hello?")
        assert "operator.write" in str(error.error), error.error
        return str(error)


async def walk(steps: Steps, scene: Scene, client: GatewayClient) -> None:
    """All of it."""
    by = ByMethod(scene, client)
    await steps.all(
        ("methods that the gateway tells of", by.features),
        ("voicecall.start, voicecall.initiate", by.start),
        ("voicecall.status", by.status),
        ("voicecall.continue", by.proceed),
        ("voicecall.continue.start, .result", by.proceed_start),
        ("voicecall.speak", by.speak),
        ("voicecall.dtmf", by.dtmf),
        ("voicecall.end", by.end),
    )
    await steps.do("wrong methods and parameters", by.mistakes)
    await steps.do("a client that may only read", by.scopes)
