"""What a person on the telephone hears: the gateway's own agent, also after something has died."""

from __future__ import annotations

from typing import Any

import trio
from attrs import define

from tests.gateway.client import GatewayClient
from tests.gateway.model import REPLY
from tests.gateway.scene import OURS, Scene, is_alive

TALKS, CALLS_US, SURVIVES, OUTLIVES = (f"+1555111003{last}" for last in range(4))
QUESTION, AGAIN = "Is Thursday at ten still free?", "And are you still there?"
LONGEST_S = 200
QUIET_MS = {"new": 4_000, "old": 20_000}
"""How long it must be quiet until the answer has been given: fillers come first, and the old agent is slow."""


@define
class ByVoice:
    """Each step has calls of its own. ``client`` is a connection to the gateway that runs."""

    scene: Scene
    client: GatewayClient
    name: str = ""
    pid: int = 0

    @property
    def hears_out(self) -> dict[str, Any]:
        """What a person does who wants to hear it all."""
        return {"do": "hear", "quietMs": QUIET_MS[self.scene.host.release.name], "limitMs": 150_000}

    async def first_turn(self) -> str:
        """The gateway's agent is slow when it is asked for the first time; that is not what the others are about."""
        words = {"message": "Hello.", "sessionKey": "agent:main:first", "idempotencyKey": "the-first-turn"}
        answer = await self.client.ask_twice("agent", deliver=False, timeout_s=200, **words)
        assert answer["status"] == "ok", answer
        return ""

    async def conversation(self) -> str:
        await self.scene.people(TALKS, "answer", "hear", {"do": "say", "text": QUESTION}, self.hears_out, "hangUp")
        name = await self._call(TALKS)
        return await self._spoken(name, TALKS)

    async def inbound(self) -> str:
        steps = ["hear", {"do": "say", "text": QUESTION}, self.hears_out, "hangUp"]
        url = f"http://127.0.0.1:{self.scene.door}/voice/webhook"
        offer = {"to": OURS, "from": CALLS_US, "webhookUrl": url, "statusUrl": url, "script": steps}
        await self.scene.api("POST", "offers", offer)
        await self.scene.hears(CALLS_US)
        found = (await self.client.ask("voicecall.status"))["calls"]
        return await self._spoken(found[0]["callId"], CALLS_US)

    async def server_killed(self) -> str:
        """The person is in a call that listens; the process dies, and what is asked afterwards is still answered."""
        again = {"do": "say", "text": AGAIN}
        waits = {"do": "hear", "limitMs": 60_000}
        await self.scene.people(SURVIVES, "answer", "hear", waits, again, self.hears_out, "hangUp")
        name = await self._call(SURVIVES)
        await self.scene.hears(SURVIVES)
        killed = self.scene.kill_server()
        other = await self.scene.until("another process", lambda: self._other_than(killed))
        await self._spoken(name, SURVIVES, AGAIN)
        assert (await self.scene.seen(SURVIVES))["dials"] == 1
        return f"pid {killed}, then {other}; dialed once"

    def _other_than(self, killed: int) -> int:
        now = self.scene.server_pid()
        return 0 if now == killed else now

    async def _call(self, number: str) -> str:
        answer = await self.client.ask("voicecall.start", to=number, message="Hello, this is it.", mode="conversation")
        return answer["callId"]

    async def _spoken(self, name: str, number: str, question: str = QUESTION) -> str:
        """Wait for the end of a call in which this was asked and the gateway's agent has answered."""
        reason = await self.scene.ends(number, within_s=LONGEST_S)
        call = (await self.client.ask("voicecall.status", callId=name))["call"]
        texts = [line["text"] for line in call["transcript"]]
        assert question in texts, texts
        answer = " ".join(texts[texts.index(question) + 1 :])  # a line of the transcript is a sentence
        assert REPLY in answer, texts
        assert self.scene.model.heard(question)
        return f"{reason}: {' / '.join(texts)}"

    async def host_killed(self) -> str:
        """The gateway dies in the middle of a call, and the call goes on. ``host_back`` is about the same call."""
        again = {"do": "say", "text": AGAIN}
        await self.scene.people(
            OUTLIVES, "answer", "hear", {"do": "hear", "limitMs": 180_000}, again, self.hears_out, "hangUp"
        )
        self.name = await self._call(OUTLIVES)
        await self.scene.hears(OUTLIVES)
        self.pid = self.scene.server_pid()
        await self.scene.host.kill()
        await trio.sleep(2)
        assert self.scene.server_pid() == self.pid, "the process went with its gateway"
        call = await self.scene.seen(OUTLIVES)
        assert (call["status"], call["mediaOpen"]) == ("answered", True), call
        return f"pid {self.pid} goes on"

    async def host_back(self) -> str:
        """The next gateway finds the process and the call, and its agent answers in it."""
        assert self.scene.server_pid() == self.pid, "the next gateway has a process of its own"
        answer = await self.client.ask("voicecall.speak", callId=self.name, message="Here we are again.")
        assert answer == {"success": True}, answer
        return await self._spoken(self.name, OUTLIVES, AGAIN)

    async def disabled(self) -> str:
        """Without the plugin there is no process."""
        pid = self.scene.server_pid()
        self.scene.configure(enabled=False)
        await self.scene.until("the process ends", lambda: not is_alive(pid))
        assert not self.scene.server_pid()
        return f"pid {pid} has ended"

    async def enabled(self) -> str:
        """With it again, there is one."""
        self.scene.configure()
        return f"pid {await self.scene.until('a process', self.scene.server_pid)}"
