"""Every metric: its name, its kind, its labels and what it says. The page about operation is made from this table.

Labels take their values from closed sets of ours. No number, no call id and no word of a stranger is one.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

PREFIX = "voicecall_"


@frozen
class Meter:
    """One metric, without the prefix (and, of a counter, without the suffix ``_total``). Times are in seconds."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    doc: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


LATE_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

BEGUN = Meter("calls_begun", "counter", "Calls that began.", ("direction", "mode"))
ENDED = Meter(
    "calls_ended", "counter", "Calls that are over, by the reason why they ended.", ("direction", "mode", "outcome")
)
LASTED = Meter(
    "call_seconds",
    "histogram",
    "How long calls lasted, from the answer to the end.",
    ("direction", "mode"),
    (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0),
)
TURN = Meter(
    "turn_seconds",
    "histogram",
    "How long people waited for an answer: from when they stopped to each stage, as `voicecall latency` has it. "
    "Counted when the call is over.",
    ("stage",),
    (0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0),
)
EFFECTS = Meter(
    "effects",
    "counter",
    "What was to be done, and its fate: `succeeded`, `failed` or `in-doubt` (nobody knows). Timers are not counted; "
    "`earlier` is what a process before this one decided.",
    ("effect", "fate"),
)
FAILURES = Meter(
    "failures",
    "counter",
    "What a conversation needs and has failed: `agent`, `transcriber`, `voice` (one of them), `no-voice` (none could "
    "speak), `media` (the stream of a live call was lost), `actor` (a call was given up).",
    ("part",),
)
FRAMES = Meter("frames", "counter", "Frames of sound (20 ms), `in` from people and `out` to them.", ("way",))
LATE = Meter(
    "frame_late_seconds",
    "histogram",
    "How late frames went out; the p99 of five seconds of a call is one observation.",
    (),
    LATE_S,
)
SYNC = Meter(
    "journal_sync_seconds",
    "histogram",
    "How long it took to make a batch of journal lines durable.",
    (),
    (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.5),
)
COUNTED = (BEGUN, ENDED, LASTED, TURN, EFFECTS, FAILURES, FRAMES, LATE, SYNC)
"""What is counted when it happens."""

CALLS = Meter("calls", "gauge", "Calls that are not over, by phase.", ("state",))
STREAMS = Meter("media_sockets", "gauge", "Media sockets that are open.")
LAG = Meter(
    "loop_lag_seconds",
    "histogram",
    "How late each tick came that serves the sound of all calls; it ticks while there is a media socket.",
    (),
    LATE_S,
)
WEBHOOKS = Meter(
    "webhooks",
    "counter",
    "Webhooks by verdict: `accepted`, `unproven` (accepted without a signature, as the configuration says), `later` "
    "(503, not durable in time), or why they were refused.",
    ("verdict",),
)
QUEUE = Meter("journal_waiting_lines", "gauge", "Lines that wait to become durable.")
FREE = Meter("journal_free_bytes", "gauge", "Room on the disk that the journal is on.")
READY = Meter("ready", "gauge", "1 where a check of `/readyz` holds.", ("check",))
BUILD = Meter("build_info", "gauge", "Always 1; which version this is.", ("version",))
READ = (CALLS, STREAMS, LAG, WEBHOOKS, QUEUE, FREE, READY, BUILD)
"""What is read when Prometheus asks."""
