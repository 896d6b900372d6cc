"""``latency CALL --plot FILE``: the picture of a call, with the sound of its recording where there is one."""

from __future__ import annotations

import os
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from voicecall.audio.g711 import RATE
from voicecall.audio.recording import channels
from voicecall.cli.drawing import Envelope, Scale, draw
from voicecall.cli.rendering import moment
from voicecall.events import CallId, Entry, Instant
from voicecall.projections.latency import stage_summaries
from voicecall.projections.timeline import Timeline, timeline

STEP_MS = 40
STEP_PX = 2
BLOCK_S = 60
QUIETEST_DBFS = -50.0
"""What is not louder is drawn as silence."""


class NotWritten(Exception):
    """The picture cannot be kept where it should be. The text says why."""


def write_plot(path: Path, call_id: CallId, entries: Sequence[Entry], *, recordings: Path) -> None:
    """Draw the call into a file that only its owner can read. Raises ``NotWritten``."""
    call = timeline(entries)
    drawn = draw(
        call,
        _envelopes(call, call_id, recordings),
        title=f"call {call_id[:8]}: {call.title}",
        subtitle=subtitle_of(call),
    )
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(drawn)
    except OSError as error:
        raise NotWritten(f"--plot: {path}: {error.strerror}; name a file that can be written") from error


def subtitle_of(call: Timeline) -> str:
    """When it was, how long it took, and how long the person waited."""
    parts = [moment(call.begins_at), f"{(call.ends_at - call.begins_at) / 1000:.1f} s"]
    if call.begins_at > call.placed_at:
        parts.append(f"after {(call.begins_at - call.placed_at) / 1000:.1f} s of ringing")
    stages = stage_summaries(call.turns)
    name, waited = next(
        ((name, stages[name]) for name in ("heard", "frame") if stages[name]["count"]), ("heard", stages["heard"])
    )
    if waited["count"]:
        how = "heard" if name == "heard" else "sent"
        parts.append(f"answers {how} after p50 {waited['p50Ms']}, p95 {waited['p95Ms']}, max {waited['maxMs']} ms")
    if call.punctuality.lag_max_ms is not None:
        parts.append(f"the loop's lag: worst {call.punctuality.lag_max_ms} ms")
    return " · ".join(parts)


def _envelopes(call: Timeline, call_id: CallId, recordings: Path) -> list[Envelope]:
    """The sound of each media stream that was recorded, if all of them were: else nobody knows which is which."""
    names = [f"{call_id}.wav", *(f"{call_id}.{number}.wav" for number in range(2, len(call.openings) + 1))]
    paths = [recordings / name for name in names[: len(call.openings)]]
    if not all(path.is_file() for path in paths):
        return []
    try:
        step_ms = max(STEP_MS, round(STEP_PX / Scale(begins_at=call.begins_at, ends_at=call.ends_at).px_per_ms))
        return [envelope(path, at, step_ms) for path, at in zip(paths, call.openings, strict=True)]
    except (OSError, EOFError, ValueError, wave.Error) as error:
        sys.stderr.write(f"the recording cannot be read and is left out: {error}\n")
        return []


def envelope(path: Path, begins_at: Instant, step_ms: int) -> Envelope:
    """How loud both sides of a recording were, as the ear has it: by decibels. Raises what reading a WAV file may."""
    samples = channels(path)
    size = RATE * step_ms // 1000
    windows = samples[: len(samples) // size * size].reshape(-1, size, 2)
    at_once = max(BLOCK_S * RATE // size, 1)  # an hour as floating point would be half a gigabyte
    power = np.zeros((len(windows), 2))
    for begin in range(0, len(windows), at_once):
        power[begin : begin + at_once] = (windows[begin : begin + at_once].astype(np.float64) ** 2).mean(axis=1)
    levels = np.clip(1 - 10 * np.log10(np.maximum(power, 1.0) / 32_768.0**2) / QUIETEST_DBFS, 0, 1)
    return Envelope(begins_at=begins_at, step_ms=step_ms, levels=levels.T)
