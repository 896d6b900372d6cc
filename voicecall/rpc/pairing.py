"""The methods about callers who are let in by a code."""

from __future__ import annotations

import re
from typing import Any

from voicecall.actors.pairing import Pairings
from voicecall.core.pairing import E164, LIFE_MS, NotPaired
from voicecall.rpc import params as read
from voicecall.rpc.protocol import Params, invalid, refused

CODE = re.compile(r"(?:[0-9][ -]?){5}[0-9]")


async def show(pairings: Pairings, params: Params) -> dict[str, Any]:
    """``{paired: [{number, approvedAt}], waiting: [{number, code, expiresAt}]}``."""
    read.only(params, "requestId", "by")
    approved = sorted(pairings.book.approved.items())
    waiting = [{"number": one.number, "code": one.code, "expiresAt": one.at + LIFE_MS} for one in pairings.waiting()]
    return {"paired": [{"number": number, "approvedAt": at} for number, at in approved], "waiting": waiting}


async def approve(pairings: Pairings, params: Params) -> dict[str, Any]:
    """``{number}``: who has been let in."""
    read.only(params, "code", "requestId", "by")
    code = read.text(params, "code", "code required: the six digits that the caller was told")
    if not CODE.fullmatch(code):
        raise invalid("code", f"code: expected the six digits that the caller was told, got {code[:40]!r}")
    return _number(await pairings.approve(code, by=read.optional_text(params, "by") or "rpc"))


async def revoke(pairings: Pairings, params: Params) -> dict[str, Any]:
    """``{number}``: who has been shut out."""
    read.only(params, "number", "requestId", "by")
    number = read.text(params, "number", "number required, e.g. +15550001234")
    if not E164.fullmatch(number):
        raise invalid("number", f"number: expected E.164 format, e.g. +15550001234, got {number[:40]!r}")
    return _number(await pairings.revoke(number, by=read.optional_text(params, "by") or "rpc"))


def _number(result: Any) -> dict[str, Any]:
    if isinstance(result, NotPaired):
        raise refused(result.reason, reason="not-found", field=result.field)
    return {"number": result.number}
