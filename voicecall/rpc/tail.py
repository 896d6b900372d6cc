"""``voicecall.tail.subscribe``: journal lines, verbatim, past and future, at the speed of whoever reads them."""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec import Raw

from journal import Journal
from journal.api import START, Position
from voicecall.actors.world import stream_of
from voicecall.rpc import params as read
from voicecall.rpc.methods import Methods
from voicecall.rpc.protocol import Id, Params, RpcRequest, notification_line
from voicecall.rpc.subscribing import Outgoing, Subscription


def tail(methods: Methods, request: RpcRequest) -> Subscription:
    """``voicecall.tail.line`` for every line. Raises ``RpcError``; what it sends ends with ``JournalError``."""
    stream, after = _what(methods, request.params)
    return Subscription(
        answer={"subscribed": True, "after": after},
        send=partial(_follow, methods.journal, request.id, stream, after),
        ended="voicecall.tail.ended",
    )


async def _follow(journal: Journal, name: Id, stream: str | None, after: Position, outgoing: Outgoing) -> None:
    async with journal.follow(stream, after=after) as lines:
        async for line in lines:
            head: dict[str, Any] = {"subscription": name, "position": line.position, "stream": line.stream}
            await outgoing.send(notification_line("voicecall.tail.line", {**head, "entry": Raw(line.body)}))


def _what(methods: Methods, params: Params) -> tuple[str | None, Position]:
    read.only(params, "callId", "after")
    after = read.whole_number(params, "after", default=START)
    name = read.optional_text(params, "callId")
    if not name:
        return None, Position(after)
    call_id = methods.directory.find(name)
    if call_id is None:
        raise read.no_call(name)
    return stream_of(call_id), Position(after)
