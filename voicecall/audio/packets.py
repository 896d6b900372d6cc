"""Text as packets small enough for a syllable, and back: framing and checks, no sound.

A message is the length of the text in UTF-8 bytes (3 bytes, big endian), the text, and the CRC-32 of both. Its bytes
are dealt out evenly, so that words arrive at the pace of the voice that carries them. A packet is one byte with its
number (upper half) and how many bytes it carries (lower half), 10 bytes, and a CRC-16. The first packet of a message
has the number 0, the others count from 1 to 15 and then from 1 again, so a message may begin at any time and a packet
that is lost shows.

The CRC-16 is CCITT's (polynomial 0x1021, ITU-T V.41), the CRC-32 that of IEEE 802.3.
"""

from __future__ import annotations

from binascii import crc32, crc_hqx

from attrs import define, frozen

CARRIED = 10
"""Bytes of a message in one packet, at most."""
PACKET_BYTES = 1 + CARRIED + 2
LENGTH_BYTES, CHECK_BYTES = 3, 4
NUMBERS = 15


@frozen(kw_only=True)
class Partial:
    """The text so far, cut anywhere between two characters. Whether the whole is sound is not known yet."""

    text: str


@frozen(kw_only=True)
class Complete:
    """The whole text, checked. ``began`` and ``spacing`` tell where its first packet began and how far the second one
    was from it, in the unit of ``Assembly.take``'s ``at``."""

    text: str
    began: int
    spacing: int


def least_packets(text: str) -> int:
    """How many packets a text needs; two are the least that tell their spacing."""
    return max(2, -(-len(_message(text)) // CARRIED))


def to_packets(text: str, count: int) -> list[bytes]:
    """A text in ``count`` packets. What is no character (a lone surrogate) becomes a question mark.

    Raises ``ValueError`` when they are too few, or when the text has 2^24 bytes or more.
    """
    message = _message(text)
    if count < least_packets(text):
        raise ValueError(f"count: {len(message)} bytes need {least_packets(text)} packets, got {count}")
    pieces = [message[index * len(message) // count : (index + 1) * len(message) // count] for index in range(count)]
    return [_packet(index, piece) for index, piece in enumerate(pieces)]


def _message(text: str) -> bytes:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) >= 1 << 8 * LENGTH_BYTES:
        raise ValueError(f"text: has {len(encoded)} bytes, which is more than anybody says in one breath")
    head = len(encoded).to_bytes(LENGTH_BYTES, "big") + encoded
    return head + crc32(head).to_bytes(CHECK_BYTES, "big")


def _packet(index: int, piece: bytes) -> bytes:
    body = bytes([_number(index) << 4 | len(piece)]) + piece.ljust(CARRIED, b"\0")
    return body + crc_hqx(body, 0xFFFF).to_bytes(2, "big")


def _number(index: int) -> int:
    return index and (index - 1) % NUMBERS + 1


@define
class Assembly:
    """Puts packets together again. What does not fit together is dropped in silence: nothing false is ever told."""

    _message: bytearray | None = None
    _count: int = 0
    _began: int = 0
    _spacing: int = 0
    _told: str = ""

    def take(self, packet: bytes, at: int) -> tuple[bool, Partial | Complete | None]:
        """``PACKET_BYTES`` that look like a packet and began ``at``: whether they are one, and what it tells."""
        if crc_hqx(packet[:-2], 0xFFFF) != int.from_bytes(packet[-2:], "big"):
            return False, None
        number, size = packet[0] >> 4, packet[0] & 15
        if number == 0:
            self._message, self._count, self._began, self._told = bytearray(), 0, at, ""
        if self._message is None or number != _number(self._count):
            self._message = None
            return True, None
        if self._count == 1:
            self._spacing = at - self._began
        self._count += 1
        self._message += packet[1 : 1 + size]
        return True, self._read(self._message)

    def _read(self, message: bytearray) -> Partial | Complete | None:
        if len(message) < LENGTH_BYTES:
            return None
        length = LENGTH_BYTES + int.from_bytes(message[:LENGTH_BYTES], "big")
        if len(message) < length + CHECK_BYTES:
            text = message[LENGTH_BYTES:length].decode("utf-8", "ignore")
            if text == self._told:
                return None
            self._told = text
            return Partial(text=text)
        self._message = None
        if crc32(message[:length]) != int.from_bytes(message[length : length + CHECK_BYTES], "big"):
            return None
        text = message[LENGTH_BYTES:length].decode("utf-8", "replace")
        return Complete(text=text, began=self._began, spacing=self._spacing)
