"""What a client may subscribe to: it is answered once, as everybody is; then come notifications, until it goes, says
``voicecall.cancel``, or there is a notification that there will be no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio
from attrs import frozen

from voicecall.rpc.protocol import Id, notification_line

Outgoing = trio.MemorySendChannel[bytes]


@frozen(kw_only=True)
class Subscription:
    """``answer`` is the result of the request; ``send`` sends what comes after it, for ever; ``ended`` is the method of
    the notification that is the last one."""

    answer: dict[str, Any]
    send: Callable[[Outgoing], Awaitable[None]]
    ended: str


def ended_line(method: str, subscription: Id, why: str) -> bytes:
    """Nothing more will come."""
    return notification_line(method, {"subscription": subscription, "error": why})
