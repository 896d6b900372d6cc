"""After a call the server is what it was before: the same sockets, the same tasks, and no word of it in its log."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio
import trio.testing

from tests.system.street import LISTENS, RATE, Street, open_street
from voicecall.config import load
from voicecall.events import facts as fact
from voicecall.rpc.client import connect
from voicecall.rpc.connection import PARTING_S
from voicecall.system import open_system

POOLED = 1
"""Connections to the carrier's API that are kept for the next request."""
PROXIES = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """Where proxies are in the environment, as in many an office, and none of them answers."""
    with open_street(tmp_path_factory.mktemp("street"), serving=False) as street:
        street.serve(env=PROXIES)
        yield street


def test_no_socket_is_left_but_the_listeners_and_the_idle_pool(street: Street) -> None:
    assert street.server is not None
    settle()
    fresh = len(street.server.files())
    for _ in range(3):
        street.over(street.call(LISTENS, "Hello.", mode="notify"))
    settle()
    for _ in range(1_000):  # closing takes both sides; until then there is something to ask
        if len(street.server.files()) <= fresh + POOLED:
            break
        assert street.ask("status")["found"]
    assert len(street.server.files()) <= fresh + POOLED
    assert street.api("GET", "/_network/report")["mediaSocketsOpen"] == 0


def settle() -> None:
    """The server is patient with those who listened and have gone."""
    trio.run(trio.sleep, PARTING_S + 1, clock=trio.testing.MockClock(rate=RATE))


def test_the_log_names_no_number_no_secret_and_no_word(street: Street) -> None:
    call_id = street.call(LISTENS, "A word between the two of us.")
    street.saw(call_id, fact.PlaybackStarted)
    webhook = f"http://127.0.0.1:{street.port}/voice/webhook"
    event = {"id": "e1", "type": "call.ringing", "callId": call_id, "from": "+15550000000", "to": LISTENS}
    with httpx.Client(trust_env=False) as stranger:
        for headers in ({}, {"x-mock-timestamp": "1", "x-mock-signature": "between us"}):
            assert stranger.post(webhook, json={"event": event}, headers=headers).status_code in (401, 403)
    street.ask("end", callId=call_id)
    street.over(call_id)
    assert "\n" in street.log
    for secret in ("+1555", "15550", "between", "word", (street.state / "ticket.key").read_bytes().hex()):
        assert secret not in street.log, street.log


def test_proxies_of_the_environment_are_not_for_loopback(street: Street) -> None:
    call_id = street.call(LISTENS, "Hello.", mode="notify")
    street.over(call_id)
    assert street.record(call_id)["endReason"] == "hangup-bot"
    assert street.seen(call_id)["heardMs"] > 0


def test_no_task_is_left(tmp_path: Path) -> None:
    with open_street(tmp_path, serving=False) as street:

        async def main() -> None:
            config = load(street.config, {})
            async with open_system(config, state=street.state) as system:
                await call(street, "warms the pools up")
                await trio.sleep(PARTING_S + 1)
                idle = trio.lowlevel.current_statistics().tasks_living
                for number in range(2):
                    await call(street, f"{number}")
                await trio.sleep(PARTING_S + 1)
                assert trio.lowlevel.current_statistics().tasks_living == idle
                assert system.calls.supervisor.actors == 0
                assert system.calls.plane.has_room()

        trio.run(main, clock=trio.testing.MockClock(rate=RATE))


async def call(street: Street, name: str) -> None:
    """A whole call, from inside the process that serves."""
    params = {"to": LISTENS, "message": "Hello.", "mode": "notify", "requestId": name}
    async with connect(street.state) as client:
        call_id = (await client.call("voicecall.initiate", params))["callId"]
    await trio.to_thread.run_sync(partial(street.over, call_id))
