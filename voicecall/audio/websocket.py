"""RFC 6455, the server's side, as a pure state machine: bytes in, messages and bytes out.

No object per frame: at 50 messages a second and call, a library's frame events cost more than everything else. A frame
is unmasked by one integer XOR. What is not negotiated (extensions, compression) is refused; a client that breaks the
protocol is told why by the close code of section 7.4.1.
"""

from __future__ import annotations

import base64
import hashlib

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MESSAGE_BYTES = 64 * 1024
"""The largest message; a longer one closes with 1009."""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

LEAST = {2: 0, 4: 126, 10: 65_536}
"""The least payload that a head of so many bytes (without the mask) may announce (section 5.2)."""

NORMAL, GOING_AWAY, PROTOCOL_ERROR, UNSUPPORTED, INVALID_DATA = 1000, 1001, 1002, 1003, 1007
POLICY, TOO_BIG, INTERNAL, TRY_LATER = 1008, 1009, 1011, 1013


def accept_key(key: str) -> str:
    """``Sec-WebSocket-Accept`` for a client's key (section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + GUID.encode(), usedforsecurity=False).digest()).decode()


def encode_frame(opcode: int, payload: bytes) -> bytes:
    """An unmasked, final frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65_536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload


def close_payload(code: int, reason: str = "") -> bytes:
    """The body of a close frame; the reason is cut to what fits a control frame."""
    return code.to_bytes(2, "big") + reason.encode()[:120].decode(errors="ignore").encode()


def unmask(payload: bytes, key: bytes) -> bytes:
    """XOR with the repeated 4-byte key (section 5.3)."""
    size = len(payload)
    repeated = key * (size // 4 + 1)
    return (int.from_bytes(payload, "little") ^ int.from_bytes(repeated[:size], "little")).to_bytes(size, "little")


class WebSocket:
    """One connection after its handshake. ``outgoing`` is what must be sent; ``closed`` ends it."""

    def __init__(self, *, limit: int = MESSAGE_BYTES) -> None:
        self._limit = limit
        self._buffer = b""
        self._parts = bytearray()
        self._message_opcode = 0
        self.outgoing = bytearray()
        self.closed = False
        self.close_code = 0
        self.close_reason = ""

    def receive(self, data: bytes) -> list[bytes]:
        """The complete messages in what has arrived. Text and binary alike come as bytes; text is valid UTF-8."""
        buffer = self._buffer + data if self._buffer else data
        messages: list[bytes] = []
        offset, end = 0, len(buffer)
        while offset < end and not self.closed:
            taken = self._sound(buffer, offset, messages) or self._frame(buffer, offset, messages)
            if not taken:
                break
            offset += taken
        self._buffer = buffer[offset:]
        return messages

    def _sound(self, buffer: bytes, offset: int, messages: list[bytes]) -> int:
        """A shorter way for what nearly every frame is: one whole, masked text of 126 to 65,535 ASCII bytes; else 0."""
        start = offset + 8
        if self._message_opcode or buffer[offset : offset + 2] != b"\x81\xfe" or len(buffer) < start:
            return 0
        size = buffer[offset + 2] << 8 | buffer[offset + 3]
        payload = buffer[start : start + size]
        if len(payload) < size or not LEAST[4] <= size <= self._limit:
            return 0
        message = unmask(payload, buffer[offset + 4 : start])
        if not message.isascii():
            return 0
        messages.append(message)
        return 8 + size

    def send(self, payload: bytes) -> None:
        """Queue a text message."""
        if not self.closed:
            self.outgoing += encode_frame(TEXT, payload)

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Queue a close frame; nothing is read or sent after it."""
        if not self.closed:
            self.outgoing += encode_frame(CLOSE, close_payload(code, reason))
            self.closed, self.close_code, self.close_reason = True, code, reason

    def _frame(self, buffer: bytes, offset: int, messages: list[bytes]) -> int:
        """Take one frame at ``offset``; its size, or 0 when it is not complete or was refused."""
        available = len(buffer) - offset
        if available < 2:
            return 0
        first, second = buffer[offset], buffer[offset + 1]
        size, head = second & 0x7F, 2
        if size == 126:
            size, head = int.from_bytes(buffer[offset + 2 : offset + 4], "big"), 4
        elif size == 127:
            size, head = int.from_bytes(buffer[offset + 2 : offset + 10], "big"), 10
        if available < head:
            size = LEAST[head]
        if self._refused(first, second, size, head) or available < head + 4 + size:
            return 0
        start = offset + head + 4
        payload = unmask(buffer[start : start + size], buffer[offset + head : start])
        self._take(first, payload, messages)
        return head + 4 + size

    def _refused(self, first: int, second: int, size: int, head: int) -> bool:
        opcode = first & 0x0F
        control = opcode & 0x8
        if first & 0x70:
            self.close(PROTOCOL_ERROR, "reserved bits are set")
        elif opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            self.close(PROTOCOL_ERROR, "unknown opcode")
        elif not second & 0x80:
            self.close(PROTOCOL_ERROR, "a client's frames must be masked")
        elif control and (not first & 0x80 or head != 2):
            self.close(PROTOCOL_ERROR, "a control frame is fragmented or too long")
        elif not control and (opcode == CONTINUATION) != bool(self._message_opcode):
            self.close(PROTOCOL_ERROR, "a message is continued that has not begun, or begun again")
        elif size < LEAST[head]:
            self.close(PROTOCOL_ERROR, "a length is not written in its shortest form")
        elif not control and size + len(self._parts) > self._limit:
            self.close(TOO_BIG, f"at most {self._limit} bytes")
        return self.closed

    def _take(self, first: int, payload: bytes, messages: list[bytes]) -> None:
        opcode, final = first & 0x0F, bool(first & 0x80)
        if opcode == PING:
            self.outgoing += encode_frame(PONG, payload)
        elif opcode == CLOSE:
            self._closing(payload)
        elif opcode != PONG:
            self._message(opcode or self._message_opcode, payload, messages, final=final)

    def _message(self, opcode: int, payload: bytes, messages: list[bytes], *, final: bool) -> None:
        if not final:
            self._message_opcode = opcode
            self._parts += payload
            return
        whole = bytes(self._parts) + payload if self._message_opcode else payload
        self._message_opcode = 0
        self._parts.clear()
        if opcode == TEXT and not is_utf8(whole):
            self.close(INVALID_DATA, "a text message is not UTF-8")
        else:
            messages.append(whole)

    def _closing(self, payload: bytes) -> None:
        """The client closes: echo its code (section 5.5.1), or say what is wrong with it."""
        if not payload:
            self.outgoing += encode_frame(CLOSE, b"")
            self.closed, self.close_code = True, 1005
            return
        code = int.from_bytes(payload[:2], "big")
        legal = 1000 <= code < 5000 and code not in (1004, 1005, 1006) and not 1015 <= code < 3000
        if len(payload) == 1 or not legal:
            self.close(PROTOCOL_ERROR, "a close code that must not be sent")
        elif not is_utf8(payload[2:]):
            self.close(INVALID_DATA, "a close reason is not UTF-8")
        else:
            self.close(code)
            self.close_reason = payload[2:].decode()


def is_utf8(data: bytes) -> bool:
    """Whether ``data`` is UTF-8; ASCII, nearly everything here, is decided at once."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
