"""Media-socket tickets: who may open the sound of which call, until when.

A ticket is ``<call id>.<expiry, s>.<nonce>.<HMAC-SHA256>`` over carrier, call, expiry and nonce, keyed with 32 bytes
from the state directory: nothing to store, valid across processes and restarts. It is spent by the first accepted
``start`` on a socket, which is a fact in the call's journal.
"""

from __future__ import annotations

import hashlib
import hmac

from voicecall.events import CallId, Instant


class BadTicket(Exception):
    """The text says what is wrong with the ticket; it never holds the ticket."""


def mint(key: bytes, *, call_id: CallId, carrier: str, expires: Instant, nonce: str) -> str:
    """A ticket for one media socket. ``nonce`` makes two tickets of one call differ: an entry's seq, an effect's id."""
    seconds = str(expires // 1000)
    return f"{call_id}.{seconds}.{nonce}.{_sign(key, carrier, call_id, seconds, nonce)}"


def check(key: bytes, ticket: str, *, carrier: str, now: Instant) -> CallId:
    """Whose sound this ticket opens. Raises ``BadTicket``."""
    parts = ticket.split(".", 2)
    if len(parts) != 3 or "." not in parts[2]:
        raise BadTicket("not a ticket")
    call_id, seconds, rest = parts
    nonce, _, signature = rest.rpartition(".")
    expected = _sign(key, carrier, call_id, seconds, nonce)
    if not hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), expected.encode()):
        raise BadTicket("the signature is wrong")
    if int(seconds) * 1000 < now:
        raise BadTicket("the ticket has expired")
    return CallId(call_id)


def nonce(ticket: str) -> str:
    """The part of a verified ticket that tells it from the call's other tickets; safe to journal."""
    return ticket.split(".", 2)[2].rpartition(".")[0]


def _sign(key: bytes, carrier: str, call_id: str, seconds: str, nonce: str) -> str:
    message = "\n".join((carrier, call_id, seconds, nonce)).encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).hexdigest()
