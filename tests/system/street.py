"""The real thing: the simulated network and ``voicecall serve`` as the processes they are, on fast clocks, and what a
person at the keyboard can do with them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
import trio
from attrs import define, field, frozen

from journal import START, Line, Position, Reader
from tests.open_files import open_files
from voicecall.core.replay import replay
from voicecall.events import AnyEvent, Entry
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry
from voicecall.rpc.client import SOCKET, connect
from voicecall.rpc.protocol import ANSWER_BYTES, Lines

RATE = 10
"""How fast clocks run. Twice as fast, the two frames of sound that a tick is early would be one millisecond."""
PATIENCE_S = 60
"""Real seconds after which a story hangs and fails."""
OURS = "+15550000000"
CHATS, LISTENS, NEVER_ANSWERS, BUSY, MACHINE = (f"+1555000100{last}" for last in (1, 2, 3, 4, 6))
SAYS_ONE_THING, INTERRUPTS, PRESSES_KEYS = (f"+1555000100{last}" for last in (7, 8, 9))
Plain = dict[str, Any]

SETTINGS: Plain = {
    "provider": "mock",
    "fromNumber": OURS,
    "inboundPolicy": "open",
    "maxConcurrentCalls": 16,
    "ringTimeoutMs": 8_000,
    "transcriptTimeoutMs": 10_000,
    "outbound": {"notifyHangupDelaySec": 1},
}


@frozen
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output for programs; it must have succeeded."""
        assert (self.code, self.err) == (0, ""), self
        return json.loads(self.out)


def voicecall(*arguments: str | Path, env: Plain | None = None, timeout: float = PATIENCE_S) -> Done:
    """Run a command and wait for it."""
    command = [sys.executable, "-m", "voicecall", *map(str, arguments)]
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(command, capture_output=True, env=environment, timeout=timeout, check=False)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def reserved_port() -> Generator[int]:
    """A port that only those can take who know it: bound, and never listened on."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def is_open(port: int) -> bool:
    """Whether somebody listens on a port."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionError:  # refused, or reset by a listener that was just being closed
        return False
    return True


async def subscribe(state: Path) -> AsyncGenerator[Line]:
    """Every line of the server's journal, past and future, once it is durable."""
    lines = Lines(limit=ANSWER_BYTES)
    async with await trio.open_unix_socket(str(state / SOCKET)) as stream:
        await stream.send_all(b'{"jsonrpc":"2.0","id":1,"method":"voicecall.tail.subscribe"}\n')
        async for data in stream:
            for one in lines.feed(bytes(data)):
                head, sign, entry = (one or b"").partition(b',"entry":')
                if sign:
                    told = json.loads(head + b"}}")["params"]
                    yield Line(position=Position(told["position"]), stream=told["stream"], body=entry[:-2])


@define
class Child:
    """A process that says in a line of JSON when it is ready."""

    process: subprocess.Popen[bytes]
    ready: Plain

    @staticmethod
    def start(*arguments: str | Path, log: Path, env: Plain | None = None) -> Child:
        """Run ``python -m …``; its stderr goes to ``log``."""
        command = [sys.executable, "-m", *map(str, arguments)]
        with log.open("ab") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, **(env or {})}
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"it ended with {process.wait()}: {log.read_text()}")
        return Child(process, json.loads(line))

    def kill(self) -> None:
        """As the kernel does it."""
        self.process.kill()
        self.ended()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Its exit code, once it is over."""
        assert self.process.stdout is not None
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        return code

    def files(self) -> list[str]:
        """The sockets the process has open."""
        return open_files(self.process.pid)


@define
class Street:
    """One network, one server, one state directory."""

    state: Path
    config: Path
    port: int
    network: Child
    http: httpx.Client
    rate: float
    server: Child | None = None
    _names: list[str] = field(factory=list)

    @property
    def log(self) -> str:
        """What the servers have logged."""
        return (self.state.parent / "serve.log").read_text()

    def serve(self, *more: str, rate: float | None = None, env: Plain | None = None) -> Child:
        """Start the server, always on the same port."""
        rate = rate or self.rate
        arguments = ("--config", self.config, "--state", self.state, *more)
        log = self.state.parent / "serve.log"
        self.server = Child.start("voicecall", "serve", "--clock-rate", str(rate), *arguments, log=log, env=env)
        return self.server

    def cli(self, *arguments: str) -> Done:
        """Run a command for this state directory."""
        return voicecall(*arguments, "--state", self.state)

    def ask(self, method: str, **params: Any) -> Plain:
        """Ask the server; a request is named unless it has a name."""
        self._names.append(method)
        if method not in ("status", "continue.result"):
            params.setdefault("requestId", f"request-{len(self._names)}")

        async def main() -> Plain:
            async with connect(self.state) as client:
                return await client.call(f"voicecall.{method}", params)

        return trio.run(main)

    def call(self, to: str, message: str = "Hello, this is voicecall.", **more: Any) -> str:
        """Call somebody; the call's id."""
        return str(self.ask("initiate", to=to, message=message, **{"mode": "conversation", **more})["callId"])

    def people(self, number: str, *steps: Plain | str, **script: Any) -> str:
        """Let somebody live behind a number, and give the number back."""
        self.api("POST", "/_network/people", {"number": number, "script": {"steps": steps, **script}})
        return number

    def offer(self, caller: str = "+15550002000", **more: Any) -> str:
        """Let somebody call us; the call's id."""
        url = f"http://127.0.0.1:{self.port}/voice/webhook"
        name = self.api("POST", "/_network/offers", {"to": OURS, "from": caller, "webhookUrl": url, **more})[
            "providerCallId"
        ]
        stream = self._line(None, lambda entry: getattr(entry.event, "vendor_call_id", "") == name).stream
        return stream.removeprefix("call/")

    def api(self, method: str, path: str, body: Plain | None = None) -> Plain:
        """Ask the network."""
        answer = self.http.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def seen(self, call_id: str) -> Plain:
        """What the network saw of a call."""
        return self.seen_as(self.record(call_id)["providerCallId"])

    def seen_as(self, name: str) -> Plain:
        """What the network saw of a call that it calls ``name``."""
        (call,) = [one for one in self.api("GET", "/_network/report")["calls"] if one["providerCallId"] == name]
        return call

    # --- the journal -------------------------------------------------------------------------------------------------

    def until(self, call_id: str, holds: Callable[[Entry], bool]) -> Entry:
        """The first entry of a call for which ``holds``, also one that is still to come; the server knows it too."""
        return decode_entry(self._line(f"call/{call_id}", holds).body)

    def told(self, call_id: str, kind: type[Any]) -> list[Line]:
        """Every line of the server's journal up to the first fact of this kind, which may be still to come."""

        async def main() -> list[Line]:
            found: list[Line] = []
            with trio.fail_after(PATIENCE_S):
                async with aclosing(subscribe(self.state)) as lines:
                    async for line in lines:
                        found.append(line)
                        if line.stream == f"call/{call_id}" and isinstance(decode_entry(line.body).event, kind):
                            return found
            raise AssertionError("the server went away")

        return trio.run(main)

    def _line(self, stream: str | None, holds: Callable[[Entry], bool]) -> Line:
        async def main() -> Line:
            with trio.fail_after(PATIENCE_S):
                async with aclosing(subscribe(self.state)) as lines:
                    async for line in lines:
                        of_a_call = line.stream.startswith("call/") if stream is None else line.stream == stream
                        if of_a_call and holds(decode_entry(line.body)):
                            return line
            raise AssertionError("the server went away")

        return trio.run(main)

    def saw(self, call_id: str, *kinds: type[AnyEvent] | type[Any]) -> Entry:
        """Wait until these facts have happened in this order; the last one's entry."""
        wanted = list(kinds)

        def holds(entry: Entry) -> bool:
            if isinstance(entry.event, wanted[0]):
                wanted.pop(0)
            return not wanted

        return self.until(call_id, holds)

    def placed(self, number: str) -> str:
        """The call to this number, which may be still to come."""
        stream = self._line(None, lambda entry: getattr(entry.event, "callee", "") == number).stream
        return stream.removeprefix("call/")

    def over(self, call_id: str) -> None:
        """Wait until a call has ended and its sound is closed."""
        opened, ended = 0, False

        def holds(entry: Entry) -> bool:
            nonlocal opened, ended
            opened += isinstance(entry.event, fact.MediaOpened) - isinstance(entry.event, fact.MediaClosed)
            ended = ended or isinstance(entry.event, fact.CallEnded)
            return ended and not opened

        self.until(call_id, holds)

    def lines(self, after: Position = START) -> list[Line]:
        """The journal's lines."""

        async def main() -> list[Line]:
            async with Reader(self.state / "journal").read(after=after) as lines:
                return [line async for line in lines]

        return trio.run(main)

    def entries(self, call_id: str) -> list[Entry]:
        """The journal of a call."""
        return [decode_entry(line.body) for line in self.lines() if line.stream == f"call/{call_id}"]

    def events(self, call_id: str, kind: type[Any]) -> list[Any]:
        """A call's facts of one kind."""
        return [entry.event for entry in self.entries(call_id) if isinstance(entry.event, kind)]

    def record(self, call_id: str) -> Plain:
        """The call's record."""
        return self.ask("status", callId=call_id)["call"]

    def check(self, call_id: str) -> None:
        """What must be true of every call that is over."""
        entries = self.entries(call_id)
        assert [one.seq for one in entries] == list(range(1, len(entries) + 1))
        assert [attrs.asdict(one) for one in replay(entries).divergences] == []
        assert [type(one.event).kind for one in entries].count("call.ended") == 1
        assert self.seen(call_id)["status"] == "ended"


@contextmanager
def open_street(folder: Path, *, serving: bool = True, rate: float = RATE, **settings: Any) -> Generator[Street]:
    """Start both in ``folder``; at the end nothing of them is left."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    (state / "mock.key").write_text("between us\n")
    arguments = ("--port", "0", "--secret-file", state / "mock.key", "--clock-rate", str(rate))
    network = Child.start("voicecall.testing.network", *arguments, log=folder / "network.log")
    config = folder / "voicecall.json5"
    headers = {"authorization": "Bearer between us"}
    with reserved_port() as port, httpx.Client(base_url=network.ready["url"], headers=headers, trust_env=False) as http:
        ours = {"serve": {"port": port}, "mock": {"apiUrl": network.ready["url"]}}
        config.write_text(json.dumps({**SETTINGS, **settings, **ours}))
        street = Street(state, config, port, network, http, rate)
        try:
            if serving:
                street.serve()
            yield street
        finally:
            for child in (street.server, street.network):
                if child is not None and child.process.poll() is None:
                    child.kill()
