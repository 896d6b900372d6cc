"""A simulated Plivo: its Voice API, signed webhooks, XML and audio streaming, as the vendor documents them.

What the vendor leaves open is decided here in the less comfortable way: a telephone that only rings is no live call,
nobody says that a person answered and not a machine, a stream ends without ``stop``, and cleared checkpoints never
come back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from voicecall.testing.dialect import Dialect, Network
from voicecall.testing.plivo.rest import PlivoDialect

__all__ = ["account", "open_dialect"]


def account(secret: str) -> dict[str, str]:
    """``auth_id`` and ``auth_token`` as in ``ports.Account``, and which ``schemes`` webhooks are signed by."""
    name = hashlib.sha256(f"plivo/name/{secret}".encode()).hexdigest().upper()
    token = hashlib.sha256(f"plivo/token/{secret}".encode()).hexdigest()
    return {"auth_id": f"MA{name[:18]}", "auth_token": token[:40], "schemes": "v3,v2"}


def open_dialect(network: Network, account: Mapping[str, str]) -> Dialect:
    """The dialect of one network."""
    return PlivoDialect(network, account)
