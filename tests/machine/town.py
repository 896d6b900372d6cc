"""Performs a plan on a whole town in memory, process after process, and looks at what is left when peace has come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import trio
import trio.testing
from attrs import define, field

from journal import MemoryJournal, Position
from tests.machine.invariants import check_finished, hold
from tests.machine.theatre import Treadmill
from tests.machine.town_plans import Call, CalledBy, Plain, Restart, Sleep, Step, Tell, Weather
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.core.replay import replay
from voicecall.core.requests import Ask, EndCall, PressDigits, Say, Wish
from voicecall.events import CallId, Entry
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry
from voicecall.ports import Exchange, Fetch, HttpRequest
from voicecall.testing.memory_system import (
    SCRIPT,
    SECRET,
    WEBHOOK_URL,
    MemorySystem,
    MemoryTown,
    open_memory_town,
)

PEACE_S = 1_200
Check = Callable[[Plain, list[Entry]], None]
"""Given what the network saw of a call, and our journal of it."""
US = "+15550000000"
WISHES: dict[str, Wish] = {
    "say": Say(text="One more thing."),
    "ask": Ask(text="Shall we?"),
    "digits": PressDigits(digits="1"),
    "end": EndCall(),
}


class Disk(MemoryJournal):
    """Has its own weather."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = 0

    async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
        if self.slow:
            self.slow -= 1
            await trio.sleep(2.0)
        return await super().append(stream, body, after=after, ending=ending)

    def turn(self, what: str, times: int) -> None:
        """Good weather is 0 times of everything."""
        match what:
            case "lost":
                self.fail_before(times)
            case "answer lost":
                self.fail_after(times)
            case "slow":
                self.slow = times
            case _:
                self.hang(min(times, 1))


@define
class Way:
    """A way that requests go: ``weather`` is what happens to the next ones."""

    weather: deque[str] = field(factory=deque)

    def through(self, fetch: Fetch, witness: Callable[[str], None] = lambda what: None) -> Fetch:
        async def troubled(request: HttpRequest) -> Exchange:
            witness(f"asked for {request.url}")
            what = self.weather.popleft() if self.weather else "fine"
            if what == "lost":
                return Exchange(request=request, error="lost on the way")
            if what == "slow":
                await trio.sleep(1.0)
            exchange = await fetch(request)
            if what == "twice":
                exchange = await fetch(request)
            return Exchange(request=request, error="the answer was lost") if what == "answer lost" else exchange

        return troubled


@define
class Mayor:
    """Runs the plan."""

    disk: Disk = field(factory=Disk)
    webhooks: Way = field(factory=Way)
    api: Way = field(factory=Way)
    calls: list[CallId] = field(factory=list)
    people: int = 0
    crimes: list[str] = field(factory=list)
    agent: ScriptedAgent = field(factory=lambda: ScriptedAgent(SCRIPT))

    async def perform(self, plan: list[Step]) -> list[Plain]:
        """Every step, then peace. Gives back what the network saw of each call."""
        steps, set_back_ms = deque(plan), 0
        async with open_memory_town(journal=self.disk, faulty=self.webhooks.through) as town:
            while True:
                restart = await self._serve(town, steps, set_back_ms)
                if restart is None:
                    break
                await trio.sleep(restart.down_ms / 1000)
                set_back_ms = min(set_back_ms + restart.set_back_ms, 200_000)
            report = town.network.board.report()
        hold(not self.crimes, "the dead do nothing", self.crimes)
        hold(report["living"] == 0, "in the end nobody is on the line", report)
        hold(report["mediaSocketsOpen"] == 0, "in the end no media stream is open", report)
        hold(all(call["dials"] <= 1 for call in report["calls"]), "nobody is rung twice", report)
        return list(report["calls"])

    async def _serve(self, town: MemoryTown, steps: deque[Step], set_back_ms: int) -> Restart | None:
        dead: list[bool] = []

        def api(fetch: Fetch) -> Fetch:
            return self.api.through(fetch, witness=lambda what: self.crimes.append(what) if dead else None)

        restart: Restart | None = None
        with trio.CancelScope() as power:
            async with (
                town.serve(agent=self.agent, faulty_api=api, set_back_ms=set_back_ms) as system,
                trio.open_nursery() as errands,
            ):
                while steps and restart is None:
                    step = steps.popleft()
                    if isinstance(step, Restart):
                        restart = step
                        dead.append(True)
                        power.cancel()
                    await self._take(step, town, system, errands)
                await self._make_peace(system)
        return restart

    async def _take(self, step: Step, town: MemoryTown, system: MemorySystem, errands: trio.Nursery) -> None:
        match step:
            case Call():
                errands.start_soon(self._call, step, town, system)
            case CalledBy():
                offer = {"from": self._resident(town, step.script), "to": US, "webhookUrl": WEBHOOK_URL}
                await _ask_network(town, "offers", {**offer, "script": list(step.script)})
            case Tell():
                if step.call < len(self.calls):
                    errands.start_soon(system.calls.supervisor.request, self.calls[step.call], WISHES[step.what])
            case Sleep():
                await trio.sleep(step.ms / 1000)
            case Weather(where="journal"):
                self.disk.turn(step.what, step.times)
            case Weather():
                way = self.webhooks if step.where == "webhooks" else self.api
                way.weather.extend([step.what] * step.times)
            case Restart():
                await trio.lowlevel.checkpoint()

    def _resident(self, town: MemoryTown, script: tuple[Any, ...]) -> str:
        self.people += 1
        return f"+1555100{self.people:04}"

    async def _call(self, step: Call, town: MemoryTown, system: MemorySystem) -> None:
        number = self._resident(town, step.script)
        await _ask_network(town, "people", {"number": number, "script": list(step.script)})
        try:
            self.calls.append(await system.place(number, mode=step.mode, name=number))
        except AssertionError as refused:
            hold("did not answer" in str(refused) or "actor" in str(refused) or "down" in str(refused), str(refused))

    async def _make_peace(self, system: MemorySystem) -> None:
        for way in (self.webhooks, self.api):
            way.weather.clear()
        for what in ("lost", "answer lost", "slow", "never"):
            self.disk.turn(what, 0)
        await trio.sleep(PEACE_S)
        supervisor = system.calls.supervisor
        hold(supervisor.actors == 0, "every actor sleeps in the end", supervisor.actors)
        hold(supervisor.live_calls == 0, "every place is free in the end", supervisor.live_calls)
        hold(system.calls.plane.connections == 0, "every media stream is closed in the end")
        for row in system.calls.directory.rows():
            check_finished(await system.entries(CallId(row.call_id)))

    async def journals(self) -> dict[str, list[Entry]]:
        """The entries of every call, by the carrier's name for it."""
        found: dict[str, list[Entry]] = {}
        async with self.disk.streams("call/") as streams:
            async for stream in streams:
                async with self.disk.read(stream) as lines:
                    entries = [decode_entry(line.body) async for line in lines]
                found[replay(entries).ledger.state.vendor_call_id] = entries
        return found


async def _ask_network(town: MemoryTown, path: str, body: Plain) -> None:
    headers = {"authorization": f"Bearer {SECRET}"}
    url = f"http://127.0.0.1:3335/_network/{path}"
    request = HttpRequest(method="POST", url=url, headers=headers, body=msgspec.json.encode(body))
    exchange = await town.network.fetch(request)
    hold(exchange.response is not None and exchange.response.status < 300, "the network understands", exchange)


def heard_by_our_books(entries: list[Entry]) -> int:
    """Milliseconds of our speech that the person heard, as far as we know."""
    return sum(entry.event.heard_ms for entry in entries if isinstance(entry.event, fact.PlaybackFinished))


def run(plan: list[Step], check: Check | None = None, *, word_s: float = 0.02) -> Treadmill:
    """One run of the plan; ``check`` may look at the journals and at what the network saw."""
    treadmill = Treadmill(most=400_000)

    async def main() -> None:
        with treadmill.scope:
            mayor = Mayor(agent=ScriptedAgent(SCRIPT, word_s=word_s))
            seen = await mayor.perform(plan)
            journals = await mayor.journals()
            for call in seen if check is not None else ():
                check(call, journals.get(call["providerCallId"], []))

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0), instruments=[treadmill])
    hold(treadmill.steps < treadmill.most, "the world does not spin")
    return treadmill
