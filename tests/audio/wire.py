"""WebSocket frames byte by byte, right ones and wrong ones, as a client writes them (RFC 6455, section 5.2)."""

from __future__ import annotations

from attrs import frozen

KEY = b"\x37\xfa\x21\x3d"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """One frame with its length in the shortest form."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 65_536:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    return raw(opcode, length, payload, final=final, masked=masked, reserved=reserved)


def raw(
    opcode: int, length: bytes, payload: bytes, *, final: bool = True, masked: bool = True, reserved: int = 0
) -> bytes:
    """One frame with its length as given."""
    first = (0x80 if final else 0) | reserved << 4 | opcode
    if not masked:
        return bytes([first]) + length + payload
    body = bytes(byte ^ KEY[index % 4] for index, byte in enumerate(payload))
    return bytes([first, length[0] | 0x80]) + length[1:] + KEY + body


def text(*parts: bytes) -> bytes:
    """A text message in so many fragments."""
    last = len(parts) - 1
    return b"".join(frame(0 if index else TEXT, part, final=index == last) for index, part in enumerate(parts))


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


@frozen
class Seen:
    """A frame that the server sent."""

    opcode: int
    payload: bytes

    @property
    def code(self) -> int:
        """Of a close frame; 1005 when it has none."""
        return int.from_bytes(self.payload[:2], "big") if self.payload else 1005


def parse(data: bytes) -> list[Seen]:
    """The server's frames: complete, final, unmasked."""
    seen: list[Seen] = []
    while data:
        assert data[0] & 0xF0 == 0x80, "a server's frames are final and use no reserved bit"
        size, head = data[1], 2
        assert size < 128, "a server must not mask"
        if size == 126:
            size, head = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, head = int.from_bytes(data[2:10], "big"), 10
        assert len(data) >= head + size, "a frame was cut off"
        seen.append(Seen(data[0] & 0x0F, data[head : head + size]))
        data = data[head + size :]
    return seen
