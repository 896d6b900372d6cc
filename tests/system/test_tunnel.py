"""Whole calls through a tunnel: an ngrok that really brings everything to the door, dies, and is left behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.street import BUSY, LISTENS, Street, is_open, open_street
from tests.tunnels.programs import Programs, programs
from voicecall.rpc.protocol import RpcError

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


def logged(street: Street, event: str) -> dict[str, Any]:
    """The first line of the log about ``event``, also one that is still to come."""
    while True:
        for line in street.log.splitlines():
            if (told := json.loads(line))["event"] == event:
                return told
        street.ask("status")


def moved(street: Street) -> str:
    """Where the door is after its tunnel was lost."""
    return logged(street, "the door has another public address")["url"].removesuffix("/voice/webhook")


def test_calls_go_on_through_whatever_tunnel_there_is_now(tmp_path: Path) -> None:
    with (
        programs(tmp_path / "bin", "ngrok") as ngrok,
        open_street(tmp_path, serving=False, tunnel=TUNNEL) as street,
    ):
        ngrok.ngrok(relays=True)
        first = street.serve().ready["webhookUrl"].removesuffix("/voice/webhook")
        assert first not in ("", f"http://127.0.0.1:{street.port}")
        call(street, ngrok, first, LISTENS, "hangup-bot")
        ngrok.ngrok(crash=3)
        os.kill(ngrok.calls()[0]["pid"], signal.SIGKILL)
        logged(street, "the tunnel is lost")
        with pytest.raises(RpcError, match="the door is not public now"):
            street.call(BUSY)
        ngrok.ngrok(relays=True)
        second = moved(street)
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
