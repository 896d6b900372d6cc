"""Rows about the time a person waits, as a caller sees it at the socket: from their frame to ours, in milliseconds.

Whole calls as in ``talking.py``, a few at a time. Only ``caller stopped to first frame`` has vendors that take time:
300 ms to a transcript, 350 ms to the first token, 150 ms to the first sound.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
from attrs import define, field

from benchmarks.callers import Callers, one_core, open_callers
from benchmarks.talking import PATH, REPLY, Agent, EndOfTurn, Talking, Voice, open_talking
from voicecall.events import AnyEvent, CallId
from voicecall.events import facts as fact
from voicecall.ports import Post

CALLS = 20
TURNS = 6
VOICE_FRAMES = 30
SHORT = "1"
"""A greeting of 400 ms."""
STT_S, TOKEN_S, SOUND_S = 0.3, 0.35, 0.15

Row = dict[str, Any]
Progress = Callable[[str, float], None]


@define
class Detections:
    """When a caller's voice was last detected, by the clock of ``time.perf_counter``, which all processes share."""

    at: dict[CallId, float] = field(factory=dict[CallId, float])

    def watch(self, call_id: CallId, post: Post) -> Post:
        """The post of an actor, looked over."""

        def seen(event: AnyEvent) -> None:
            if isinstance(event, fact.CallerStarted):
                self.at[call_id] = time.perf_counter()
            post(event)

        return seen


def rows(progress: Progress) -> Iterator[Row]:
    """Every wait, over some hundred turns."""
    with one_core():
        opened, engine = trio.run(_engine, partial(progress, "engine time"))
        yield _row("engine time", engine)
        yield _row("media open to greeting", opened)
        onset, detected = trio.run(_interruptions, partial(progress, "speech onset to clear"))
        yield _row("speech onset to clear", onset)
        yield _row("detected speech to clear", detected)
        name = "caller stopped to first frame, 300/350/150 ms vendors"
        yield _row(name, trio.run(_vendors, partial(progress, name)))


def _row(name: str, figures: list[float]) -> Row:
    """The mean, p50 and p99 of what must have been measured every time."""
    if not figures:
        raise RuntimeError(f"{name}: nothing was heard")
    figures = sorted(figures)
    middle, high = figures[len(figures) // 2], figures[len(figures) * 99 // 100]
    return {"name": name, "unit": "ms", "value": sum(figures) / len(figures), "p50": middle, "p99": high}


async def _engine(progress: Callable[[float], None]) -> tuple[list[float], list[float]]:
    """From the media socket to the greeting, and from the last frame that a recognizer needed to the first of ours."""
    async with open_talking(transcriber=EndOfTurn(), agent=Agent(), greeting=SHORT) as talking, _room(talking) as room:
        opened, callers = room
        return opened, await _turns(callers, "answer_ms", TURNS, progress, quiet_frames=15)


async def _vendors(progress: Callable[[float], None]) -> list[float]:
    """From the last frame of the caller's voice to our first frame."""
    ear, agent, voice = EndOfTurn(delay_s=STT_S), Agent(delay_s=TOKEN_S), Voice(delay_s=SOUND_S)
    async with (
        open_talking(transcriber=ear, agent=agent, synthesizer=voice, greeting=SHORT) as talking,
        _room(talking) as (_, callers),
    ):
        return await _turns(callers, "answer_ms", TURNS // 2, progress, quiet_frames=70)


async def _interruptions(progress: Callable[[float], None]) -> tuple[list[float], list[float]]:
    """From the first frame of the voice that interrupts, and from its detection, to the clear at the caller's."""
    detections = Detections()
    from_onset, from_detection = list[float](), list[float]()
    async with (
        open_talking(transcriber=EndOfTurn(), agent=Agent(REPLY), greeting=SHORT, watch=detections.watch) as talking,
        _room(talking) as (_, callers),
    ):
        await callers.turn(voice_frames=VOICE_FRAMES, quiet_frames=15)
        for number in range(TURNS):
            progress(number / TURNS)
            told = await callers.turn(voice_frames=VOICE_FRAMES, quiet_frames=15)
            from_onset += told["clear_ms"]
            cleared = zip(talking.calls, told["cleared_at"], strict=True)
            from_detection += [(at - detections.at[call_id]) * 1000 for call_id, at in cleared if at]
    return from_onset, from_detection


@asynccontextmanager
async def _room(talking: Talking) -> AsyncGenerator[tuple[list[float], Callers]]:
    """Some callers, silent after the greeting; when each heard it."""
    async with open_callers(talking.port, PATH) as callers:
        await callers.hush()
        opened, refused = await callers.join(await talking.tickets(CALLS))
        if refused:
            raise RuntimeError(refused[0])
        await trio.sleep(1.5)
        yield opened, callers


async def _turns(
    callers: Callers, what: str, count: int, progress: Callable[[float], None], *, quiet_frames: int
) -> list[float]:
    figures: list[float] = []
    for number in range(count):
        progress(number / count)
        figures += (await callers.turn(voice_frames=VOICE_FRAMES, quiet_frames=quiet_frames))[what]
    return figures
