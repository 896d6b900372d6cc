"""Rows about the media plane alone: what one tick costs and how evenly frames go out, beside everything else.

The plane echoes: what a caller says is drunk from its tap and played back, so every call costs 50 frames a second in
and 50 out, voice detection, marks and levels, like a real one. The callers are a process of their own. The process also
holds the directory of 100,000 past calls, and its journal writes four facts a second and call. How many whole calls
a core carries is measured in ``density_rows``.
"""

from __future__ import annotations

import gc
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trio
from attrs import define, field

from benchmarks.callers import Heard, one_core, open_callers
from benchmarks.talking import PATH, open_door
from journal import START, Journal, open_journal
from voicecall.audio.plane import MediaPlane
from voicecall.core.requests import Refused
from voicecall.events import RULES, CallId, EffectId, Entry, Instant, Policy
from voicecall.events import facts as fact
from voicecall.events.effects import Speak
from voicecall.events.schema import encode_entry
from voicecall.ports import AudioTap, CallerSpeech, MediaStart
from voicecall.projections.directory import Directory

PAST_CALLS = 100_000
LIVE_CALLS = 200
WARM_UP_S, SECONDS = 2.0, 8.0
FACTS_PER_CALL_S = 4
APPENDERS = 50
CUSHION = b"\xff" * 3_200
"""400 ms before the echo, so that it never runs dry and every gap is of our making."""

Row = dict[str, Any]
Progress = Callable[[str, float], None]


@define
class Echo:
    """A transcriber that recognizes nothing, and a synthesizer that says what somebody was heard to say."""

    _ears: int = 0
    _sounds: dict[int, tuple[trio.MemorySendChannel[bytes], trio.MemoryReceiveChannel[bytes]]] = field(factory=dict)

    def describe(self) -> str:
        return "an echo"

    @asynccontextmanager
    async def listen(self, tap: AudioTap) -> AsyncGenerator[AsyncIterator[CallerSpeech]]:
        self._ears += 1
        yield self._drink(tap, self._sound(self._ears)[0])

    def _sound(self, number: int) -> tuple[trio.MemorySendChannel[bytes], trio.MemoryReceiveChannel[bytes]]:
        return self._sounds.setdefault(number, trio.open_memory_channel[bytes](50))

    async def _drink(self, tap: AudioTap, ear: trio.MemorySendChannel[bytes]) -> AsyncGenerator[CallerSpeech]:
        while True:
            try:
                sound = await tap.drain()
            except trio.EndOfChannel:
                return
            with suppress(trio.WouldBlock, trio.BrokenResourceError):
                ear.send_nowait(sound)
        yield fact.CallerHeard(text="")

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[bytes]]:
        name = "".join([clause async for clause in clauses])
        async with aclosing(self._say(self._sound(int(name))[1])) as sound:
            yield sound

    async def _say(self, mouth: trio.MemoryReceiveChannel[bytes]) -> AsyncGenerator[bytes]:
        yield CUSHION
        async for sound in mouth:
            yield sound


@define
class Ticks:
    """What the plane says of its ticks, while somebody counts."""

    counting: bool = False
    took_ms: list[float] = field(factory=list)

    def observe(self, late_s: float, took_s: float) -> None:
        if self.counting:
            self.took_ms.append(took_s * 1000)


@define
class Run:
    """One measurement: every tick, CPU seconds per second of the process, and what the callers saw."""

    took_ms: list[float]
    cpu: float
    heard: Heard


def rows(progress: Progress) -> Iterator[Row]:
    """The tick alone, then beside everything else before and after ``gc.freeze()``, and what follows from it."""
    with one_core():
        alone = _measure(lambda done: progress("media tick, nothing else to do", done), busy=False)
        directory = _directory(progress)
        yield _collection("full collection, 100000 past calls")
        unfrozen = _measure(lambda done: progress("media tick, 100000 past calls, not frozen", done), busy=True)
        gc.freeze()
        yield _collection("full collection, 100000 past calls, frozen")
        run = _measure(lambda done: progress("media tick, 100000 past calls", done), busy=True)
        gc.unfreeze()
        if len(directory) != PAST_CALLS:
            raise RuntimeError("the directory lost calls")
        yield _spread("media tick, 100000 past calls", f"ms, {LIVE_CALLS} calls", run.took_ms)
        yield _spread("media tick, 100000 past calls, not frozen", f"ms, {LIVE_CALLS} calls", unfrozen.took_ms)
        yield _spread("media tick, nothing else to do", f"ms, {LIVE_CALLS} calls", alone.took_ms)
        late = {"name": f"media frame lateness, {LIVE_CALLS} calls", "unit": "ms", "value": run.heard.p50}
        yield {**late, "p50": run.heard.p50, "p99": run.heard.p99}
        own = {"name": f"media frame lateness, {LIVE_CALLS} calls, the callers' own", "unit": "ms", "value": None}
        yield {**own, "p50": None, "p99": run.heard.own_p99}
        for name, one in (("media CPU per call", run), ("media CPU per call, nothing else to do", alone)):
            yield {"name": name, "unit": "ms/s", "value": one.cpu * 1000 / LIVE_CALLS, "p50": None, "p99": None}
        estimate = {"name": "media calls per core, nothing else to do", "unit": "calls, estimate"}
        yield {**estimate, "value": LIVE_CALLS / alone.cpu, "p50": None, "p99": None}


def _spread(name: str, unit: str, figures: list[float]) -> Row:
    figures = sorted(figures)
    middle, high = figures[len(figures) // 2], figures[len(figures) * 99 // 100]
    return {"name": name, "unit": unit, "value": sum(figures) / len(figures), "p50": middle, "p99": high}


def _collection(name: str) -> Row:
    gc.collect()
    figures: list[float] = []
    for _ in range(5):
        start = time.perf_counter()
        gc.collect()
        figures.append((time.perf_counter() - start) * 1000)
    return _spread(name, "ms", figures)


def _directory(progress: Progress) -> Directory:
    directory, position = Directory(), 0
    for number in range(PAST_CALLS):
        name = CallId(f"{number:08x}-aaaa-5bbb-8ccc-{number:012x}")
        placed = fact.CallPlaced(
            carrier="mock", caller="+15550000000", callee=f"+1555{number:07}", policy=Policy(), rules=RULES
        )
        told = (
            placed,
            fact.DialAccepted(settles=EffectId("1.0"), vendor_call_id=f"v{number}"),
            fact.CallEnded(reason="completed"),
        )
        for seq, event in enumerate(told, 1):
            position += 1
            entry = Entry(seq=seq, at=Instant(1_767_225_600_000 + number), writer="bench", event=event)
            directory.apply(name, position, entry)
        if number % 2_000 == 0:
            progress("100000 past calls", number / PAST_CALLS)
    return directory


# --- one run ---------------------------------------------------------------------------------------------------------


def _measure(progress: Callable[[float], None], *, busy: bool) -> Run:
    return trio.run(_serve, progress, busy)


async def _serve(progress: Callable[[float], None], busy: bool) -> Run:
    ticks, echo = Ticks(), Echo()
    admitted: list[CallId] = []

    def identify(name: str, start: MediaStart) -> CallId | Refused:
        return CallId(start.ticket)

    async def admit(name: str, start: MediaStart) -> CallId | Refused:
        call_id = CallId(start.ticket)
        plane.adopt(call_id, lambda event: None)
        plane.listen(call_id, EffectId("1.0"))
        speak = Speak(utterance=1, text=f"{len(admitted) + 1}", interruptible=False)
        plane.speak(call_id, EffectId("1.1"), speak)
        admitted.append(call_id)
        return call_id

    plane = MediaPlane(
        synthesizer=echo,
        transcriber=echo,
        identify=identify,
        admit=admit,
        max_connections=LIVE_CALLS,
        max_pending=LIVE_CALLS,
        max_pending_per_peer=LIVE_CALLS,
        observe=ticks.observe,
    )
    async with trio.open_nursery() as nursery, _journal(busy=busy) as journal:
        await nursery.start(plane.run)
        if journal is not None:
            for number in range(APPENDERS):
                nursery.start_soon(_append, journal, number)
        async with open_door(nursery, plane) as port:
            run = await _listen_to(port, ticks, progress)
        nursery.cancel_scope.cancel()
    if len(admitted) != LIVE_CALLS:
        raise RuntimeError(f"only {len(admitted)} calls of {LIVE_CALLS} were admitted")
    return run


@asynccontextmanager
async def _journal(*, busy: bool) -> AsyncGenerator[Journal | None]:
    if not busy:
        yield None
        return
    with TemporaryDirectory() as folder:
        async with open_journal(Path(folder)) as journal:
            yield journal


async def _append(journal: Journal, number: int) -> None:
    """Its share of the facts of a running system, each one durable before the next."""
    position, pause_s = START, APPENDERS / (LIVE_CALLS * FACTS_PER_CALL_S)
    event = fact.AudioMeasured(offset_ms=5_000, caller_dbfs=-20.0, agent_dbfs=-18.0, frames_in=250, frames_out=250)
    for seq in range(1, 1_000_000):
        entry = Entry(seq=seq, at=Instant(1_767_225_600_000 + seq), writer="bench", event=event)
        position = await journal.append(f"call/{number}", encode_entry(entry), after=position)
        await trio.sleep(pause_s)


async def _listen_to(port: int, ticks: Ticks, progress: Callable[[float], None]) -> Run:
    """Let the callers in, wait until they are under way, count, and hear what they say about it."""
    async with open_callers(port, PATH) as callers:
        _, refused = await callers.join([f"call-{number}" for number in range(LIVE_CALLS)])
        if refused:
            raise RuntimeError(f"{len(refused)} callers were refused: {refused[0]}")
        await trio.sleep(WARM_UP_S)
        ticks.counting, cpu, start = True, time.process_time(), time.perf_counter()
        heard = await callers.measure(SECONDS)
        cpu, took_s = time.process_time() - cpu, time.perf_counter() - start
        ticks.counting = False
        progress(1.0)
    return Run(took_ms=ticks.took_ms, cpu=cpu / took_s, heard=heard)
