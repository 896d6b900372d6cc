"""One socket as the plane sees it: never a wait, bounded memory, an end that is noticed.

Nothing here waits for a socket, so that the clock can be put forward by hand.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import trio
import trio.testing
from attrs import define, field

from tests.audio.wire import CLOSE, PING, PONG, TEXT, Seen, close, frame, parse, text
from voicecall.audio.link import BUFFER_BYTES, QUIET_S, SocketLink

Clock = trio.testing.MockClock


@define
class Pair:
    """A link, the peer's socket, and what the link parted with."""

    link: SocketLink
    peer: socket.socket
    parted: list[tuple[socket.socket, bytes]] = field(factory=list)

    def sent(self) -> list[Seen]:
        """What the link has sent and the peer can read now."""
        data = b""
        try:
            while piece := self.peer.recv(1 << 20):
                data += piece
        except BlockingIOError:
            pass
        return parse(data)


def play(story: Callable[[Pair, Clock], None], rest: bytes = b"") -> None:
    """Run a story on a real TCP connection."""

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            peer = socket.create_connection(server.getsockname())
            ours, _ = server.accept()
        parted: list[tuple[socket.socket, bytes]] = []
        link = SocketLink(ours, rest, part=lambda sock, left: parted.append((sock, left)))
        peer.setblocking(False)
        with ours, peer:
            story(Pair(link, peer, parted), clock)
            assert [sock for sock, _ in parted] in ([], [ours])

    clock = trio.testing.MockClock()
    trio.run(main, clock=clock)


def test_what_was_read_with_the_handshake_comes_first() -> None:
    def story(pair: Pair, clock: Clock) -> None:
        pair.peer.send(text(b"second"))
        assert pair.link.receive() == [b"first", b"second"]
        assert pair.link.receive() == []

    play(story, text(b"first"))


def test_a_quiet_peer_is_asked_whether_it_lives_and_may_stay_if_it_answers() -> None:
    def story(pair: Pair, clock: Clock) -> None:
        for _ in range(5):
            pair.link.receive()
            clock.jump(QUIET_S + 1)
            pair.link.receive()
            pair.link.receive()
            assert pair.sent() == [Seen(PING, b"")]
            clock.jump(QUIET_S - 2)
            pair.link.receive()
            assert not pair.link.closed
            pair.peer.send(frame(PONG))
            pair.link.receive()
        assert not pair.link.closed

    play(story)


def test_a_peer_that_vanished_is_noticed() -> None:
    def story(pair: Pair, clock: Clock) -> None:
        pair.link.receive()
        clock.jump(QUIET_S + 1)
        pair.link.receive()
        assert not pair.link.closed
        clock.jump(QUIET_S + 1)
        assert pair.link.receive() == []
        assert pair.link.closed
        assert pair.link.reason == "the peer has vanished"

    play(story)


def test_a_peer_that_speaks_is_not_asked() -> None:
    def story(pair: Pair, clock: Clock) -> None:
        for _ in range(10):
            pair.link.receive()
            clock.jump(QUIET_S - 1)
            pair.peer.send(text(b"{}"))
            assert pair.link.receive() == [b"{}"]
        assert pair.sent() == []

    play(story)


def test_what_a_slow_peer_leaves_unread_is_bounded() -> None:
    def story(pair: Pair, clock: Clock) -> None:
        pair.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sent = 0
        while not pair.link.closed:
            pair.link.send(bytes(1_000))
            sent += 1_000
            assert sent < 10_000_000
        assert pair.link.reason == "Backpressure: send buffer exceeded"
        assert BUFFER_BYTES < sent < BUFFER_BYTES + 1_000_000
        pair.link.send(b"more")
        assert pair.link.receive() == []

    play(story)


def test_pongs_for_a_peer_that_does_not_read_are_bounded_too() -> None:
    def story(pair: Pair, clock: Clock) -> None:
        flood = frame(PING, bytes(125)) * 100
        for _ in range(1_000):
            with suppress(BlockingIOError, ConnectionError):
                pair.peer.send(flood)
            pair.link.receive()
            if pair.link.closed:
                break
        assert pair.link.reason == "Backpressure: send buffer exceeded"

    play(story)


def test_a_slow_peer_that_reads_again_gets_everything_in_order() -> None:
    def story(pair: Pair, clock: Clock) -> None:
        messages = [b"%06d" % number * 50 for number in range(600)]
        got: list[Seen] = []
        for number, message in enumerate(messages):
            pair.link.send(message)
            if number % 150 == 149:
                got += pair.sent()
        for _ in range(100):
            pair.link.receive()
            got += pair.sent()
        assert [one.payload for one in got] == messages
        assert {one.opcode for one in got} == {TEXT}

    play(story)


def test_a_proper_close_parts_with_the_socket_so_that_the_peer_can_read_why() -> None:
    def story(pair: Pair, clock: Clock) -> None:
        pair.link.close(1008, "Start timeout")
        assert pair.sent() == [Seen(CLOSE, b"\x03\xf0Start timeout")]
        assert pair.link.closed
        assert pair.link.reason == "Start timeout"
        [(sock, left)] = pair.parted
        assert sock.fileno() >= 0
        assert left == b""
        pair.link.close(1000)
        assert len(pair.parted) == 1

    play(story)


def test_the_last_message_before_a_close_is_not_lost() -> None:
    def story(pair: Pair, clock: Clock) -> None:
        pair.peer.send(text(b"last") + close(1000))
        assert pair.link.receive() == [b"last"]
        assert pair.link.closed
        assert pair.link.reason == ""

    play(story)


def test_a_socket_that_ends_without_a_close_and_one_that_is_reset() -> None:
    def ended(pair: Pair, clock: Clock) -> None:
        pair.peer.send(text(b"last"))
        pair.peer.shutdown(socket.SHUT_WR)
        assert pair.link.receive() == [b"last"]
        assert pair.link.receive() == []
        assert pair.link.reason == "the socket ended without a close"

    def reset(pair: Pair, clock: Clock) -> None:
        pair.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        pair.peer.close()
        pair.link.receive()
        assert pair.link.closed
        assert pair.link.reason == "Connection reset by peer"
        assert pair.parted == []

    play(ended)
    play(reset)


def test_sending_to_a_peer_that_is_gone_raises_nothing() -> None:
    def story(pair: Pair, clock: Clock) -> None:
        pair.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        pair.peer.close()
        for _ in range(3):
            pair.link.send(b"hello")
        assert pair.link.closed

    play(story)
