"""The one place of the command line where chance and the time come from."""

from __future__ import annotations

import time
import uuid


def new_request_id() -> str:
    """A name for a request that no other request has."""
    return uuid.uuid4().hex


def now_ms() -> int:
    """The time, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
