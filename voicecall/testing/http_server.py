"""A small HTTP/1.1 server for the simulated network's API: h11 on trio streams, keep-alive, bounded bodies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import h11
import trio

from voicecall.ports import HttpRequest, HttpResponse

BODY_LIMIT = 1 << 20
READ_BYTES = 1 << 16
LINGER_S = 2.0

Answer = Callable[[HttpRequest], Awaitable[HttpResponse]]


async def serve_connection(stream: trio.SocketStream, answer: Answer) -> None:
    """Answer the requests of one connection, one after the other, until the client goes away."""
    connection = h11.Connection(h11.SERVER)
    async with stream:
        try:
            while await _exchange(stream, connection, answer):
                connection.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.LocalProtocolError):
            pass  # The client is gone; whatever it asked for has been done.


async def _exchange(stream: trio.SocketStream, connection: h11.Connection, answer: Answer) -> bool:
    """One request and its response; False when the connection is over."""
    try:
        request = await _read(stream, connection)
    except h11.RemoteProtocolError as error:
        if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await _write(stream, connection, HttpResponse(status=error.error_status_hint, body=str(error).encode()))
            await _linger(stream)
        return False
    if request is None:
        return False
    try:
        response = await answer(request)
    except Exception as error:  # noqa: BLE001 - the network must outlive a fault of its own and say what it was
        response = HttpResponse(status=500, body=f"{type(error).__name__}: {error}".encode())
    await _write(stream, connection, response)
    return connection.our_state is h11.DONE and connection.their_state is h11.DONE


async def _read(stream: trio.SocketStream, connection: h11.Connection) -> HttpRequest | None:
    """The next whole request. Raises ``h11.RemoteProtocolError``."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                await stream.send_all(connection.send(_CONTINUE) or b"")
            connection.receive_data(bytes(await stream.receive_some(READ_BYTES)))
        elif isinstance(event, h11.Request):
            head = event
            _check_length(head)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > BODY_LIMIT:
                raise _too_large()
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _request(head, bytes(body))
        else:
            return None


async def _linger(stream: trio.SocketStream) -> None:
    """Read on for a moment: closing with unread data resets the connection, and the client misses the answer."""
    await stream.send_eof()
    left = 4 * BODY_LIMIT
    with trio.move_on_after(LINGER_S):
        while left > 0 and (piece := await stream.receive_some(READ_BYTES)):
            left -= len(piece)


def _check_length(head: h11.Request) -> None:
    announced = dict(head.headers).get(b"content-length", b"0")
    if int(announced) > BODY_LIMIT:
        raise _too_large()


def _too_large() -> h11.RemoteProtocolError:
    return h11.RemoteProtocolError(f"the body has more than {BODY_LIMIT} bytes", error_status_hint=413)


def _request(head: h11.Request, body: bytes) -> HttpRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    url = f"http://{headers.get('host', 'localhost')}{head.target.decode('latin-1')}"
    return HttpRequest(method=head.method.decode("ascii"), url=url, headers=headers, body=body)


async def _write(stream: trio.SocketStream, connection: h11.Connection, response: HttpResponse) -> None:
    headers = {"content-type": "text/plain", **response.headers, "content-length": str(len(response.body))}
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    parts = (
        connection.send(h11.Response(status_code=response.status, headers=fields)),
        connection.send(h11.Data(data=response.body)),
        connection.send(h11.EndOfMessage()),
    )
    await stream.send_all(b"".join(part or b"" for part in parts))


_CONTINUE = h11.InformationalResponse(status_code=100, headers=[])
