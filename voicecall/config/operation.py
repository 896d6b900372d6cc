"""The keys about running it: what is measured, and what is logged."""

from __future__ import annotations

from attrs import frozen

from voicecall.config.keys import key
from voicecall.config.shapes import BOOL, NON_EMPTY, PORT


@frozen(kw_only=True)
class Metrics:
    port: int | None = key(
        PORT,
        None,
        "TCP port for Prometheus (`GET /metrics`), apart from the one door, which may be public. Absent: none.",
    )
    bind: str = key(NON_EMPTY, "127.0.0.1", "Address that port listens on; whoever reaches it may read the metrics.")


@frozen(kw_only=True)
class Logging:
    transcripts: bool = key(
        BOOL, False, "Log what is said in calls, and the texts of exceptions. Numbers and secrets are never logged."
    )
