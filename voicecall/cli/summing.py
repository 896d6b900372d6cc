"""``latency``: how long people waited, turn by turn or over many calls, and the picture of a call."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from journal.reading import Reader
from voicecall.actors.checkpoint import load_directory
from voicecall.actors.world import read_call
from voicecall.cli.entropy import now_ms
from voicecall.cli.looking import look
from voicecall.cli.place import BAD_USAGE, Place, fail, print_json, wants_json
from voicecall.cli.reading import checkpoint_of, find_call, open_source
from voicecall.events import CallId, Entry
from voicecall.projections.directory import Directory
from voicecall.projections.latency import (
    STAGES,
    Punctuality,
    TurnLatency,
    punctuality,
    stage_summaries,
    summary,
    turn_latencies,
    worst,
)
from voicecall.projections.operation import operations

NEWEST = 200
"""Calls that are looked at when nobody says which."""
UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@frozen(kw_only=True)
class CallLatency:
    """What one call tells."""

    call_id: CallId
    turns: tuple[TurnLatency, ...]
    waits: tuple[int, ...]
    punctuality: Punctuality

    @staticmethod
    def of(call_id: CallId, entries: Sequence[Entry]) -> CallLatency:
        """Fold a call."""
        waits = (one.completed_at - one.requested_at for one in operations(entries) if one.status == "completed")
        return CallLatency(
            call_id=call_id,
            turns=tuple(turn_latencies(entries)),
            waits=tuple(waits),
            punctuality=punctuality(entries),
        )


def since_ms(text: str, now: int) -> int:
    """The instant that ``--since`` means: ``30m``, ``24h``, ``7d`` before ``now``, or a date in the reader's zone.

    Raises ``ValueError``, ``OverflowError``.
    """
    ago = re.fullmatch(r"(\d+)([smhd])", text)
    if ago is not None:
        return now - int(ago[1]) * UNIT_MS[ago[2]]
    return round(datetime.fromisoformat(text).astimezone().timestamp() * 1000)


def chosen(calls: Directory, *, last: int | None, since: int) -> list[CallId]:
    """The newest calls, at most ``last``, that began at ``since`` or later."""
    rows = (CallId(row.call_id) for row in calls.rows() if row.started_at >= since)
    return list(deque(rows, maxlen=last))


def report_of(calls: Sequence[CallLatency], *, each: bool) -> dict[str, Any]:
    """``{recordsScanned, turnLatency, listenWait}`` as the reference prints it, then every stage of a turn and how
    punctual the sound was; with ``each``, every call and its turns.

    A turn counts from the moment the caller stopped to the first sound of the answer, a wait from ``continue`` to
    the words that answered it.
    """
    turns = [turn for call in calls for turn in call.turns]
    stages = stage_summaries(turns)
    report: dict[str, Any] = {
        "recordsScanned": len(calls),
        "turnLatency": stages["frame"],
        "listenWait": summary([wait for call in calls for wait in call.waits]),
        "stages": stages,
        "sound": sound_record(worst([call.punctuality for call in calls])),
    }
    if each:
        report["calls"] = [
            {
                "callId": call.call_id,
                "sound": sound_record(call.punctuality),
                "turns": [_turn_record(turn) for turn in call.turns],
            }
            for call in calls
        ]
    return report


def sound_record(sound: Punctuality) -> dict[str, float | None]:
    """How punctual the sound was; null where nobody measured it."""
    return {
        "frameLateP99Ms": sound.late_p99_ms,
        "loopLagP99Ms": sound.lag_p99_ms,
        "loopLagMaxMs": sound.lag_max_ms,
    }


def _turn_record(turn: TurnLatency) -> dict[str, int | None]:
    stages = {f"{stage}Ms": getattr(turn, f"{stage}_ms") for stage in STAGES}
    return {"turn": turn.turn, "stoppedAt": turn.stopped_at, **stages}


async def read_latencies(source: Reader, names: Sequence[CallId], *, progress: bool) -> list[CallLatency]:
    """What each call tells, in order."""
    return [CallLatency.of(one, await read_call(source, one)) for one in _shown(names, progress=progress)]


def _shown(names: Sequence[CallId], *, progress: bool) -> Iterable[CallId]:
    if not progress:
        return names
    from rich.console import Console
    from rich.progress import track

    return track(names, "reading calls", console=Console(stderr=True), transient=True)


def show_latency(
    place: Place,
    names: Sequence[str],
    *,
    last: int | None,
    since: str | None,
    plot: Path | None,
    file: Path | None,
    json: bool,
) -> int:
    """How long people waited: in the calls that are named, else in the newest."""
    begins, problem = 0, _misuse(names, last=last, plot=plot)
    if since is not None and not problem:
        try:
            begins = since_ms(since, now_ms())
        except (ValueError, OverflowError):
            problem = f"--since: must be like 24h, 7d or 2026-01-31T09:00, got {since!r}"
        if names:
            problem = f"--since: chooses among all calls, got it with {names[0]!r}; leave one of them out"
    if problem:
        return fail(problem, BAD_USAGE)

    async def work() -> int:
        source, checkpoint = open_source(place, file), checkpoint_of(place, file)
        if names:
            calls = [await find_call(source, name, checkpoint) for name in names]
        else:
            limit = last or (None if since else NEWEST)
            calls = chosen(await load_directory(source, checkpoint), last=limit, since=begins)
        found = await read_latencies(source, calls, progress=not (names or wants_json(json=json)))
        if plot is not None:
            from voicecall.cli.plotting import NotWritten, write_plot

            entries = await read_call(source, calls[0])
            try:
                write_plot(plot, calls[0], entries, recordings=place.state / "recordings")
            except NotWritten as error:
                return fail(str(error))
        _print(found, each=bool(names), plot=plot, json=json)
        return 0

    return look(work)


def _misuse(names: Sequence[str], *, last: int | None, plot: Path | None) -> str:
    if last is not None and last < 1:
        return f"--last: must be 1 or more, got {last}"
    if plot is not None and len(names) != 1:
        return f"--plot: shows one call, got {len(names)}; name it: voicecall latency CALL --plot {plot}"
    if plot is not None and plot.suffix.lower() != ".svg":
        return f"--plot: must end in .svg, got {str(plot)!r}; a browser shows an SVG and prints it as anything else"
    return ""


def _print(calls: Sequence[CallLatency], *, each: bool, plot: Path | None, json: bool) -> None:
    report = report_of(calls, each=each)
    if plot is not None:
        report["plot"] = str(plot)
    if wants_json(json=json):
        print_json(report)
        return
    from voicecall.cli.rendering import show, sound_text, summary_view, turns_view

    if each:
        for call in calls:
            show(turns_view(call.turns, of=call.call_id), sound_text(sound_record(call.punctuality)))
    if not each or sum(len(call.turns) for call in calls) > 1:
        show(summary_view(report))
    if not each:
        show(sound_text(report["sound"]))
    if plot is not None:
        show(f"drawn in {plot}")
