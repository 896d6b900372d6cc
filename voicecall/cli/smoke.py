"""``smoke``: the checkup, and then a real call if that is wished in so many words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import trio

from voicecall.cli.calling import ENDED, until
from voicecall.cli.checkup import is_fine, look_through, report, show_findings
from voicecall.cli.entropy import new_request_id
from voicecall.cli.options import place_of
from voicecall.cli.place import BAD_USAGE, FAILED, fail, print_json, wants_json
from voicecall.doctor.findings import Finding
from voicecall.rpc.client import NoServer, connect
from voicecall.rpc.protocol import RpcError

E164 = re.compile(r"\+[1-9][0-9]{1,14}")
WELL = ("completed", "hangup-bot", "hangup-user")
"""How a call ends with which nothing was wrong, once it was answered."""


def smoke(
    state: Path | None, config: Path | None, *, to: str | None, message: str, mode: str, yes: bool, json: bool
) -> int:
    """0 when everything was in order, and a call, if there was one, was answered; 1 when not; 2 for a bad number."""
    if to is not None and not E164.fullmatch(to):
        return fail(f"--to: expected E.164 format, e.g. +15550001234, got {to!r}", BAD_USAGE)
    quiet = wants_json(json=json)
    findings = look_through(state, config, json=json)
    wish = {"to": to, "message": message, "mode": mode}
    result: dict[str, Any] = {"ok": is_fine(findings), "setup": report(findings), "liveCall": False}
    if result["ok"] and to is not None and yes:
        result |= _call(place_of(state, config).state, wish, quiet=quiet)
    elif to is not None:
        result["wouldCall"] = wish
    if quiet:
        print_json(result)
    else:
        _tell(findings, result)
    return 0 if result["ok"] else FAILED


def _call(state: Path, wish: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """What became of a call: its record, or why there was none."""
    placed: dict[str, Any] = {}

    async def main() -> dict[str, Any]:
        async with connect(state) as client:
            asked = {**wish, "requestId": new_request_id(), "by": "smoke"}
            placed.update(callId=(await client.call("voicecall.initiate", asked))["callId"], liveCall=True)
            return await until(client, str(placed["callId"]), ENDED, quiet=quiet)

    try:
        record = trio.run(main)
    except (NoServer, RpcError) as error:
        message = error.message if isinstance(error, RpcError) else str(error)
        return {**placed, "ok": False, "error": message}
    answered = bool(record.get("answeredAt"))
    ok = answered and record.get("endReason") in WELL
    error = (
        {} if ok else {"error": f"the call {'ended' if answered else 'was not answered'}: {record.get('endReason')}"}
    )
    return {**placed, "ok": ok, "call": record, **error}


def _tell(findings: Sequence[Finding], result: dict[str, Any]) -> None:
    """Of a checkup in which nothing was found only the end; of a call its record."""
    from rich.markup import escape

    from voicecall.cli.rendering import record_view, show

    show_findings([one for one in findings if one.level != "ok"])
    if "call" in result:
        show(record_view(result["call"]))
    if "error" in result:
        show(f"[red]{escape(result['error'])}[/red]")
    elif result["liveCall"]:
        show("[green]the call was answered[/green]")
    elif "wouldCall" in result and result["ok"]:
        would = result["wouldCall"]
        show(f"[dim]nobody was called; add --yes to call {would['to']} and say {escape(would['message'])!r}[/dim]")
    elif not result["ok"]:
        show("[dim]nobody was called: this comes first[/dim]")
    else:
        show("[dim]nobody was called; name somebody with --to, and add --yes[/dim]")
