"""What callers hear: how soon a greeting begins, how evenly it comes, and whether it stops for another caller's agent.

Both speak with the same simulated vendor, which needs no time, and both are called by the same callers. The reference
gets a stand-in transcriber; ours has one of its own.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import trio

from tests.gateway.peer.hosts import Side, ours, reference
from tests.gateway.peer.rows import Row, median, p99
from tests.gateway.peer.webhooks import ACCOUNT, PUBLIC, as_ours, webhooks
from tests.gateway.releases import OLD, ROOT
from voicecall.audio.modem import modulate
from voicecall.cli.simulating import first_line

GREETING = (
    "Good day and thank you for calling. " + "We are glad that you are here and will be with you in a moment. " * 6
)
WARM, CROWD, CROWD_S, SETTLED_MS = 5, 50, 12.0, 2_500
SPEAKS_AT_S, HOLE_S, SHORT_S = 1.0, 14.0, 3.0
FIRST_MS, GAP_MS, HOLE_MS = 100.0, 25.0, 40.0
MARKER = b"\x21" * 160
Seen = list[dict[str, Any]]


async def rows(folder: Path, progress: Callable[[str], None]) -> list[Row]:
    """The comparison."""
    async with _vendor() as url:
        openai = {"apiKey": "sk-simulated", "baseUrl": url}
        voice = {"provider": "openai", "providers": {"openai": openai}}
        common = {"inboundPolicy": "open", "inboundGreeting": GREETING, "publicUrl": PUBLIC}
        progress("the reference's sound")
        twilio = {"accountSid": ACCOUNT["account_sid"], "authToken": ACCOUNT["auth_token"]}
        streaming = {"enabled": True, "provider": "stand-in", "maxConnections": 64, "maxPendingConnectionsPerIp": 64}
        theirs = {**common, "provider": "twilio", "twilio": twilio, "streaming": streaming}
        speech = {"messages": {"tts": voice}}
        async with reference(folder / "reference", ears=True, more=speech, **theirs) as side:
            peer = await _measure(side, MARKER)
        progress("our sound")
        streaming = {**streaming, "provider": "offline"}
        async with ours(folder / "ours", OLD, "twilio", **common, tts=voice, streaming=streaming) as side:
            own = await _measure(side, modulate("What time is it?"))
    return _rows(own, peer)


def _rows(own: dict[str, float], peer: dict[str, float]) -> list[Row]:
    crowd, hole = f"outgoing frame gaps p99, {CROWD} calls", "longest hole in call A while B's agent thinks"
    goals = (
        ("greeting's first sound, first call after start", "cold", FIRST_MS),
        ("greeting's first sound, warm", "warm", FIRST_MS),
        (crowd, "gap", GAP_MS),
        (hole, "hole", HOLE_MS),
    )
    made: list[Row] = []
    for name, key, most in goals:
        mine, their = own.get(key), peer.get(key)
        note = "" if mine is not None and their is not None else "a dash: no sound was heard"
        met = mine is not None and mine < most
        made.append(Row(name=name, unit="ms", ours=mine, reference=their, goal=f"< {most:.0f}", met=met, note=note))
    return made


async def _measure(side: Side, question: bytes) -> dict[str, float]:
    """Everything about one side, in ms; what could not be measured is missing."""
    found: dict[str, float] = {}
    firsts = [(await _call(side, f"{number:x}", 1, SHORT_S))[0]["first_ms"] for number in range(WARM + 1)]
    if firsts[0] is not None:
        found["cold"] = firsts[0]
    if warm := [one for one in firsts[1:] if one is not None]:
        found["warm"] = median(warm)
    gaps = [gap for one in await _call(side, "c0", CROWD, CROWD_S) for gap in _gaps(one)]
    if gaps:
        found["gap"] = p99(gaps)
    seen = await _call(side, "d0", 2, HOLE_S, speech={1: (SPEAKS_AT_S, question)})
    if gaps := _gaps(seen[0], since_ms=0):
        found["hole"] = max(gaps)
    return found


def _gaps(seen: dict[str, Any], since_ms: float = SETTLED_MS) -> list[float]:
    return [after - before for before, after in pairwise(seen["arrivals_ms"]) if before > since_ms]


async def _call(
    side: Side, run: str, count: int, seconds: float, speech: dict[int, tuple[float, bytes]] | None = None
) -> Seen:
    """What so many callers hear."""
    calls = webhooks(run, count, 0)
    texts, again = ([one.text for one in some] for some in (calls, as_ours(calls)))
    said = {str(index): [at_s, base64.b64encode(sound).decode()] for index, (at_s, sound) in (speech or {}).items()}
    told = {"port": side.door, "webhooks": texts, "again": again, "seconds": seconds, "speech": said}
    command = [sys.executable, "-m", "tests.gateway.peer.callers"]
    done = await trio.run_process(command, stdin=json.dumps(told).encode() + b"\n", capture_stdout=True, cwd=ROOT)
    return json.loads(done.stdout)


@asynccontextmanager
async def _vendor() -> AsyncGenerator[str]:
    """The address of a simulated speech vendor that takes no time."""
    command = [sys.executable, "-m", "voicecall.testing.vendors", "--port", "0", "--first-sound-ms", "0"]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield (await first_line(process.stdout))["openai"]
    finally:
        process.terminate()
        with trio.move_on_after(10, shield=True):
            await process.wait()
