"""One media stream of one call, from the order to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import trio
from attrs import define, field

from voicecall.testing.framing import MediaOrder
from voicecall.testing.happenings import Ending, Happening, StreamEnded, StreamStarted
from voicecall.testing.media import Connect, NotConnected, Stream
from voicecall.testing.phone import Phone

How = Literal["stopped", "closed", "lost", "refused"]


@define(kw_only=True)
class StreamRun:
    """``tell`` gets what happens, ``press`` the keys pressed on the stream by our side; ``over`` is set at its end."""

    order: MediaOrder
    phone: Phone
    connect: Connect
    lasts_s: Callable[[str], float | None]
    tell: Callable[[Happening], None]
    press: Callable[[str], None]
    note: Callable[[str], None]
    connected: bool = False
    how: How = "refused"
    over: trio.Event = field(factory=trio.Event)
    stopped: bool = False
    _stream: Stream = field(init=False)
    _connecting: trio.CancelScope | None = None

    def __attrs_post_init__(self) -> None:
        self._stream = Stream(self.order.framing, self.phone, press=self.press, note=self.note)

    def key(self, digit: str) -> bool:
        """The person pressed a key; whether it is told on the stream."""
        return self.connected and self._stream.key(digit)

    def stop(self, ending: Ending | None) -> None:
        """End it from our side; that it is over is told at once, though the last messages are still on their way."""
        if self.stopped:
            return
        self.stopped = True
        if self.connected:
            self._stream.stop(ending)
        elif self._connecting is not None:
            self._connecting.cancel()
        self._end("stopped")

    async def run(self) -> None:
        """Connect, as often as ordered, and carry sound."""
        detail = ""
        for _ in range(self.order.attempts):
            if self.stopped:
                return
            try:
                await self._carry()
            except NotConnected as error:
                self.connected = False
                detail = str(error)
                self.note(f"media refused: {detail}")
                continue
            break
        else:
            self._end("refused", detail)

    async def _carry(self) -> None:
        """Raises ``NotConnected``."""
        url = self.order.handshake.url
        lasts_s = self.lasts_s(url)
        if lasts_s is None:
            raise NotConnected("nobody listens there")
        with trio.CancelScope() as self._connecting:
            async with self.connect(self.order.handshake) as wire:
                if self.stopped:
                    return
                self.connected = True
                self.note(f"media open {self.order.stream_id}")
                self.tell(StreamStarted(stream_id=self.order.stream_id, url=url))
                how = await self._stream.carry(wire, lasts_s=lasts_s)
                self._end(how)

    def _end(self, how: How, detail: str = "") -> None:
        if self.over.is_set():
            return
        self.connected, self.how = False, how
        if how != "refused":
            self.note("media lost" if how == "lost" else "media closed")
        self.over.set()
        self.tell(StreamEnded(stream_id=self.order.stream_id, url=self.order.handshake.url, how=how, detail=detail))
