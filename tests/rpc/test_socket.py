"""The unix socket: who may use it, who has it, and what a client is told when nobody answers."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from tests.rpc.stage import Stage, play
from voicecall.rpc.client import SOCKET, NoServer, connect
from voicecall.rpc.protocol import RpcError
from voicecall.rpc.server import CannotServe, open_socket, serve_rpc


def refusal(path: Path) -> str:
    """Why the socket cannot be opened; whatever was there is untouched."""

    async def main() -> str:
        with pytest.raises(CannotServe) as caught:
            async with open_socket(path):
                raise AssertionError("opened")
        return str(caught.value)

    return trio.run(main)


def no_server(state: Path, answer: Callable[[trio.SocketStream], Awaitable[None]] | None = None) -> str:
    """What a client is told when ``answer`` (or nobody) answers at the socket."""

    async def serve(listener: trio.SocketListener) -> None:
        assert answer is not None
        async with await listener.accept() as stream:
            await answer(stream)

    async def main() -> str:
        async with trio.open_nursery() as nursery:
            if answer is not None:
                listener = await nursery.start(_open, state / SOCKET)
                nursery.start_soon(serve, listener)
            with pytest.raises(NoServer) as caught:
                async with connect(state) as client:
                    await client.call("voicecall.status", {})
            nursery.cancel_scope.cancel()
        return str(caught.value)

    return trio.run(main)


async def _open(path: Path, task_status: trio.TaskStatus[trio.SocketListener]) -> None:
    async with open_socket(path) as listener:
        task_status.started(listener)
        await trio.sleep_forever()


def test_the_socket_is_the_users_own_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / SOCKET

    async def main() -> None:
        mask = os.umask(0)
        try:
            async with open_socket(path):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
                assert os.umask(0) == 0
        finally:
            os.umask(mask)
        assert not path.exists()

    trio.run(main)


def test_the_socket_of_a_server_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / SOCKET
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    dead.bind(os.fspath(path))
    dead.close()
    assert path.is_socket()

    async def main() -> None:
        async with open_socket(path):
            assert path.is_socket()

    trio.run(main)
    assert not path.exists()


def test_the_socket_of_a_living_server_is_not_even_if_its_queue_is_full(tmp_path: Path) -> None:
    path = tmp_path / SOCKET
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as living:
        living.bind(os.fspath(path))
        living.listen(0)
        waiting = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(4)]
        for one in waiting:
            one.settimeout(0)
            one.connect_ex(os.fspath(path))
        assert refusal(path) == f"{path}: a server listens there already; stop it, or use another --state"
        for one in waiting:
            one.close()
    assert path.is_socket()


def test_a_path_that_no_socket_can_have_is_refused_with_its_length(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)
    words = refusal(path)
    assert words == f"{path}: {len(str(path))} bytes are too long for a socket's path; use a shorter --state"


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / SOCKET
    assert refusal(path) == (
        f"{path}: cannot listen there: No such file or directory; check the directory, or use another --state"
    )


def test_without_a_server_a_client_is_told_how_to_start_one(tmp_path: Path) -> None:
    words = f"no voicecall server is running for {tmp_path}: start it with `voicecall serve --state {tmp_path}`"
    assert no_server(tmp_path) == words
    (tmp_path / SOCKET).write_text("")
    assert no_server(tmp_path) == words


def test_a_server_that_goes_away_is_not_waited_for(tmp_path: Path) -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()

    assert no_server(tmp_path, hang_up) == (
        f"the voicecall server of {tmp_path} went away before it answered; ask `voicecall status`"
    )


@pytest.mark.parametrize("words", [b"220 smtp ready\n", b"[]\n", b"\xff\n"])
def test_what_is_no_server_of_ours_is_not_believed(tmp_path: Path, words: bytes) -> None:
    async def greet(stream: trio.SocketStream) -> None:
        await stream.send_all(words)
        await stream.receive_some()

    assert no_server(tmp_path, greet) == (f"{tmp_path / SOCKET}: what listens there is no voicecall server; stop it")


def test_a_client_over_the_real_socket(tmp_path: Path) -> None:
    """On the wall clock, so that nothing jumps while the kernel carries bytes; no time passes that matters."""

    async def story(stage: Stage) -> None:
        async with open_socket(tmp_path / SOCKET) as listener:
            await stage.nursery.start(serve_rpc, listener, stage.methods)
            async with connect(tmp_path) as one, connect(tmp_path) as other:
                placed = {"to": "+15550001003", "message": "Hello", "requestId": "r1"}
                call_id = (await one.call("voicecall.initiate", placed))["callId"]
                assert (await other.call("voicecall.initiate", placed))["callId"] == call_id
                with pytest.raises(RpcError, match="Call not found"):
                    await one.call("voicecall.end", {"callId": "nobody", "requestId": "e1"})
                with pytest.raises(RpcError, match="line: longer than 1048576 bytes"):
                    await one.call("voicecall.speak", {"callId": call_id, "message": "x" * (2 << 20)})
                assert (await one.call("voicecall.status", {"callId": call_id}))["found"]
                assert (await other.call("voicecall.status", {}))["calls"][0]["callId"] == call_id

    play(story, jumping=False)
