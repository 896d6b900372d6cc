"""A simulated Telnyx: Call Control v2, its signed webhooks and its media streaming, as the vendor documents them.

What the vendor leaves open is decided here in the less comfortable way: the end of a speech that was stopped looks like
any other, a key is told by webhook *and* on the media stream, the telephone's ringing is told by nobody.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from voicecall.testing.dialect import Dialect, Network
from voicecall.testing.telnyx.rest import TelnyxDialect

__all__ = ["account", "open_dialect"]


def account(secret: str) -> dict[str, str]:
    """``api_key``, ``connection_id`` and ``public_key`` as in ``ports.Account``; the private half of that key; and the
    application's setting for how long a webhook may take (``webhook_timeout_secs``)."""
    seed = hashlib.sha256(f"telnyx/key/{secret}".encode()).digest()
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    name = hashlib.sha256(f"telnyx/name/{secret}".encode()).hexdigest()
    return {
        "api_key": f"KEY{name[:32].upper()}_{name[32:54]}",
        "connection_id": str(10**18 + int(name[54:], 16)),
        "public_key": base64.b64encode(public).decode("ascii"),
        "private_key": base64.b64encode(seed).decode("ascii"),
        "webhook_timeout_secs": "2",
    }


def open_dialect(network: Network, account: Mapping[str, str]) -> Dialect:
    """The dialect of one network."""
    return TelnyxDialect(network, account)
