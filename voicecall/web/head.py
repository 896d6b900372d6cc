"""The head of a connection's first request, read with a bound on bytes and on time, and parsed by h11."""

from __future__ import annotations

import h11
import trio
from attrs import field, frozen

HEAD_BYTES = 16 * 1024
"""The largest head: request line and headers."""
HEAD_S = 5.0
"""How long a head may take to arrive, from the first moment of the connection."""


class BadHead(Exception):
    """What came is no HTTP/1 request head; ``status`` is how to answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@frozen(kw_only=True)
class Head:
    """A request's head. ``raw`` is every byte read so far, ``rest`` those of them that follow the head."""

    method: str
    target: str
    version: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    raw: bytes = field(repr=False)
    rest: bytes = field(default=b"", repr=False)

    def values(self, name: str) -> list[str]:
        """The values of a header, in order; ``name`` in lower case."""
        return [value for key, value in self.headers if key == name]

    def joined(self) -> dict[str, str]:
        """Every header by its name; repeated ones are joined."""
        found: dict[str, str] = {}
        for name, value in self.headers:
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found

    def tokens(self, name: str) -> list[str]:
        """The elements of a header that is a comma-separated list, in lower case."""
        return [token.strip().lower() for value in self.values(name) for token in value.split(",") if token.strip()]

    @property
    def body_bytes(self) -> int | None:
        """The length of the body; None when only the body itself will tell."""
        if self.values("transfer-encoding"):
            return None
        return int((self.values("content-length") or ["0"])[0])

    def without(self, *names: str) -> bytes:
        """``raw`` with these headers taken out of it."""
        kept = "".join(f"{name}: {value}\r\n" for name, value in self.headers if name not in names)
        return f"{self.method} {self.target} HTTP/{self.version}\r\n{kept}\r\n".encode("latin-1") + self.rest


async def read_head(stream: trio.abc.ReceiveStream) -> Head | None:
    """The first request's head, or None when the peer left or said nothing at all. Raises ``BadHead``."""
    raw = bytearray()
    with trio.move_on_after(HEAD_S):
        return await _read(stream, raw)
    if raw:
        raise BadHead(408)
    return None


async def _read(stream: trio.abc.ReceiveStream, raw: bytearray) -> Head | None:
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
    while True:
        data = await stream.receive_some(HEAD_BYTES)
        if not data:
            return None
        raw += data
        try:
            parser.receive_data(bytes(data))
            event = parser.next_event()
        except h11.RemoteProtocolError as error:
            raise BadHead(error.error_status_hint) from error
        if isinstance(event, h11.Request):
            break
    if event.http_version not in (b"1.0", b"1.1"):
        raise BadHead(505)
    return Head(
        method=event.method.decode("latin-1"),
        target=event.target.decode("latin-1"),
        version=event.http_version.decode("latin-1"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers),
        raw=bytes(raw),
        rest=parser.trailing_data[0],
    )
