"""Stopping and starting: answers that are owed are given, nothing stays open, and a port that is taken is explained."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import pytest
import trio
import trio.testing

from tests.web.kit import Kit, event, handshake, new_gate, ok, post, read_answer, serve
from voicecall.ports import Heard, HttpResponse
from voicecall.web.app import build_app
from voicecall.web.door import Door, serve_door
from voicecall.web.listening import CannotListen, listen


def test_a_webhook_under_way_gets_its_answer_and_newcomers_get_none() -> None:
    arrived, release = trio.Event(), trio.Event()

    async def deliver(
        carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        arrived.set()
        await release.wait()
        return await ok(carrier, heard)

    async def story(kit: Kit) -> None:
        async with await kit.connect() as working, await kit.connect() as idle, trio.open_nursery() as nursery:
            await idle.send_all(b"POST /voice/webhook HT")
            await working.send_all(post(event()))
            await arrived.wait()
            nursery.start_soon(kit.door.stop)
            assert await idle.receive_some() == b""
            with pytest.raises(OSError, match="connect"):
                await kit.connect()
            release.set()
            assert (await read_answer(working)).status == 200
            assert await working.receive_some() == b""
        assert kit.door.open_sockets == 0

    serve(story, deliver=deliver)


def test_a_webhook_that_never_ends_does_not_keep_the_door_open() -> None:
    arrived = trio.Event()

    async def deliver(
        carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        arrived.set()
        await trio.sleep_forever()
        raise AssertionError

    async def story(kit: Kit) -> None:
        async with await kit.connect() as stream:
            await stream.send_all(post(event()))
            await arrived.wait()
            start = trio.current_time()
            await kit.door.stop(grace_s=2)
            assert 1.9 < trio.current_time() - start < 20
            assert kit.door.open_sockets == 0
            assert await stream.receive_some() == b""

    serve(story, deliver=deliver, rate=10)


def test_media_sockets_survive_the_door() -> None:
    async def story(kit: Kit) -> None:
        async with await kit.connect() as stream:
            await stream.send_all(handshake())
            assert (await read_answer(stream)).status == 101
            await kit.door.stop()
            kit.media[0][0].send(b"still here")
            assert await stream.receive_some() == b"still here"

    serve(story)


def test_cancelling_closes_everything_at_once() -> None:
    async def main() -> None:
        app = build_app(new_gate(), checks={})
        streams: list[trio.SocketStream] = []
        opening = partial(
            serve_door,
            bind="127.0.0.1",
            listeners=await listen("127.0.0.1", 0),
            app=app,
            stream_path=None,
            media_room=lambda: True,
            accept_media=lambda sock, leftover, peer: None,
        )

        async with trio.open_nursery() as nursery:
            door: Door = await nursery.start(opening)
            for sent in (b"", b"POST / HT", post(event())[:-1]):
                stream = await trio.open_tcp_stream("127.0.0.1", door.port)
                await stream.send_all(sent)
                streams.append(stream)
            while door.open_sockets < 3:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert door.open_sockets == 0
        for stream in streams:
            with trio.fail_after(5):
                with suppress(trio.BrokenResourceError):  # a reset is an end too
                    assert await stream.receive_some() == b""
            await stream.aclose()
        with trio.fail_after(5):
            [listener] = await listen("127.0.0.1", door.port)  # at once, although old connections linger
        await listener.aclose()

    trio.run(main)


def test_a_taken_port_is_explained() -> None:
    async def main() -> None:
        [holder] = await listen("127.0.0.1", 0)
        port = holder.socket.getsockname()[1]
        with pytest.raises(CannotListen, match=f"^serve.port: {port} on 127.0.0.1 is already taken.*set serve.port"):
            await listen("127.0.0.1", port)
        await holder.aclose()

    trio.run(main)


@pytest.mark.parametrize("bind", ["192.0.2.1", "x" * 64])
def test_an_address_that_is_not_ours_is_explained(bind: str) -> None:
    with pytest.raises(CannotListen, match=f"^serve.bind: '{bind}' is no address of this machine.*127.0.0.1"):
        trio.run(listen, bind, 0)


def test_a_name_with_several_addresses_gets_one_port() -> None:
    async def main() -> None:
        listeners = await listen("localhost", 0)
        assert len({listener.socket.getsockname()[1] for listener in listeners}) == 1
        for listener in listeners:
            await listener.aclose()

    trio.run(main)
