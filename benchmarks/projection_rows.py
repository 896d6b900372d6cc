"""Rows about looking back: deciding a call again, one step, `status` without a server, the command line's start."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import trio

from journal import START, open_journal
from voicecall.core.ledger import Again, Ledger, fold, step
from voicecall.core.replay import replay
from voicecall.events import RULES, AnyEvent, CallId, Entry, Instant, Policy
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry, encode_entry
from voicecall.projections.directory import Directory

TURNS = 200
PAST_CALLS = 100_000
APPENDERS = 500
ROUNDS = 15
START_AT = 1_767_225_600_000

BARE = """
from typing import Annotated
from cyclopts import App, Parameter

app = App(name="bare", version="1", help="A bare command line.", help_format="plaintext")
Text = Annotated[str, Parameter(name="--text", help="What to say.")]

def add(name):
    def command(*, text: Text = "", json: bool = False) -> int:
        "Do one thing."
        return 0
    app.command(command, name=name)

for name in ("serve", "call", "start", "continue", "speak", "end", "dtmf", "status", "tail", "replay", "latency"):
    add(name)
app(["--help"], result_action="return_value")
"""

Progress = Callable[[str, float], None]


def rows(progress: Progress) -> Iterator[dict[str, Any]]:
    """Four fixed rows, and what ``cli start`` is compared with."""
    entries = _a_long_call()
    yield _replay_row(entries, progress)
    yield _step_row(entries, progress)
    yield _status_row(progress)
    yield from _start_rows(progress)


def _a_long_call() -> list[Entry]:
    """A conversation of many turns, each with its transcript, reply, playback and timers."""
    ledger, entries = Ledger(), list[Entry]()
    now = START_AT

    def tell(event: AnyEvent, *, key: str = "", after_ms: int = 200) -> None:
        nonlocal ledger, now
        now += after_ms
        entry = step(ledger, event, at=Instant(now), writer="bench", key=key)
        if not isinstance(entry, Again):
            ledger = fold(ledger, entry)
            entries.append(entry)

    def owed(kind: type[Any]) -> Any:
        return next(name for name, effect in ledger.owed.items() if isinstance(effect, kind))

    policy = Policy(greeting="Hello.", max_duration_ms=86_400_000)
    tell(fact.CallPlaced(carrier="mock", caller="+15550000000", callee="+15550001000", policy=policy, rules=RULES))
    tell(fact.DialAccepted(settles=owed(do.Dial), vendor_call_id="v1"))
    tell(fact.CallAnswered(by="human"), key="answered")
    tell(fact.MediaOpened(stream_id="s1"))
    for turn in range(1, TURNS + 1):
        tell(fact.PlaybackStarted(utterance=turn))
        tell(fact.SpeechChunk(utterance=turn, index=0, duration_ms=500, digest="0" * 64))
        tell(fact.PlaybackFinished(settles=owed(do.Speak), utterance=turn, heard_ms=500, sent_ms=500))
        tell(fact.CallerStarted(offset_ms=turn))
        tell(fact.CallerHeard(text="And what"), key=f"partial-{turn}")
        tell(fact.CallerSaid(text=f"And what about day {turn}?"), key=f"final-{turn}")
        tell(fact.AgentReplied(turn=turn, index=0, text=f"Day {turn} is free."))
        tell(fact.AgentFinished(settles=owed(do.AskAgent), turn=turn))
        timers = [(name, one) for name, one in ledger.owed.items() if isinstance(one, do.StartTimer) and one.due <= now]
        for name, timer in timers:
            tell(fact.TimerFired(settles=name, name=timer.name, due=timer.due))
    return entries


def _replay_row(entries: list[Entry], progress: Progress) -> dict[str, Any]:
    """From bytes to the verdict, as ``voicecall replay`` does it."""
    bodies = [encode_entry(entry) for entry in entries]
    rates: list[float] = []
    for number in range(ROUNDS):
        progress("replay entries", number / ROUNDS)
        begun = time.perf_counter()
        found = replay(decode_entry(body) for body in bodies)
        rates.append(len(bodies) / (time.perf_counter() - begun))
        if found.divergences:
            raise AssertionError(f"the benchmark's call diverges: {found.divergences[0].problem}")
    return _row("replay entries", "entries/s", rates)


def _step_row(entries: list[Entry], progress: Progress) -> dict[str, Any]:
    """Dedupe, decide, number: one fact of a conversation under way."""
    times: list[float] = []
    for number in range(ROUNDS):
        progress("core step", number / ROUNDS)
        ledger = Ledger()
        for entry in entries:
            begun = time.perf_counter_ns()
            step(ledger, entry.event, at=entry.at, writer="bench", key=entry.key)
            times.append((time.perf_counter_ns() - begun) / 1000)
            ledger = fold(ledger, entry)
    return _row("core step", "µs", times)


def _status_row(progress: Progress) -> dict[str, Any]:
    """The calls in progress among many past ones, from the journal and the directory's checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        trio.run(_many_past_calls, state, progress)
        command = [sys.executable, "-m", "voicecall", "status", "--json", "--state", folder]
        times: list[float] = []
        for number in range(ROUNDS):
            progress("status without server", number / ROUNDS)
            times.append(_run(command))
    return _row("status without server", "ms", times)


async def _many_past_calls(state: Path, progress: Progress) -> None:
    calls = iter(range(PAST_CALLS))
    directory = Directory()
    async with open_journal(state / "journal") as journal, trio.open_nursery() as nursery:

        async def write() -> None:
            for number in calls:
                call_id = CallId(f"00000000-0000-5000-8000-{number:012d}")
                after = START
                for entry in _past(number):
                    after = await journal.append(f"call/{call_id}", encode_entry(entry), after=after)
                    directory.apply(call_id, after, entry)
                if number % 5_000 == 0:
                    progress(f"status without server: {PAST_CALLS} past calls", number / PAST_CALLS)

        for _ in range(APPENDERS):
            nursery.start_soon(write)
    (state / "directory.bin").write_bytes(directory.checkpoint())


def _past(number: int) -> list[Entry]:
    """A short call; the last of all goes on."""
    at = Instant(START_AT + number * 1_000)
    placed = fact.CallPlaced(carrier="mock", caller="+15550000000", callee="+15550001000", policy=Policy(), rules=RULES)
    began = Entry(seq=1, at=at, writer="bench", event=placed)
    ended = Entry(seq=2, at=at, writer="bench", event=fact.CallEnded(reason="busy"), key=f"ended-{number}")
    return [began] if number == PAST_CALLS - 1 else [began, ended]


def _start_rows(progress: Progress) -> Iterator[dict[str, Any]]:
    """``--help`` of ours and of a bare command line, taking turns, so that the machine treats both alike."""
    ours, bare = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "bare.py"
        script.write_text(BARE, encoding="utf-8")
        for number in range(ROUNDS):
            progress("cli start", number / ROUNDS)
            bare.append(_run([sys.executable, str(script)]))
            ours.append(_run([sys.executable, "-m", "voicecall", "--help"]))
    yield _row("cli start", "ms", ours)
    yield _row("cli start, a bare command line", "ms", bare)
    yield _row("cli start, more than a bare one", "ms", [one - other for one, other in zip(ours, bare, strict=True)])


def _run(command: list[str]) -> float:
    """Milliseconds from start to exit."""
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begun) * 1000


def _row(name: str, unit: str, figures: list[float]) -> dict[str, Any]:
    """The value of a row is its median: a machine with other work to do spoils means."""
    ordered = sorted(figures)
    middle = ordered[len(ordered) // 2]
    return {"name": name, "unit": unit, "value": middle, "p50": middle, "p99": ordered[len(ordered) * 99 // 100]}
