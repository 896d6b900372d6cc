"""``voicecall.drain``: no new calls, and the end of the process after the last one."""

from __future__ import annotations

from math import inf
from typing import Any

from voicecall.actors.drain import Drain
from voicecall.rpc.protocol import Params, refused

DRAIN = "voicecall.drain"


def drain(ending: Drain | None, params: Params) -> dict[str, Any]:
    """``{draining, calls}``. Raises ``RpcError`` where the process is somebody else's."""
    if ending is None:
        raise refused("this system ends with the program that it is part of; end that one")
    within_s = params["withinMs"] / 1000 if "withinMs" in params else inf
    calls = ending.begin(params["requestId"], by=params.get("by", "rpc"), within_s=within_s)
    return {"draining": True, "calls": calls}
