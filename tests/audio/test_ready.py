"""Who has something to read, of many; and that nobody who does, or has something to say, waits for their ring."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import trio

from tests.audio.kit import Stage, play
from tests.audio.sockets import Street, caller_is_on, serve, start
from tests.audio.wire import text
from tests.open_files import open_files
from voicecall.audio.ready import Ready
from voicecall.events import facts as fact

NEVER = 1_000
"""So many rings that none comes round during a story's interesting part: five seconds."""


@contextmanager
def wires(count: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(count)]
        for one in (end for pair in pairs for end in pair):
            stack.enter_context(one)
        yield pairs


def test_whoever_has_something_to_read_is_named_until_it_is_read() -> None:
    ready = Ready[str]()
    with wires(2) as [(ours, theirs), (other, _)]:
        assert ready.now() == []
        ready.watch(ours.fileno(), "a")
        ready.watch(other.fileno(), "b")
        assert ready.now() == []
        theirs.send(b"x")
        assert ready.now() == ["a"]
        assert ready.now() == ["a"]
        ours.recv(10)
        assert ready.now() == []
        theirs.close()
        assert ready.now() == ["a"]
        ready.forget("a")
        assert ready.now() == []
        ready.close()


def test_forgetting_somebody_leaves_alone_whoever_has_the_number_now() -> None:
    ready = Ready[str]()
    with wires(1) as [(ours, _)]:
        number = ours.fileno()
        ready.watch(number, "before")
    with wires(1) as [(fresh, theirs)]:
        assert fresh.fileno() == number
        ready.watch(number, "now")
        ready.forget("before")
        theirs.send(b"x")
        assert ready.now() == ["now"]
    ready.forget("now")
    ready.forget("now")
    ready.forget("nobody")
    assert ready.now() == []
    ready.close()


def test_nothing_is_held_before_the_first_or_after_the_end() -> None:
    before = len(open_files("self"))
    ready = Ready[str]()
    ready.forget("nobody")
    ready.close()
    with wires(1) as [(ours, _)]:
        ready.watch(ours.fileno(), "a")
        ready.close()
        assert ready.now() == []
    assert len(open_files("self")) == before


def test_what_arrives_is_heard_before_the_ring_comes_round() -> None:
    async def story(street: Street) -> None:
        mailbox = street.adopt()
        async with street.raw(text(start())) as raw:
            await caller_is_on(street)
            at = trio.current_time()
            await raw.send(text(b'{"event":"dtmf","digits":"7"}'))
            assert (await mailbox.until(fact.DigitsPressed)).digits == "7"
            assert trio.current_time() - at < NEVER * 0.005 / 2
            raw.reset()
            await mailbox.until(fact.MediaClosed)
        await street.emptied()

    serve(story, rings=NEVER)


def test_the_first_sound_does_not_wait_for_the_ring() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            await trio.sleep(1)
            at = trio.current_time()
            stage.say(1, "Yes.")
            await mailbox.until(fact.PlaybackStarted)
            assert mailbox.at(fact.PlaybackStarted) == at

    play(story, rings=NEVER)


def test_what_waits_to_be_said_is_said_as_soon_as_the_stream_is_admitted() -> None:
    async def story(stage: Stage) -> None:
        mailbox = stage.adopt()
        async with stage.caller():
            stage.say(1, "Yes.")
            await mailbox.until(fact.PlaybackStarted)
            assert mailbox.of(fact.PlaybackStarted)[0].offset_ms < 100

    play(story, rings=NEVER)
