"""Whole calls through a tunnel: an ngrok that really brings everything to the door, dies, and is left behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import httpx

from tests.system.street import BUSY, LISTENS, Street, is_open, open_street
from tests.tunnels.programs import Programs, programs

TUNNEL = {"provider": "ngrok", "ngrokAuthToken": "2abc_notARealToken"}


def call(street: Street, ngrok: Programs, door: str, to: str, ends: str) -> None:
    """A call whose webhooks and sound come through the tunnel that is there now, and no other."""
    before = len(ngrok.calls())
    call_id = street.call(to, "Your parcel is here.", mode="notify")
    street.over(call_id)
    street.check(call_id)
    assert street.record(call_id)["endReason"] == ends
    brought = [one["brings"] for one in ngrok.calls()[before:]]
    assert set(brought) == {int(door.rpartition(":")[2])}


def moved(street: Street, count: int) -> str:
    """Where the door is, when it has moved so often."""
    while True:
        told = [json.loads(line) for line in street.log.splitlines()]
        found = [line["url"] for line in told if line["event"] == "the door has another public address"]
        if len(found) == count:
            return found[-1].removesuffix("/voice/webhook")
        street.ask("status")


def test_calls_go_on_through_whatever_tunnel_there_is_now(tmp_path: Path) -> None:
    with (
        programs(tmp_path / "bin", "ngrok") as ngrok,
        open_street(tmp_path, serving=False, tunnel=TUNNEL) as street,
    ):
        ngrok.ngrok(relays=True)
        first = street.serve().ready["webhookUrl"].removesuffix("/voice/webhook")
        assert first not in ("", f"http://127.0.0.1:{street.port}")
        call(street, ngrok, first, LISTENS, "hangup-bot")
        os.kill(ngrok.calls()[0]["pid"], signal.SIGKILL)
        second = moved(street, 1)
        assert second != first
        call(street, ngrok, second, BUSY, "busy")
        assert street.server is not None
        street.server.kill()
        third = street.serve().ready["webhookUrl"].removesuffix("/voice/webhook")
        assert not is_open(int(second.rpartition(":")[2]))
        call(street, ngrok, third, BUSY, "busy")
        assert httpx.get(f"{third}/readyz", trust_env=False).json()["public"] is True
        assert street.server.stop() == 0
        assert TUNNEL["ngrokAuthToken"] not in street.log
    assert not is_open(int(third.rpartition(":")[2]))
