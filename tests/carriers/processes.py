"""A simulated carrier and ``voicecall serve`` as the processes they are, on loopback, for any carrier.

The clocks run ``rate`` times as fast, in both processes and in the test. Where a process has to start while a carrier
waits, which no clock can hurry, ``rate`` must be 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import trio
import trio.testing
from attrs import define

from journal import Reader
from tests.carriers.scenarios import REPLIES
from tests.carriers.stage import THEM
from voicecall.actors.identity import inbound_call_id
from voicecall.actors.world import read_call, stream_of
from voicecall.cli.simulating import first_line
from voicecall.core.ledger import Ledger, fold
from voicecall.core.state import Phase
from voicecall.events import CallId, Entry
from voicecall.events.effects import Speak
from voicecall.events.schema import decode_entry
from voicecall.rpc.client import connect
from voicecall.system import keep_state
from voicecall.testing.memory_system import OURS
from voicecall.testing.settings import carrier_settings
from voicecall.testing.switchboard import vendor_of

RATE = 20
PATIENCE_S = 120
"""How long a story may take, by the clock on the wall."""
SECRET = "hush"
STATE = "state"
UNHURRIED = {"webhook_timeout_secs": "30"}
"""What an account says where a carrier lets it: on a fast clock a busy machine answers late."""
SETTINGS: dict[str, Any] = {
    "fromNumber": OURS,
    "inboundPolicy": "open",
    "agent": {"script": REPLIES},
    "tts": {"provider": "offline"},
    "patience": {"agentMs": [60_000, 120_000, 180_000]},  # for the same reason nothing is said to fill a pause
}
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
        ready = await first_line(process.stdout)
        assert ready, f"{command[0]} ended before it was ready"
        yield process, ready
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
    keys: Plain
    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: Any = None) -> Plain:
        """The network's own API."""
        headers = {"authorization": f"Bearer {SECRET}"}
        answer = await self.client.request(method, f"{self.url}/_network/{path}", json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else {}

    async def offer(self, webhook_url: str, steps: list[Any]) -> CallId:
        """Let somebody call us who does this."""
        urls = {"webhookUrl": webhook_url, "statusUrl": webhook_url}
        offered = await self.ask("POST", "offers", {"to": OURS, "from": THEM, "script": steps, **urls})
        return inbound_call_id(self.carrier, offered["providerCallId"])

    async def over(self) -> Plain:
        """The report when no call lives and no media socket is open."""
        report = await self.ask("GET", "report")
        while report["living"] or report["mediaSocketsOpen"]:
            report = await self.ask("GET", "report")
        return report


@asynccontextmanager
async def open_carrier(folder: Path, carrier: str, *, rate: int = RATE) -> AsyncGenerator[CarrierProcess]:
    """A simulated carrier. Its secret is where voicecall keeps it, and looks for the one of the mock network."""
    account = vendor_of(carrier).account(SECRET)
    more = {name: value for name, value in UNHURRIED.items() if name in account}
    state, changed = folder / STATE, folder / "account.json"
    keep_state(state)
    secret = state / "mock.key"
    secret.write_text(SECRET + "\n")
    changed.write_text(json.dumps(more))
    command = ["voicecall.testing.network", "--carrier", carrier, "--port", "0", "--clock-rate", str(rate)]
    command += ["--secret-file", str(secret), "--account", str(changed)]
    async with _open_process(command) as (_, ready), httpx.AsyncClient(timeout=60 * rate, trust_env=False) as client:
        yield CarrierProcess(carrier, ready["url"], carrier_settings(carrier, account, ready["url"]), client)


# --- voicecall -------------------------------------------------------------------------------------------------------


@define
class Voicecall:
    """A running ``voicecall serve``. ``port`` is what another one can be started with in its place."""

    process: trio.Process
    carrier: CarrierProcess
    state: Path
    url: str
    port: int

    async def call(self, message: str, *steps: Any, mode: str = "conversation") -> CallId:
        """Call somebody who does this."""
        await self.carrier.ask("POST", "people", {"number": THEM, "script": list(steps)})
        params = {"to": THEM, "message": message, "mode": mode, "requestId": "r1"}
        async with connect(self.state) as client:
            return CallId((await client.call("voicecall.initiate", params))["callId"])

    async def answer(self, *steps: Any) -> CallId:
        """Be called by somebody who does this."""
        return await self.carrier.offer(f"{self.url}/voice/webhook", list(steps))

    async def saw(self, call_id: CallId, kind: type[Any], number: int = 1) -> Entry:
        """The n-th fact of a kind, from the journal on disk."""
        async with Reader(self.state / "journal").follow(stream_of(call_id)) as lines:
            async for line in lines:
                entry = decode_entry(line.body)
                number -= isinstance(entry.event, kind)
                if not number:
                    return entry
        raise AssertionError("a follower does not end")

    async def over(self, call_id: CallId) -> tuple[list[Entry], Plain]:
        """The journal of the only call there was, when it is over, and the network's report."""
        await self._told_all(call_id)
        report = await self.carrier.over()
        return await read_call(Reader(self.state / "journal"), call_id), report

    async def _told_all(self, call_id: CallId) -> None:
        """Wait until a call has ended and what became of everything we said is known: some carriers never tell, and a
        last remark is then settled after the end."""
        ledger = Ledger()
        async with Reader(self.state / "journal").follow(stream_of(call_id)) as lines:
            async for line in lines:
                ledger = fold(ledger, decode_entry(line.body))
                speaking = any(isinstance(effect, Speak) for effect in ledger.owed.values())
                if ledger.state.phase is Phase.ENDED and not speaking:
                    return

    async def kill(self) -> None:
        """As a power cut does it."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def open_voicecall(
    folder: Path, carrier: CarrierProcess, *, port: int = 0, rate: int = RATE, **settings: Any
) -> AsyncGenerator[Voicecall]:
    """``voicecall serve`` for an account at the carrier."""
    config, state = folder / "voicecall.json5", folder / STATE
    ours = {"provider": carrier.carrier, carrier.carrier: carrier.keys}
    config.write_text(json.dumps({**SETTINGS, **settings, **ours}))
    command = ["voicecall", "serve", "--port", str(port), "--state", str(state), "--config", str(config)]
    async with _open_process([*command, "--clock-rate", str(rate)]) as (process, ready):
        yield Voicecall(process, carrier, state, ready["url"], ready["port"])
