"""``drain``: ask the server to stop after its last call, and wait for that."""

from __future__ import annotations

import os
import re
from typing import Any

import trio

from voicecall.cli.calling import Params, run_client
from voicecall.cli.place import BAD_USAGE, Place, fail, print_json, wants_json
from voicecall.rpc.client import Client

DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h)")
UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


def drain_server(place: Place, *, within: str | None, wait: bool, json: bool) -> int:
    """Begin (or shorten) a drain."""
    params: dict[str, Any] = {}
    if within is not None:
        found = DURATION.fullmatch(within)
        if found is None:
            return fail(f"--within: must be like 30s, 500ms or 5m, got {within!r}", BAD_USAGE)
        params["withinMs"] = int(found[1]) * UNITS_MS[found[2]]

    async def work(client: Client, named: Params) -> dict[str, Any]:
        hello = await client.call("voicecall.hello", {})
        process = _process(hello)
        try:
            answer = await client.call("voicecall.drain", named)
            if wait:
                await client.gone()
                if process is not None:
                    await trio.lowlevel.wait_readable(process)
                return {**answer, "stopped": True}
            return answer
        finally:
            if process is not None:
                os.close(process)

    def show(answer: dict[str, Any]) -> None:
        if wants_json(json=json):
            print_json(answer)
        else:
            from voicecall.cli.rendering import show

            calls = answer["calls"]
            live = "no call is live" if not calls else "1 call is live" if calls == 1 else f"{calls} calls are live"
            show("[green]stopped[/green]" if answer.get("stopped") else f"draining: {live}")

    return run_client(place.state, params, work, show)


def _process(hello: dict[str, Any]) -> int | None:
    """A descriptor that is readable once the server's process has ended; None where the system has no such thing, or it
    has ended already."""
    try:
        return os.pidfd_open(int(hello["pid"]))
    except (AttributeError, OSError, KeyError):
        return None
