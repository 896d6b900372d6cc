"""A proxy that pools its connections to us must be able to send a handshake after a webhook."""

from __future__ import annotations

import h11
import trio
from attrs import define, field

from tests.web.kit import ACCEPT, STREAM, Kit, event, handshake, post, read_answer, serve


@define
class PoolingProxy:
    """One upstream connection at a time, used again for whatever comes next, by any client, as long as it may be."""

    port: int
    upstream: trio.SocketStream | None = None
    opened: int = 0
    reused: int = 0
    tried: list[bytes] = field(factory=list)

    async def serve(self, client: trio.SocketStream) -> None:
        """One exchange, head and body; after a 101 bytes flow both ways."""
        request = bytes(await client.receive_some())
        self.tried.append(request.split(b"\r\n")[0])
        upstream = await self._connection()
        await upstream.send_all(request)
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method="GET", target="/", headers=[("host", "h"), ("upgrade", "websocket")]))
        parser.send(h11.EndOfMessage())
        response = b""
        while parser.their_state not in (h11.DONE, h11.CLOSED, h11.MUST_CLOSE, h11.SWITCHED_PROTOCOL):
            data = bytes(await upstream.receive_some())
            response += data
            parser.receive_data(data)
            while not isinstance(parser.next_event(), type(h11.NEED_DATA)):
                if parser.their_state is not h11.SEND_BODY:
                    break
        await client.send_all(response)
        if parser.their_state is h11.SWITCHED_PROTOCOL:
            self.upstream = None
            await self._flow(client, upstream)
        elif parser.their_state is not h11.DONE:
            self.upstream = None
            await upstream.aclose()

    async def _connection(self) -> trio.SocketStream:
        if self.upstream is None:
            self.opened += 1
            self.upstream = await trio.open_tcp_stream("127.0.0.1", self.port)
        else:
            self.reused += 1
        return self.upstream

    async def _flow(self, client: trio.SocketStream, upstream: trio.SocketStream) -> None:
        async def pump(source: trio.SocketStream, sink: trio.SocketStream) -> None:
            async for data in source:
                await sink.send_all(data)
            await sink.send_eof()

        async with client, upstream, trio.open_nursery() as nursery:
            nursery.start_soon(pump, client, upstream)
            nursery.start_soon(pump, upstream, client)


def test_a_webhook_and_then_a_handshake_through_a_pooling_proxy() -> None:
    async def story(kit: Kit) -> None:
        proxy = PoolingProxy(kit.door.port)
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, proxy.serve, 0)
            port = listeners[0].socket.getsockname()[1]

            async def through(request: bytes) -> trio.SocketStream:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
                await stream.send_all(request)
                return stream

            for number in range(3):
                async with await through(post(event(id=f"e{number}"))) as client:
                    assert (await read_answer(client)).status == 200
            async with await through(handshake(STREAM)) as client:
                answer = await read_answer(client)
                assert (answer.status, answer.headers["sec-websocket-accept"]) == (101, ACCEPT)
                [(sock, _, _)] = kit.media
                await client.send_all(b"from the caller")
                await trio.lowlevel.wait_readable(sock)
                assert sock.recv(100) == b"from the caller"
                sock.send(b"to the caller")
                assert await client.receive_some() == b"to the caller"
                sock.close()
                assert await client.receive_some() == b""
            async with await through(post(event(id="after"))) as client:
                assert (await read_answer(client)).status == 200
            assert len(proxy.tried) == 5
            nursery.cancel_scope.cancel()

    serve(story)
