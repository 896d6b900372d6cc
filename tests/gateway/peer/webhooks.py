"""Signed webhooks of Twilio: how many, how fast, and how many of those that were acknowledged a crash takes along.

Both get the same requests from the same load generator: reports about calls that somebody made to us, each a report of
its own. The reference acknowledges and then writes; ours writes and then acknowledges. An empty quart-trio handler
is what our framework can do at most.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio
from attrs import frozen

from benchmarks.web_rows import PATH, open_empty
from tests.gateway.peer.hosts import Side, ours, reference
from tests.gateway.peer.rows import Row, median, p99
from tests.gateway.releases import OLD, ROOT
from tests.gateway.scene import OURS, SECRET
from voicecall.ports import HttpRequest
from voicecall.testing.twilio import account
from voicecall.testing.twilio.signing import SIGNATURE, signed_request

PUBLIC = f"https://phone.example.com{PATH}"
CALLS, REPORTS, WARM_UP, CLIENTS = 24, 3_000, 600, 8
SHARE, P99_MS = 0.5, 30.0
CRASH_CALLS, REPORTS_PER_CALL, KILL_AFTER_S = 4_096, 4, 1.5
BATCH = 64
"""Calls at a time: a report about one must not overtake it."""
ACCOUNT = account(SECRET)
SETTINGS: dict[str, Any] = {
    "inboundPolicy": "open",
    "publicUrl": PUBLIC,
    "streaming": {"enabled": False},
    "maxConcurrentCalls": 4_000,
}
MARK = re.compile(r'"(twilio:[^"]+)"')
Seen = dict[str, Any]


@frozen
class Webhook:
    """One request. One of ``marks`` is on disk once it is: the reference's, or ours."""

    call: str
    marks: tuple[str, ...]
    text: str


def webhooks(run: str, calls: int, reports: int) -> list[Webhook]:
    """Somebody calls us, so many times, and then there are reports about these calls in turn."""
    sids = [f"CA{run}{number:0{32 - len(run)}x}" for number in range(calls)]
    offers = [_webhook(sid, "ringing", number=None) for sid in sids]
    return [*offers, *(_webhook(sids[n % calls], "ringing", number=n) for n in range(reports))]


def as_ours(calls: list[Webhook]) -> list[Webhook]:
    """The same calls as if it was we who called. The reference has room for one caller at a time; the others wait in a
    queue. Calls of its own it takes as they come."""
    return [_webhook(one.call, "in-progress", number=None, direction="outbound-api") for one in calls]


def _webhook(sid: str, status: str, *, number: int | None, direction: str = "inbound") -> Webhook:
    fields = {"AccountSid": ACCOUNT["account_sid"], "ApiVersion": "2010-04-01", "CallSid": sid, "CallStatus": status}
    fields |= {"Direction": direction, "From": f"+1555{int(sid[-7:], 16) % 10_000_000:07}", "To": OURS}
    if number is not None:
        fields |= {"CallbackSource": "call-progress-events", "SequenceNumber": str(number)}
    request = signed_request("POST", PUBLIC, fields, token=ACCOUNT["auth_token"])
    ours = f"twilio:{sid}:" + ("offer" if number is None else f"status:{number}")
    said = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
    theirs = hashlib.sha256(f"{PUBLIC}\n{said}\n{request.headers[SIGNATURE]}".encode()).hexdigest()
    return Webhook(sid, (ours, f"twilio:req:{theirs}"), _raw(request))


def _raw(request: HttpRequest) -> str:
    headers = {**request.headers, "host": "phone.example.com", "content-length": str(len(request.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {PATH} HTTP/1.1\r\n{lines}\r\n{request.body.decode()}"


async def load(port: int, requests: list[Webhook], *, clients: int = CLIENTS) -> Seen:
    """What the load generator saw."""
    told = json.dumps({"port": port, "clients": clients, "requests": [one.text for one in requests]})
    command = [sys.executable, "-m", "tests.gateway.peer.load"]
    done = await trio.run_process(command, stdin=told.encode() + b"\n", capture_stdout=True, cwd=ROOT)
    return json.loads(done.stdout)


async def rows(folder: Path, progress: Callable[[str], None]) -> list[Row]:
    """The comparison."""
    progress("the reference's webhooks")
    theirs = {**SETTINGS, "provider": "twilio", "twilio": {"accountSid": ACCOUNT["account_sid"]}}
    theirs["twilio"]["authToken"] = ACCOUNT["auth_token"]
    async with reference(folder / "reference", **theirs) as side:
        peer = await _speed(side)
        peer_lost = await _crash(side, side.host.process.pid if side.host.process else 0)
    progress("ours")
    async with ours(folder / "ours", OLD, "twilio", **SETTINGS) as side:
        own = await _speed(side)
        assert side.scene is not None
        own_lost = await _crash(side, side.scene.server_pid())
    progress("an empty quart-trio handler")
    async with open_empty() as (port, _):
        await load(port, webhooks("e", CALLS, WARM_UP))
        empty = await load(port, webhooks("f", CALLS, REPORTS))
    return [*_speeds(own, peer, empty), *_losses(own_lost, peer_lost)]


async def _speed(side: Side) -> Seen:
    await load(side.door, webhooks("a", CALLS, WARM_UP))
    return await load(side.door, webhooks("a", CALLS, WARM_UP + REPORTS)[CALLS + WARM_UP :])


def _speeds(own: Seen, peer: Seen, empty: Seen) -> list[Row]:
    rate, peer_rate, most = (len(seen["latencies_ms"]) / seen["took_s"] for seen in (own, peer, empty))
    name = f"signed webhooks, {CLIENTS} clients"
    note = f"empty quart-trio handler: {most:,.0f}/s; ours is on disk before the answer"
    goal = f">= {SHARE * 100:.0f} % of the empty handler"
    late, peer_late = p99(own["latencies_ms"]), p99(peer["latencies_ms"])
    mid, peer_mid = median(own["latencies_ms"]), median(peer["latencies_ms"])
    limit = f"< {P99_MS:.0f} ms"
    return [
        Row(name=name, unit="/s", ours=rate, reference=peer_rate, goal=goal, met=rate >= SHARE * most, note=note),
        Row(name=f"{name}, p50", unit="ms", ours=mid, reference=peer_mid),
        Row(name=f"{name}, p99", unit="ms", ours=late, reference=peer_late, goal=limit, met=late < P99_MS),
    ]


async def _crash(side: Side, pid: int) -> dict[str, float]:
    """SIGKILL in the middle; of what was acknowledged, what is not on disk: of calls in %, and how many."""
    batches = range(CRASH_CALLS // BATCH)
    requests = [one for number in batches for one in webhooks(f"c{number:03x}", BATCH, BATCH * REPORTS_PER_CALL)]
    seen: Seen = {}

    async def ask() -> None:
        seen.update(await load(side.door, requests))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.sleep(KILL_AFTER_S)
        os.kill(pid, signal.SIGKILL)
    disk = {mark for path in side.store.rglob("*.jsonl") for mark in MARK.findall(path.read_text(encoding="utf-8"))}
    acknowledged = [requests[index] for index in seen["acknowledged"]]
    lost = [one for one in acknowledged if disk.isdisjoint(one.marks)]
    calls = {one.call for one in acknowledged}
    return {"calls": 100 * len({one.call for one in lost}) / len(calls), "lost": len(lost), "of": len(acknowledged)}


def _losses(own: dict[str, float], peer: dict[str, float]) -> list[Row]:
    note = f"webhooks: ours {own['lost']} of {own['of']}, the reference's {peer['lost']} of {peer['of']}"
    name = "calls with a lost acknowledged webhook, SIGKILL"
    return [
        Row(name=name, unit="%", ours=own["calls"], reference=peer["calls"], goal="0", met=own["lost"] == 0, note=note)
    ]
