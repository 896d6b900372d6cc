"""The methods about callers who are let in by a code."""

from __future__ import annotations

from typing import Any

from voicecall.actors.pairing import Pairings
from voicecall.core.pairing import LIFE_MS, NotPaired
from voicecall.rpc.protocol import Params, refused


async def show(pairings: Pairings) -> dict[str, Any]:
    """``{paired: [{number, approvedAt}], waiting: [{number, code, expiresAt}]}``."""
    approved = sorted(pairings.book.approved.items())
    waiting = [{"number": one.number, "code": one.code, "expiresAt": one.at + LIFE_MS} for one in pairings.waiting()]
    return {"paired": [{"number": number, "approvedAt": at} for number, at in approved], "waiting": waiting}


async def approve(pairings: Pairings, params: Params) -> dict[str, Any]:
    """``{number}``: who has been let in."""
    return _number(await pairings.approve(params["code"], by=params.get("by", "rpc")))


async def revoke(pairings: Pairings, params: Params) -> dict[str, Any]:
    """``{number}``: who has been shut out."""
    return _number(await pairings.revoke(params["number"], by=params.get("by", "rpc")))


def _number(result: Any) -> dict[str, Any]:
    if isinstance(result, NotPaired):
        raise refused(result.reason, reason="not-found", field=result.field)
    return {"number": result.number}
