"""A simulated carrier and ``voicecall serve`` as the processes they are, on loopback, for any carrier.

The clocks run ``RATE`` times as fast, in both processes and in the test; where a process has to start while a carrier
waits, which no clock can hurry, ``rate`` is 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
import trio
import trio.testing
from attrs import define

from journal import Reader
from voicecall.config import Config
from voicecall.events import CallId, Entry
from voicecall.events.schema import decode_entry
from voicecall.rpc.client import connect
from voicecall.testing.switchboard import vendor_of

RATE = 20
PATIENCE_S = 120
"""How long a test waits for anything, by the clock on the wall."""
SECRET = "hush"
US, THEM = "+15550000000", "+15551112222"
REPLIES = ["I see, thank you for that.", "Very well, that is written down.", "Goodbye then."]
Plain = dict[str, Any]


def live(story: Callable[[], Awaitable[None]], *, rate: int = RATE) -> None:
    """Run a story on a fast clock, and not for ever."""

    async def main() -> None:
        with trio.fail_after(PATIENCE_S * rate):
            await story()

    trio.run(main, clock=trio.testing.MockClock(rate=rate))


@asynccontextmanager
async def _open_process(command: list[str]) -> AsyncGenerator[tuple[trio.Process, Plain]]:
    """A process that says in a line of JSON that it is ready; killed at the end if it still lives."""
    process = await trio.lowlevel.open_process([sys.executable, "-m", *command], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        line = b""
        while not line.endswith(b"\n"):
            piece = await process.stdout.receive_some()
            assert piece, f"{command[0]} ended before it was ready"
            line += piece
        yield process, json.loads(line)
    finally:
        if process.returncode is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            await process.stdout.aclose()


# --- the carrier -----------------------------------------------------------------------------------------------------


@define
class CarrierProcess:
    """The simulated carrier. ``keys`` are the configuration of an account there."""

    carrier: str
    url: str
    keys: Mapping[str, str]
    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: Any = None) -> Plain:
        """The network's own API."""
        headers = {"authorization": f"Bearer {SECRET}"}
        answer = await self.client.request(method, f"{self.url}/_network/{path}", json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def report(self) -> Plain:
        return await self.ask("GET", "report")

    async def over(self) -> Plain:
        """What it says of its only call, when that is over and no stream is open."""
        report = await self.report()
        while report["living"] or report["mediaSocketsOpen"]:
            report = await self.report()
        (call,) = report["calls"]
        return call


@asynccontextmanager
async def open_carrier(
    folder: Path,
    carrier: str,
    script: list[Any],
    *,
    base: str = "",
    account: Mapping[str, str] | None = None,
    rate: int = RATE,
) -> AsyncGenerator[CarrierProcess]:
    """A carrier whose subscribers all do what the ``script`` says. ``base`` is the API's path, ``account`` what of the
    account is other than usual."""
    secret, people, more = folder / "carrier.key", folder / "people.json", folder / "account.json"
    secret.write_text(SECRET + "\n")
    people.write_text(json.dumps({"*": script}))
    more.write_text(json.dumps(account or {}))
    command = ["voicecall.testing.network", "--carrier", carrier, "--port", "0", "--clock-rate", str(rate)]
    command += ["--secret-file", str(secret), "--script", str(people), "--account", str(more)]
    async with _open_process(command) as (_, ready), httpx.AsyncClient(timeout=60 * rate, trust_env=False) as client:
        known = {one.name for one in attrs.fields(type(getattr(Config(), carrier)))}
        found = {**vendor_of(carrier).account(SECRET), **(account or {})}
        keys = {_camel(name): value for name, value in found.items() if name in known}
        yield CarrierProcess(carrier, ready["url"], {**keys, "apiUrl": ready["url"] + base}, client)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


# --- voicecall -------------------------------------------------------------------------------------------------------


@define
class Voicecall:
    """A running ``voicecall serve``. ``port`` is what another one can be started with in its place."""

    process: trio.Process
    state: Path
    url: str
    port: int

    @property
    def webhook_url(self) -> str:
        return f"{self.url}/voice/webhook"

    async def ask(self, method: str, **params: Any) -> Plain:
        """A request as the command line makes it."""
        async with connect(self.state) as client:
            return await client.call(f"voicecall.{method}", params)

    async def call(self, message: str, mode: str = "conversation") -> CallId:
        """Call somebody."""
        params = {"to": THEM, "message": message, "mode": mode, "requestId": "r1"}
        return CallId((await self.ask("initiate", **params))["callId"])

    async def until(self, holds: Callable[[Entry], bool]) -> Entry:
        """The first entry of any call for which ``holds``, from the journal on disk."""
        async with Reader(self.state / "journal").follow() as lines:
            async for line in lines:
                entry = decode_entry(line.body)
                if holds(entry):
                    return entry
        raise AssertionError("a follower does not end")

    async def entries(self, kind: type[Any]) -> list[Entry]:
        """The facts of one kind so far."""
        async with Reader(self.state / "journal").read() as lines:
            entries = [decode_entry(line.body) async for line in lines]
        return [entry for entry in entries if isinstance(entry.event, kind)]

    async def kill(self) -> None:
        """As a power cut does it."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def open_voicecall(
    folder: Path, carrier: CarrierProcess, *, port: int = 0, rate: int = RATE, **settings: Any
) -> AsyncGenerator[Voicecall]:
    """``voicecall serve`` for an account at the carrier."""
    config = folder / "voicecall.json5"
    usual = {
        "provider": carrier.carrier,
        "fromNumber": US,
        "inboundPolicy": "open",
        "agent": {"script": REPLIES},
        carrier.carrier: dict(carrier.keys),
    }
    config.write_text(json.dumps({**usual, **settings}))
    state = folder / "state"
    command = ["voicecall", "serve", "--port", str(port), "--state", str(state), "--config", str(config)]
    async with _open_process([*command, "--clock-rate", str(rate)]) as (process, ready):
        yield Voicecall(process, state, ready["url"], ready["port"])


def nth(kind: type[Any], number: int) -> Callable[[Entry], bool]:
    """Holds for the n-th fact of a kind."""
    seen = 0

    def holds(entry: Entry) -> bool:
        nonlocal seen
        seen += isinstance(entry.event, kind)
        return seen >= number

    return holds
