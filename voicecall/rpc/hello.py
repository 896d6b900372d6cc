"""Getting to know each other: protocol, version, what this server can do, and a sign of life when one is wanted."""

from __future__ import annotations

import hmac
from typing import Any

from voicecall.rpc import params as read
from voicecall.rpc.methods import Methods
from voicecall.rpc.protocol import BadRequest, Params, RpcAnswer, RpcRequest, invalid, notification_line

PROTOCOL = 1
"""Raised when a client of the old protocol would be misled."""
HELLO, CANCEL, HEARTBEAT = "voicecall.hello", "voicecall.cancel", "voicecall.heartbeat"
FASTEST_MS = 100


def hello(methods: Methods, params: Params) -> dict[str, Any]:
    """Who answers here, and what can be asked. Raises ``RpcError`` for a client of another protocol."""
    read.only(params, "protocol", "token", "client", "host", "heartbeatMs")
    protocol = read.whole_number(params, "protocol", default=PROTOCOL)
    read.optional_text(params, "client")
    if protocol != PROTOCOL:
        words = f"protocol: this server speaks {PROTOCOL}, not {protocol}; use a client and a server of one version"
        raise invalid("protocol", words)
    return {
        "protocol": PROTOCOL,
        "version": methods.version,
        "provider": methods.config.provider,
        "agent": methods.config.agent.provider,
        "capabilities": sorted(methods.capabilities),
        "methods": list(methods.names()),
        **methods.place,
        "draining": methods.drain is not None and methods.drain.begun,
    }


def heartbeat_line() -> bytes:
    """A sign of life."""
    return notification_line(HEARTBEAT, {})


def heartbeat_s(params: Params) -> float:
    """How often a client wants a sign of life; 0 for never. Raises ``RpcError``."""
    wanted = read.whole_number(params, "heartbeatMs", default=0)
    if 0 < wanted < FASTEST_MS:
        raise invalid("heartbeatMs", f"heartbeatMs: must be 0 (none) or at least {FASTEST_MS}, got {wanted}")
    return wanted / 1000


def knows(message: RpcRequest | RpcAnswer | BadRequest, token: str) -> bool:
    """Whether this is a hello with the right token."""
    if not isinstance(message, RpcRequest) or message.method != HELLO:
        return False
    given = message.params.get("token")
    return isinstance(given, str) and hmac.compare_digest(given.encode(), token.encode())
