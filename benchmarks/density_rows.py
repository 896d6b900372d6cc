"""Rows about density: how many calls one core carries with frames that leave on time, beside what a framework echoes.

A call here is a whole one (see ``talking.py``): its frames come through a socket, are listened to by the detector and
by a transcriber; its actor makes five or six facts a second durable; agent and voice answer at once and all the time,
with marks. Calls are added until the 99th percentile of the lateness of their frames passes 10 ms. The server has one
core, the callers (and the vendor of the transcription sockets) the other. The echo is judged by the same callers.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import trio
from attrs import frozen

from benchmarks.callers import Callers, Heard, one_core, open_callers, open_vendor
from benchmarks.talking import PATH, REPLY, Agent, Chatterbox, open_talking
from voicecall.collecting import nothing_to_collect

LATE_MS = 10.0
OWN_MS = 5.0
"""Callers who are later than this themselves (99th percentile) say nothing about the server."""
FIRST_CALLS = 24
SETTLE_S, WINDOW_S = 1.5, 2.5
STEP = 1.1
ECHO, ENERGY = "quart-trio echo streams per core", "calls per core, energy detector"
SOCKETS, SILERO = "calls per core, transcription sockets", "calls per core, silero"

Row = dict[str, Any]
Progress = Callable[[str, float], None]


@frozen(kw_only=True)
class Server:
    """Where callers go, and how so many more get their tickets ("" for an echo)."""

    port: int
    tickets: Callable[[int], Awaitable[list[str]]]


Serving = Callable[[], AbstractAsyncContextManager[Server]]


def rows(progress: Progress) -> Iterator[Row]:
    """The echo first, so that the calls have something to be compared with."""
    values: dict[str, float] = {}
    with one_core():
        for name, serving in ((ECHO, _echo), (ENERGY, _calls), (SOCKETS, _calls_with_sockets), (SILERO, _silero())):
            if isinstance(serving, str):
                yield {"name": name, "unit": f"skipped: {serving}", "value": None, "p50": None, "p99": None}
                continue
            row = trio.run(_climb, serving, partial(progress, name))
            values[name] = row["value"] or 0.0
            yield {"name": name, **row}
            if name != ECHO and values[ECHO]:
                ratio = values[name] / values[ECHO]
                yield {"name": f"{name}, by echo streams", "unit": "times", "value": ratio, "p50": None, "p99": None}


async def _climb(serving: Serving, progress: Callable[[float], None]) -> Row:
    """Add calls until frames are late; the last number for which they were not, and how late they were then."""
    best: Heard | None = None
    cpu, note = 0.0, ""
    async with serving() as server, open_callers(server.port, PATH) as callers:
        wanted = FIRST_CALLS
        while True:
            progress(min(cpu, 1.0))
            _, refused = await callers.join(await server.tickets(wanted - callers.count))
            heard, cpu = await _listen(callers)
            if heard.own_p99 > OWN_MS:
                note = ", at least: then the callers were late" if best else ", void: the callers were late"
                break
            if refused or _late(heard):
                break
            best = heard
            # Half of what the first calls promise, then on in small steps.
            wanted = round(max(heard.calls * STEP, heard.calls / cpu / 2 if heard.calls == FIRST_CALLS else 0))
    unit = f"calls (lateness in ms){note}"
    if best is None:
        return {"unit": unit, "value": None, "p50": None, "p99": None}
    return {"unit": unit, "value": best.calls, "p50": best.p50, "p99": best.p99}


async def _listen(callers: Callers) -> tuple[Heard, float]:
    """One window, or another when the first was bad: it may have been the machine. CPU seconds per second beside it."""
    await trio.sleep(SETTLE_S)
    heard, cpu = await _window(callers)
    return (heard, cpu) if heard.own_p99 <= OWN_MS and not _late(heard) else await _window(callers)


async def _window(callers: Callers) -> tuple[Heard, float]:
    cpu, start = time.process_time(), time.perf_counter()
    heard = await callers.measure(WINDOW_S)
    return heard, (time.process_time() - cpu) / (time.perf_counter() - start)


def _late(heard: Heard) -> bool:
    return heard.p99 > LATE_MS or heard.silent > 0 or heard.refused > 0


# --- what is measured ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _calls(**plane: Any) -> AsyncGenerator[Server]:
    talk = open_talking(transcriber=Chatterbox(), agent=Agent(REPLY), **plane)
    async with talk as talking, nothing_to_collect(lambda: False):
        yield Server(port=talking.port, tickets=talking.tickets)


@asynccontextmanager
async def _calls_with_sockets() -> AsyncGenerator[Server]:
    from voicecall.adapters.speech.openai.settings import Hearing
    from voicecall.adapters.speech.openai.transcriber import OpenAiTranscriber

    async with open_vendor() as port:
        settings = Hearing(api_key="sk-bench", base_url=f"http://127.0.0.1:{port}/v1")
        talk = open_talking(transcriber=OpenAiTranscriber(settings), agent=Agent(REPLY))
        async with talk as talking, nothing_to_collect(lambda: False):
            yield Server(port=talking.port, tickets=talking.tickets)


@asynccontextmanager
async def _echo() -> AsyncGenerator[Server]:
    import hypercorn.trio
    from hypercorn.config import Config
    from quart import websocket as current
    from quart_trio import QuartTrio

    app, websocket = QuartTrio("echo"), cast("Any", current)

    async def echo() -> None:
        while True:
            await websocket.send(await websocket.receive())

    async def nobody(count: int) -> list[str]:
        return [""] * count

    app.add_websocket(PATH, view_func=echo)
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    config.graceful_timeout = 0
    async with trio.open_nursery() as nursery:
        [url] = cast("list[str]", await nursery.start(partial(cast("Any", hypercorn.trio).serve, app, config)))
        async with nothing_to_collect(lambda: False):
            yield Server(port=int(str(url).rpartition(":")[2]), tickets=nobody)
        nursery.cancel_scope.cancel()


def _silero() -> Serving | str:
    """The calls with the better detector, or why they are left out."""
    if find_spec("onnxruntime") is None:
        return "onnxruntime is not installed"
    found = find_spec("silero_vad")
    models = [
        Path(folder) / "data" / "silero_vad.onnx" for folder in (found and found.submodule_search_locations) or ()
    ]
    model = next((path for path in models if path.is_file()), None)
    if model is None:
        return "the model file of silero_vad is not installed"
    if find_spec("voicecall.audio.silero") is None:
        return "calls have no such detector yet"
    return partial(_calls, voicing=import_module("voicecall.audio.silero").load(model))
