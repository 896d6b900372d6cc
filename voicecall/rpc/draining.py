"""``voicecall.drain``: no new calls, and the end of the process after the last one."""

from __future__ import annotations

from math import inf
from typing import Any

from voicecall.actors.drain import Drain
from voicecall.rpc import params as read
from voicecall.rpc.protocol import Params, refused

DRAIN = "voicecall.drain"


def drain(ending: Drain | None, params: Params) -> dict[str, Any]:
    """``{draining, calls}``. Raises ``RpcError`` where the process is somebody else's."""
    read.only(params, "requestId", "by", "withinMs")
    name = read.text(params, "requestId", read.REQUEST_ID)
    by = read.optional_text(params, "by") or "rpc"
    within_ms = read.whole_number(params, "withinMs", default=-1)
    if ending is None:
        raise refused("this system ends with the program that it is part of; end that one")
    return {"draining": True, "calls": ending.begin(name, by=by, within_s=inf if within_ms < 0 else within_ms / 1000)}
