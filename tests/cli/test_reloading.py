"""A real server reads its file again: at SIGHUP, and when ``voicecall config reload`` asks for it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.system.street import PATIENCE_S, Street, open_street
from voicecall.events import facts as fact
from voicecall.rpc.client import SOCKET
from voicecall.rpc.protocol import Lines

BEFORE, NOW = "Hello from before.", "Hello from now."


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with open_street(tmp_path_factory.mktemp("street"), inboundGreeting=BEFORE) as street:
        yield street


def write(street: Street, **changed: Any) -> None:
    street.config.write_text(json.dumps({**json.loads(street.config.read_text()), **changed}))


def hang_up(street: Street, *messages: str) -> dict[str, Any]:
    """Send SIGHUP and wait until the server has logged one of these."""
    assert street.server is not None
    pid = street.server.process.pid

    async def main() -> dict[str, Any]:
        lines = Lines()
        with trio.fail_after(PATIENCE_S):
            async with await trio.open_unix_socket(str(street.state / SOCKET)) as stream:
                await stream.send_all(b'{"jsonrpc":"2.0","id":1,"method":"voicecall.log.subscribe"}\n')
                async for data in stream:
                    for line in map(json.loads, filter(None, lines.feed(bytes(data)))):
                        if line.get("id") == 1:
                            os.kill(pid, signal.SIGHUP)
                        elif line["params"]["message"]["event"] in messages:
                            return line["params"]["message"]
        raise AssertionError("the server went away")

    return trio.run(main)


def greeting(street: Street, call_id: str) -> str:
    return street.events(call_id, fact.CallOffered)[0].policy.greeting


def test_a_live_call_goes_on_and_the_next_one_has_the_new_greeting(street: Street) -> None:
    live = street.offer("+15550002000", script={"steps": [{"do": "staySilent"}]})
    street.saw(live, fact.PlaybackFinished)
    write(street, inboundGreeting=NOW, rpc={"port": 4001})
    told = hang_up(street, "configuration changed")
    assert (told["applied"], told["needs_restart"]) == (["inboundGreeting"], ["rpc.port"])
    late = street.offer("+15550002001")
    assert [greeting(street, call_id) for call_id in (live, late)] == [BEFORE, NOW]
    assert street.record(live)["state"] not in ("completed", "error", "hangup-bot")
    for call_id in (live, late):
        street.ask("end", callId=call_id)
        street.over(call_id)
        street.check(call_id)


def test_what_cannot_be_used_changes_nothing_and_every_reason_is_told(street: Street) -> None:
    before = street.config.read_text()
    write(street, inboundGreeting="Never said.", ringTimeoutMs="long", inboundPolcy="open")
    told = hang_up(street, "the configuration is not changed")
    assert [one.partition(":")[0] for one in told["reasons"]] == ["ringTimeoutMs", "inboundPolcy"]
    done = street.cli("config", "reload")
    assert done.code == 2
    assert "nothing was changed" in done.err
    assert 'inboundPolcy: got "open": unknown key; did you mean inboundPolicy?' in done.err
    street.config.write_text(before)
    call_id = street.offer("+15550002002")
    assert greeting(street, call_id) != "Never said."
    street.ask("end", callId=call_id)
    street.over(call_id)


def test_the_command_lists_what_counts_and_what_waits(street: Street, tmp_path: Path) -> None:
    del tmp_path
    write(street, inboundGreeting="Once more.", maxConcurrentCalls=9, rpc={"port": 4002})
    done = street.cli("config", "reload")
    assert done.json == {"applied": ["inboundGreeting", "maxConcurrentCalls"], "needsRestart": ["rpc.port"]}
