"""Media streams on connections that take their time: to open, and to say good-bye."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, field

from tests.testing.desk import Desk, play
from tests.testing.paper import PaperControl, order_stream
from voicecall.ports import HttpRequest
from voicecall.testing.happenings import StreamEnded, StreamStarted
from voicecall.testing.media import Wire
from voicecall.testing.voice import say

MEDIA = "ws://127.0.0.1:3334/media"
SOUND = b"sound " + say("Can you hear me?").hex().encode()


@define
class SlowWire:
    """Takes ``slow_s`` to send a message, once ``slow_s`` is set."""

    slow_s: float = 0.0
    opened: bool = False
    sent: list[bytes] = field(factory=list)
    cuts: int = 0
    inbox: Any = field(factory=lambda: trio.open_memory_channel[bytes](10))

    async def send(self, message: bytes) -> None:
        await trio.sleep(self.slow_s)
        self.sent.append(message)

    async def receive(self) -> bytes:
        return await self.inbox[1].receive()

    def hear(self, *messages: bytes) -> None:
        """The other side says something."""
        for message in messages:
            self.inbox[0].send_nowait(message)

    async def cut(self) -> None:
        self.cuts += 1


async def answered(desk: Desk, wires: list[SlowWire], opens_s: float = 0.0) -> PaperControl:
    """A call whose streams are these wires, one after the other."""

    @asynccontextmanager
    async def connect(_: HttpRequest) -> AsyncGenerator[Wire]:
        await trio.sleep(opens_s)
        wires[control.call.media_sockets].opened = True
        yield wires[control.call.media_sockets]

    control = await desk.dial(["answer", "staySilent"])
    control.call.connect = connect
    await trio.sleep(2.2)
    return control


def told(control: PaperControl) -> list[tuple[str, str]]:
    return [
        (one.stream_id, one.how if isinstance(one, StreamEnded) else "started")
        for one in control.heard
        if isinstance(one, StreamStarted | StreamEnded)
    ]


def test_a_stream_can_be_given_up_while_it_connects() -> None:
    async def story(desk: Desk) -> None:
        wire = SlowWire()
        control = await answered(desk, [wire], opens_s=4)
        control.call.open_stream(order_stream(MEDIA, "s1"))
        await trio.sleep(1)
        assert control.call.streaming == "s1"
        assert control.call.close_stream()
        assert (control.call.streaming, await control.call.stream_over()) == ("", "stopped")
        await trio.sleep(9)
        assert (told(control), wire.opened) == ([("s1", "stopped")], False)

    play(story)


def test_a_slow_good_bye_is_not_in_the_way_of_the_next_stream() -> None:
    async def story(desk: Desk) -> None:
        old, new = wires = [SlowWire(), SlowWire()]
        control = await answered(desk, wires)
        control.call.open_stream(order_stream(MEDIA, "s1"))
        await trio.sleep(1)
        old.slow_s = 1.5
        control.call.close_stream()
        assert control.call.open_stream(order_stream(MEDIA, "s2"))
        await trio.sleep(0.5)
        # What comes on the old connection now is for nobody.
        old.hear(SOUND, b"press 9")
        await trio.sleep(0.5)
        assert (control.call.ear.heard_ms, control.call.keys) == (0, "")
        await trio.sleep(2)
        assert old.sent[-1] == b"stop asked"
        new.hear(SOUND, b"mark after")
        await trio.sleep(3)
        assert control.call.ear.heard_ms > 500
        assert new.sent[-1] == b"played after"
        assert told(control) == [("s1", "started"), ("s1", "stopped"), ("s2", "started")]

    play(story)
