"""``voicecall.log.subscribe``: what the server logs, for a host that has a log of its own.

Logs wait for nobody: a subscriber that does not read misses some, and is told how many.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from functools import partial
from typing import Any

import trio
from attrs import define, field

from voicecall.rpc import params as read
from voicecall.rpc.protocol import Id, Params, RpcRequest, invalid, notification_line, refused
from voicecall.rpc.subscribing import Outgoing, Subscription

SUBSCRIBE = "voicecall.log.subscribe"
LEVELS = ("debug", "info", "warning", "error", "critical")
WAITING = 256
"""Messages that may wait for a subscriber."""


@define(eq=False)
class _Subscriber:
    rank: int
    inbox: trio.MemorySendChannel[Mapping[str, Any]]
    missed: int = 0


@define
class LogFeed:
    """A processor for structlog (before the one that renders) that shows messages to subscribers, too."""

    _subscribers: list[_Subscriber] = field(factory=list[_Subscriber])

    def __call__(self, logger: object, method: str, message: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Take one message; ``level`` must be part of it by now."""
        del logger
        rank = LEVELS.index(message["level"]) if message.get("level") in LEVELS else LEVELS.index("info")
        del method
        for one in self._subscribers:
            if rank >= one.rank:
                _offer(one, dict(message))
        return message

    async def show(self, rank: int, name: Id, outgoing: Outgoing) -> None:
        """Send ``voicecall.log`` for every message from now on."""
        inbox, messages = trio.open_memory_channel[Mapping[str, Any]](WAITING)
        subscriber = _Subscriber(rank, inbox)
        self._subscribers.append(subscriber)
        try:
            async for message in messages:
                missed, subscriber.missed = subscriber.missed, 0
                news = {"subscription": name, **({"missed": missed} if missed else {}), "message": message}
                await outgoing.send(notification_line("voicecall.log", news))
        finally:
            self._subscribers.remove(subscriber)


def subscribe(feed: LogFeed | None, request: RpcRequest) -> Subscription:
    """``voicecall.log`` for every message. Raises ``RpcError``, also where logs go elsewhere."""
    rank = _rank(request.params)
    if feed is None:
        raise refused("this system's logs belong to the program that it is part of; read them there")
    return Subscription(
        answer={"subscribed": True}, send=partial(feed.show, rank, request.id), ended="voicecall.log.ended"
    )


def _offer(one: _Subscriber, message: Mapping[str, Any]) -> None:
    if not trio.lowlevel.in_trio_run():  # a thread's; channels are for trio's tasks alone
        one.missed += 1
        return
    try:
        one.inbox.send_nowait(message)
    except trio.WouldBlock:
        one.missed += 1


def _rank(params: Params) -> int:
    read.only(params, "level")
    level = read.optional_text(params, "level") or "info"
    if level not in LEVELS:
        raise invalid("level", f"level: expected one of {', '.join(LEVELS)}, got {level[:40]!r}")
    return LEVELS.index(level)
