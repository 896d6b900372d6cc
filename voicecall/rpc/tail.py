"""``voicecall.tail.subscribe``: journal lines, verbatim, past and future, at the speed of whoever reads them."""

from __future__ import annotations

from typing import Any

import trio
from msgspec import Raw

from journal.api import START, JournalError, Position
from voicecall.actors.world import stream_of
from voicecall.rpc.methods import Methods
from voicecall.rpc.params import no_call
from voicecall.rpc.protocol import Id, Params, RpcRequest, notification_line, result_line


async def tail(methods: Methods, request: RpcRequest, outgoing: trio.MemorySendChannel[bytes]) -> None:
    """Send ``voicecall.tail.line`` for every line until the client goes or cancels. Raises ``RpcError``."""
    if request.notification:
        return  # whose lines would they be?
    stream, after = _what(methods, request.params)
    await outgoing.send(result_line(request.id, {"subscribed": True, "after": after}))
    try:
        async with methods.journal.follow(stream, after=after) as lines:
            async for line in lines:
                head: dict[str, Any] = {"subscription": request.id, "position": line.position, "stream": line.stream}
                await outgoing.send(notification_line("voicecall.tail.line", {**head, "entry": Raw(line.body)}))
    except JournalError as error:
        await outgoing.send(ended(request.id, str(error)))


def ended(subscription: Id, why: str) -> bytes:
    """No more lines will come."""
    return notification_line("voicecall.tail.ended", {"subscription": subscription, "error": why})


def _what(methods: Methods, params: Params) -> tuple[str | None, Position]:
    after = Position(params.get("after", START))
    name = params.get("callId")
    if name is None:
        return None, after
    call_id = methods.directory.find(name)
    if call_id is None:
        raise no_call(name)
    return stream_of(call_id), after
