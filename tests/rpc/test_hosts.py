"""Hosts come and go: how many there are, and when a server is no longer needed."""

from __future__ import annotations

import pytest
import trio

from tests.rpc.stage import SAYS_ONE_THING, Line, Stage, play


async def host(stage: Stage, count: int, **params: object) -> Line:
    """A client that has said hello."""
    line = stage.line()
    await line.send({"jsonrpc": "2.0", "id": 1, "method": "voicecall.hello", "params": {"host": True, **params}})
    assert (await line.next())["result"]["hosts"] == count
    return line


def test_hosts_are_counted_once_each_and_clients_not_at_all() -> None:
    async def story(stage: Stage) -> None:
        first = await host(stage, 1)
        await host(stage, 1, host=False)
        second = await host(stage, 2)
        await second.send({"jsonrpc": "2.0", "id": 2, "method": "voicecall.hello", "params": {"host": True}})
        assert (await second.next())["result"]["hosts"] == 2
        await second.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        await first.send({"jsonrpc": "2.0", "id": 2, "method": "voicecall.hello"})
        assert (await first.next())["result"]["hosts"] == 1
        refused = stage.line()
        await refused.send(
            {"jsonrpc": "2.0", "id": 1, "method": "voicecall.hello", "params": {"host": True, "protocol": 9}}
        )
        assert "error" in await refused.next()
        assert stage.methods.hosts.count == 1

    play(story)


def test_nobody_needs_a_server_whose_hosts_have_been_gone_for_long() -> None:
    async def story(stage: Stage) -> None:
        hosts, supervisor = stage.methods.hosts, stage.system.calls.supervisor
        began = trio.current_time()
        await hosts.gone(supervisor, 60)
        assert trio.current_time() - began == pytest.approx(60, abs=0.01)
        async with trio.open_nursery() as nursery:
            line = await host(stage, 1)

            async def come_and_go() -> None:
                await trio.sleep(100)
                await line.stream.aclose()
                await trio.sleep(50)
                again = await host(stage, 1)
                await trio.sleep(1)
                await again.stream.aclose()

            nursery.start_soon(come_and_go)
            began = trio.current_time()
            await hosts.gone(supervisor, 60)
            assert trio.current_time() - began == pytest.approx(211, abs=0.01)

    play(story)


def test_a_live_call_keeps_a_server_without_a_host() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(SAYS_ONE_THING)
        began = trio.current_time()
        await stage.methods.hosts.gone(stage.system.calls.supervisor, 5)
        assert trio.current_time() - began > 20
        assert (await stage.call("status", callId=call_id))["call"]["endReason"]

    play(story)
