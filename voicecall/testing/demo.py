"""``make demo``: a whole call with a simulated person, live, over real HTTP and a real media socket.

Starts the simulated phone network and ``voicecall serve`` as the processes they are, places (or takes) a call, shows
the tail while it happens, and then what there is to know afterwards. ``--speech`` lets a speech vendor speak and
listen: a simulated one, started beside them, or the one at ``--speech-url``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import trio
import trio.testing
from attrs import frozen
from rich.console import Console

from journal import Position, Reader
from voicecall.actors.world import read_call
from voicecall.audio.g711 import RATE
from voicecall.audio.recording import channels
from voicecall.cli.reading import newest
from voicecall.cli.rendering import record_view, tail_text, turns_view
from voicecall.cli.simulating import Network, NoNetwork, first_line, start_network
from voicecall.cli.speech import KEYS, SpeechVendor, problem_of
from voicecall.events import CallId, Entry
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry
from voicecall.fault import first
from voicecall.projections.latency import turn_latencies
from voicecall.projections.status import call_record
from voicecall.projections.tail import tail_line
from voicecall.rpc.client import NoServer, connect
from voicecall.rpc.protocol import RpcError
from voicecall.system import keep_secret, keep_state
from voicecall.testing.settings import carrier_settings
from voicecall.testing.switchboard import vendor_of

LONGEST_S = 120
OURS = "+15550000000"
BIN = Path(sys.executable).parent


@frozen(kw_only=True)
class Scenario:
    """What happens, what our agent answers turn by turn, and how such a call ends. No ``callee``: somebody calls us."""

    about: str
    ends: str
    callee: str = ""
    mode: str = "conversation"
    message: str = ""
    replies: tuple[str, ...] = ()


SCENARIOS = {
    "conversation": Scenario(
        about="three turns, one interruption, a hang-up",
        callee="+15550001008",
        message="Hello, this is voicecall. I am calling about Thursday. Do you have a minute?",
        replies=(
            "Gladly. Our technician wants to look at your heating before winter comes, and that takes about an hour.",
            "Yes, Thursday at ten is still free. Shall I write that down for you?",
            "Thank you. Until Thursday, and goodbye!",
        ),
        ends="hangup-user",
    ),
    "notify": Scenario(
        about="one message, then we hang up",
        callee="+15550001002",
        mode="notify",
        message="Hello! Your parcel will be there on Thursday at ten.",
        ends="hangup-bot",
    ),
    "no-answer": Scenario(about="nobody answers", callee="+15550001003", message="Hello?", ends="no-answer"),
    "inbound": Scenario(
        about="a stranger calls us",
        message="Good day, this is voicecall. How can I help you?",
        replies=("We are open from nine to five, Monday to Friday.", "You are welcome. Goodbye!"),
        ends="hangup-user",
    ),
}


class DemoFailed(Exception):
    """The demonstration could not be given. The text says why."""


@frozen(kw_only=True)
class Options:
    """What the command line says. Without ``speech`` this machine speaks, and an ear that needs nobody listens."""

    state: Path
    scenario: str
    carrier: str
    speech: SpeechVendor | None
    clock_rate: float


@frozen(kw_only=True)
class Stage:
    """The two processes of the demonstration."""

    state: Path
    network: Network
    webhook_url: str


@asynccontextmanager
async def open_stage(options: Options, console: Console) -> AsyncGenerator[Stage]:
    """Start the network and the server on free ports; stop both on leaving. Raises ``DemoFailed``, ``NoNetwork``."""
    state, carrier, scenario, rate = options.state, options.carrier, SCENARIOS[options.scenario], options.clock_rate
    keep_state(state)
    secret, log = keep_secret(state / "mock.key"), state / "network.log"
    network = await start_network("127.0.0.1", 0, secret, log=log, carrier=carrier, clock_rate=rate)
    try:
        console.print(f"simulated phone network  {network.url}   (carrier: {carrier})")
        path = state / "voicecall.json5"
        path.touch(mode=0o600)
        path.write_text(json.dumps(_config(scenario, carrier, network), indent=2) + "\n", encoding="utf-8")
        speech, vendors = options.speech, nullcontext(options.speech)
        if speech and not speech.url:
            vendors = _open_vendors(speech, console, rate)
        async with vendors as speech, _open_server(state, path, speech, rate) as ready:
            console.print(f"voicecall serve          {ready['url']}   (voice: {ready['voice']})")
            yield Stage(state=state, network=network, webhook_url=f"{ready['url']}/voice/webhook")
    finally:
        await network.stop()


@asynccontextmanager
async def _open_vendors(speech: SpeechVendor, console: Console, clock_rate: float) -> AsyncGenerator[SpeechVendor]:
    """The simulated speech vendors; the one that is wanted, and where it is."""
    command = [sys.executable, "-m", "voicecall.testing.vendors", "--port", "0", "--clock-rate", str(clock_rate)]
    async with _open_process(command, clock_rate) as ready:
        url = ready[speech.name]
        console.print(f"simulated speech vendor  {url}   ({speech.name})")
        yield SpeechVendor(name=speech.name, url=url)


def _config(scenario: Scenario, carrier: str, network: Network) -> dict[str, Any]:
    account = vendor_of(carrier).account(network.secret)
    return {
        "provider": carrier,
        "fromNumber": OURS,
        "inboundPolicy": "open",
        "inboundGreeting": scenario.message,
        "ringTimeoutMs": 8_000,
        "maxConcurrentCalls": 4,
        "recording": True,
        "streaming": {"enabled": True, "provider": "offline"},
        "tts": {"provider": "offline"},
        "agent": {"provider": "scripted", **({"script": scenario.replies} if scenario.replies else {})},
        carrier: carrier_settings(carrier, account, network.url),
    }


@asynccontextmanager
async def _open_server(
    state: Path, config: Path, speech: SpeechVendor | None, clock_rate: float
) -> AsyncGenerator[dict[str, Any]]:
    command = [sys.executable, "-m", "voicecall", "serve", "--port", "0", "--clock-rate", str(clock_rate)]
    command += ["--state", str(state), "--config", str(config), "--log-level", "warning"]
    if speech is not None:
        command += ["--speech", speech.name, "--speech-url", str(speech.url)]
    async with _open_process(command, clock_rate) as ready:
        yield ready


@asynccontextmanager
async def _open_process(command: list[str], clock_rate: float) -> AsyncGenerator[dict[str, Any]]:
    """What a process says of itself when it is ready. It is told to stop on leaving. Raises ``DemoFailed``."""
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        ready = await first_line(process.stdout)
        if not ready:
            raise DemoFailed(f"{' '.join(command[1:4])} did not start; its reason is above")
        yield ready
    finally:
        if process.returncode is None:
            process.terminate()
        with trio.CancelScope(shield=True):
            with trio.move_on_after(15 * clock_rate):
                await process.wait()
            process.kill()
            await process.stdout.aclose()


async def _begin(stage: Stage, scenario: Scenario, past: Position) -> None:
    if scenario.callee:
        params = {"to": scenario.callee, "message": scenario.message, "mode": scenario.mode, "by": "demo"}
        async with connect(stage.state) as client:
            # No earlier demonstration in this journal began where this one does.
            await client.call("voicecall.initiate", {**params, "requestId": f"demo-{past}"})
        return
    urls = {"webhookUrl": stage.webhook_url, "statusUrl": stage.webhook_url}
    offer = {"to": OURS, "from": "+15550002000", **urls}
    headers = {"authorization": f"Bearer {stage.network.secret}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{stage.network.url}/_network/offers", json=offer, headers=headers)
    if answer.status_code != 201:
        raise DemoFailed(f"the network refused the offer: {answer.text}")


async def _watch(source: Reader, after: Position, console: Console) -> CallId:
    """Show every fact of the first call that begins, until it is over and its sound is closed."""
    opened, ended, stream = 0, False, ""
    async with source.follow(after=after) as lines:
        async for line in lines:
            entry: Entry = decode_entry(line.body)
            if not stream and entry.seq == 1:
                stream = line.stream
            if line.stream != stream:
                continue
            console.print(tail_text(tail_line(line.stream, entry)), soft_wrap=True)
            opened += isinstance(entry.event, fact.MediaOpened) - isinstance(entry.event, fact.MediaClosed)
            ended = ended or isinstance(entry.event, fact.CallEnded)
            if ended and not opened:
                break
    return CallId(stream.removeprefix("call/"))


async def _show(stage: Stage, call_id: CallId, console: Console) -> dict[str, Any]:
    source = Reader(stage.state / "journal")
    entries = await read_call(source, call_id)
    record = call_record(call_id, entries)
    console.print()
    console.print(record_view(record))
    turns = turn_latencies(entries)
    if turns:
        console.print(turns_view(turns))
    path = stage.state / "recordings" / f"{call_id}.wav"
    if path.exists():
        console.print(_sound(path), markup=False)
    console.print("look at it again:")
    command = _shown(BIN / "voicecall")
    console.print(f"  {command} status --state {_shown(stage.state)} --call-id {call_id}", soft_wrap=True, markup=False)
    plot = f"latency --state {_shown(stage.state)} --plot call.svg {call_id}"
    console.print(f"  {command} {plot}", soft_wrap=True, markup=False)
    console.print(f"  {command} replay --state {_shown(stage.state)} {call_id}", soft_wrap=True, markup=False)
    return record


def _sound(path: Path) -> str:
    samples = channels(path)
    seconds = len(samples) / RATE
    loudest = [
        20 * np.log10(max(float(np.abs(samples[:, side].astype(np.int32)).max(initial=0)), 1) / 32_768)
        for side in (0, 1)
    ]
    return (
        f"recording: {_shown(path)}  ({seconds:.1f} s, peaks: left {loudest[0]:.0f} dBFS, right {loudest[1]:.0f} dBFS)"
    )


def _shown(path: Path) -> str:
    """A path as it would be typed here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


async def run(options: Options, console: Console) -> None:
    """The demonstration. Raises ``DemoFailed``, also when the call does not end as it should."""
    scenario, state = SCENARIOS[options.scenario], options.state
    console.print(f"[bold]voicecall demo: {scenario.about}[/bold]")
    with trio.move_on_after(LONGEST_S * options.clock_rate) as scope:  # no clock hurries the start of a process
        async with open_stage(options, console) as stage:
            source = Reader(state / "journal")
            past = await newest(source, None, 1)
            console.print()
            await _begin(stage, scenario, past.end)
            call_id = await _watch(source, past.end, console)
            record = await _show(stage, call_id, console)
        if record.get("endReason") != scenario.ends:
            raise DemoFailed(f"the call ended {record.get('endReason')!r}, not {scenario.ends!r}")
    if scope.cancelled_caught:
        raise DemoFailed(f"the call did not end within {LONGEST_S} s")


def main() -> int:
    """The command. 1 when the demonstration failed."""
    parser = argparse.ArgumentParser(prog="python -m voicecall.testing.demo", description="A whole call, live.")
    parser.add_argument("--scenario", choices=list(SCENARIOS), default="conversation", help="what happens")
    parser.add_argument("--carrier", default="mock", help="whose wire it is: mock, twilio, telnyx or plivo")
    parser.add_argument("--speech", choices=list(KEYS), help="which vendor speaks and listens, a simulated one")
    parser.add_argument("--speech-url", help="where it is instead")
    parser.add_argument("--state", type=Path, default=Path("demo-calls"), help="state directory (default %(default)s)")
    parser.add_argument("--clock-rate", type=float, default=1.0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if problem := problem_of(given.speech, given.speech_url):
        parser.error(problem)
    options = Options(
        state=cast("Path", given.state).absolute(),
        scenario=given.scenario,
        carrier=given.carrier,
        speech=SpeechVendor(name=given.speech, url=given.speech_url) if given.speech else None,
        clock_rate=given.clock_rate,
    )
    console = Console() if sys.stdout.isatty() else Console(width=140)
    clock = trio.testing.MockClock(rate=given.clock_rate) if given.clock_rate != 1 else None
    code = 0
    try:
        trio.run(run, options, console, clock=clock)
    except* KeyboardInterrupt:
        code = 130
    except* (DemoFailed, NoNetwork, NoServer, RpcError, OSError) as errors:
        Console(stderr=True).print(str(first(errors)), style="red", markup=False)
        code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
