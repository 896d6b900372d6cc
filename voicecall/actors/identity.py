"""Names of calls: UUIDv5, so that whoever tells of a call, and however often, means the same one."""

from __future__ import annotations

import uuid

from voicecall.events import CallId

NAMESPACE = uuid.UUID("6a0c2f1e-3c1b-5d0e-9c57-3a6c1f7f2b11")


def outbound_call_id(request_id: str) -> CallId:
    """The call that a request places: the same request, the same call."""
    return CallId(str(uuid.uuid5(NAMESPACE, f"request\n{request_id}")))


def inbound_call_id(carrier: str, vendor_call_id: str) -> CallId:
    """The call that a carrier offers: concurrent first webhooks meet in one stream."""
    return CallId(str(uuid.uuid5(NAMESPACE, f"offer\n{carrier}\n{vendor_call_id}")))
