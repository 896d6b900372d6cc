"""What a person does at the keyboard: ``openclaw voicecall …``."""

from __future__ import annotations

from attrs import define

from tests.gateway.running import Steps
from tests.gateway.scene import Scene

NUMBER = "+15551110001"


@define
class ByCommand:
    """One call, from the first command to the last."""

    scene: Scene
    name: str = ""

    async def call(self) -> str:
        await self.scene.people(NUMBER, "answer", "staySilent")
        words = ("--to", NUMBER, "--message", "Hello from the gateway.", "--mode", "conversation")
        self.name = (await self.scene.host.run("voicecall", "call", *words)).json["callId"]
        await self.scene.hears(NUMBER)
        return self.name

    async def status(self) -> str:
        run = self.scene.host.run
        record = (await run("voicecall", "status", "--call-id", self.name)).json
        assert record["callId"] == self.name, record
        assert record["state"] in ("answered", "active", "speaking", "listening"), record
        everything = (await run("voicecall", "status")).json
        assert [one["callId"] for one in everything["calls"]] == [self.name], everything
        return record["state"]

    async def speak(self) -> str:
        before = (await self.scene.seen(NUMBER))["heardMs"]
        await self._done("speak", "--message", "One more thing.")
        after = await self.scene.hears(NUMBER, more_than=before)
        return f"{after['heardMs'] - before} ms more"

    async def dtmf(self) -> str:
        await self._done("dtmf", "--digits", "12#")
        await self.scene.until("the keys arrive", self._keys)
        return "12#"

    async def _keys(self) -> bool:
        return (await self.scene.seen(NUMBER))["keysHeard"] == "12#"

    async def tail(self) -> str:
        def enough(lines: list[str]) -> bool:
            return any(self.name in line for line in lines)

        lines = await self.scene.host.lines("voicecall", "tail", "--since", "100", enough=enough)
        assert enough(lines), lines
        return f"{len(lines)} lines"

    async def end(self) -> str:
        await self._done("end")
        return await self.scene.ends(NUMBER)

    async def mistakes(self) -> str:
        done = await self.scene.host.run("voicecall", "speak", "--call-id", "no-such-call", "--message", "Hello?")
        assert done.code == 1, done
        assert "no-such-call" in done.err, done
        return done.err.strip().splitlines()[-1]

    async def _done(self, command: str, *arguments: str) -> None:
        done = await self.scene.host.run("voicecall", command, "--call-id", self.name, *arguments)
        assert done.json["success"] is True, done


async def walk(steps: Steps, scene: Scene) -> None:
    """All of it."""
    by = ByCommand(scene)
    await steps.all(
        ("openclaw voicecall call", by.call),
        ("openclaw voicecall status", by.status),
        ("openclaw voicecall speak", by.speak),
        ("openclaw voicecall dtmf", by.dtmf),
        ("openclaw voicecall tail", by.tail),
        ("openclaw voicecall end", by.end),
        ("openclaw voicecall speak, no such call", by.mistakes),
    )
