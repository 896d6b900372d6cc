"""Proof that a webhook comes from Telnyx (Telnyx, "Webhook signing"): Ed25519 over timestamp, ``|`` and body.

The URL and its query are not signed: nothing in them proves anything.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from voicecall.events import Instant
from voicecall.ports import BadSignature, HttpRequest

SIGNATURE = "telnyx-signature-ed25519"
TIMESTAMP = "telnyx-timestamp"
WINDOW_S = 300
"""How far a timestamp may be from our clock, either way."""
_PEM = "-----BEGIN"
_URL_SAFE = str.maketrans("-_", "+/")


def verify(request: HttpRequest, *, public_key: str, now: Instant) -> None:
    """Raises ``BadSignature``. Several keys, separated by commas, may be in use while one replaces another."""
    signature, timestamp = request.headers.get(SIGNATURE, ""), request.headers.get(TIMESTAMP, "")
    if not signature or not timestamp:
        raise BadSignature(f"{SIGNATURE if not signature else TIMESTAMP}: the header is missing")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise BadSignature(f"{TIMESTAMP}: not a number of seconds")
    if abs(int(timestamp) - now / 1000) > WINDOW_S:
        raise BadSignature(f"{TIMESTAMP}: more than {WINDOW_S} s from now")
    proof = _bytes(signature, SIGNATURE)
    message = timestamp.encode("ascii") + b"|" + request.body
    keys = [one.strip() for one in public_key.split(",") if one.strip()]
    if not keys:
        raise BadSignature("no public key is configured (telnyx.publicKey)")
    if not any(_fits(key, proof, message) for key in keys):
        raise BadSignature(f"{SIGNATURE}: the signature does not match the body")


def _fits(key: str, proof: bytes, message: bytes) -> bool:
    try:
        read_key(key).verify(proof, message)
    except InvalidSignature:
        return False
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadSignature("telnyx.publicKey: expected base64 of 32 bytes, from the portal, or PEM") from error
    return True


def read_key(text: str) -> Ed25519PublicKey:
    """A key as the portal shows it, base64 of 32 bytes, or as DER or PEM, as tools keep it. Raises ``ValueError``."""
    if text.startswith(_PEM):
        key = load_pem_public_key(text.replace("\\n", "\n").encode())
    else:
        raw = base64.b64decode(text.translate(_URL_SAFE) + "=" * (-len(text) % 4), validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw) if len(raw) == 32 else load_der_public_key(raw)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not Ed25519")
    return key


def _bytes(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise BadSignature(f"{name}: not base64") from error
