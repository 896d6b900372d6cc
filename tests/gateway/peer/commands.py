"""How long people, programs and agents wait: commands, methods, the tool."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import trio
from attrs import field, frozen

from tests.gateway.client import ADMIN, READ, WRITE, GatewayClient
from tests.gateway.host import TOKEN
from tests.gateway.peer.hosts import LISTENS, Side, ours, reference
from tests.gateway.peer.rows import Row, median
from tests.gateway.releases import NEW, OLD, ROOT

COMMANDS = ("status", "speak", "dtmf", "end")
ARGUMENTS = {"speak": ("--message", "Hello again."), "dtmf": ("--digits", "1")}
CORE = ("last-heartbeat", "system-presence", "models.list")
"""Methods of the gateway itself that do next to nothing."""
REPEATS, ASKED = 2, 400
DIRECT_S, RPC_MS, TOOL_MS = 0.4, 0.3, 60.0


@frozen
class Times:
    """Seconds by command, through the gateway's program and by our own; ms of a method, a core method and the tool."""

    through: dict[str, float] = field(factory=dict)
    direct: dict[str, float] = field(factory=dict)
    status_ms: float = 0.0
    core_ms: float = 0.0
    tool_ms: float = 0.0


async def rows(folder: Path, progress: Callable[[str], None]) -> list[Row]:
    """The comparison."""
    progress("the reference's commands, methods and tool")
    async with reference(folder / "reference") as side:
        theirs = await _measure(side, COMMANDS)
    progress("ours in the same gateway")
    async with ours(folder / "ours", OLD) as side:
        own = await _measure(side, COMMANDS)
    progress("ours in the new gateway")
    async with ours(folder / "new", NEW) as side:
        new = await _measure(side, ())
    return [*_commands(theirs, own), *_methods(theirs, own, new)]


def _commands(theirs: Times, own: Times) -> Iterator[Row]:
    for name in COMMANDS:
        direct, through, peer = own.direct[name], own.through[name], theirs.through[name]
        goal, met = f"< {DIRECT_S} s", direct < DIRECT_S
        yield Row(name=f"voicecall {name}", unit="s", ours=direct, reference=peer, goal=goal, met=met)
        yield Row(name=f"openclaw voicecall {name}", unit="s", ours=through, reference=peer)


def _methods(theirs: Times, own: Times, new: Times) -> Iterator[Row]:
    version = f"openclaw {NEW.version}"
    over, goal = new.status_ms - new.core_ms, f"core + {RPC_MS} ms"
    core = f"a core method: ours {own.core_ms:.2f}, reference {theirs.core_ms:.2f} ms"
    yield Row(name="voicecall.status p50", unit="ms", ours=own.status_ms, reference=theirs.status_ms, note=core)
    note = f"a core method: {new.core_ms:.2f} ms"
    name = f"voicecall.status p50, {version}"
    yield Row(name=name, unit="ms", ours=new.status_ms, goal=goal, met=over < RPC_MS, note=note)
    yield Row(name="/tools/invoke", unit="ms", ours=own.tool_ms, reference=theirs.tool_ms)
    goal, met = f"< {TOOL_MS:.0f} ms", new.tool_ms < TOOL_MS
    yield Row(name=f"/tools/invoke, {version}", unit="ms", ours=new.tool_ms, goal=goal, met=met)


async def _measure(side: Side, commands: tuple[str, ...]) -> Times:
    """All times of one side, with a call that lives as long as the measurement."""
    async with side.host.client(scopes=(READ, WRITE, ADMIN)) as client:  # the reference's methods have no scope
        call = await _place(side, client)
        through, direct = {}, {}
        for command in commands:
            through[command] = await _command(side, client, command, partial(_through, side))
            if side.scene is not None:
                direct[command] = await _command(side, client, command, partial(_direct, side))
        core = next(name for name in CORE if name in client.hello["features"]["methods"])
        status_ms = await _asked(partial(client.ask, "voicecall.status", callId=call))
        core_ms = await _asked(partial(client.ask, core))
    tool_ms = await _tool(side, call)
    return Times(through, direct, status_ms, core_ms, tool_ms)


async def _place(side: Side, client: GatewayClient) -> str:
    answer = await client.ask("voicecall.start", to=LISTENS, message="Hello.", mode="conversation")
    if side.scene is not None:
        await side.scene.hears(LISTENS)
    return answer["callId"]


async def _command(side: Side, client: GatewayClient, command: str, run: Callable[..., Awaitable[None]]) -> float:
    """Seconds of a command, each time on a call of its own."""
    figures: list[float] = []
    for _ in range(REPEATS):
        call = await _place(side, client)
        start = perf_counter()
        await run(command, "--call-id", call, *ARGUMENTS.get(command, ()))
        figures.append(perf_counter() - start)
        if command != "end":
            await client.ask("voicecall.end", callId=call)
    return median(figures)


async def _through(side: Side, *arguments: str) -> None:
    done = await side.host.run("voicecall", *arguments)
    assert done.code == 0, done


async def _direct(side: Side, *arguments: str) -> None:
    command = [sys.executable, "-m", "voicecall", *arguments, "--state", str(side.store)]
    await trio.run_process(command, cwd=ROOT, capture_stdout=True)


async def _asked(ask: Callable[[], Awaitable[Any]]) -> float:
    """The middle of many, one after the other, in ms."""
    figures: list[float] = []
    for _ in range(ASKED):
        start = perf_counter()
        await ask()
        figures.append((perf_counter() - start) * 1000)
    return median(figures[ASKED // 4 :])


async def _tool(side: Side, call: str) -> float:
    url = f"http://127.0.0.1:{side.host.port}/tools/invoke"
    body = {"tool": "voice_call", "args": {"action": "get_status", "callId": call}}
    figures: list[float] = []
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(trust_env=False, timeout=120, headers=headers) as client:
        for _ in range(2 * REPEATS + 1):
            start = perf_counter()
            answer = await client.post(url, json=body)
            figures.append((perf_counter() - start) * 1000)
            assert "found" in answer.json()["result"]["details"], answer.text  # the reference's tool knows no live call
    return median(figures)
