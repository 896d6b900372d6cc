"""The server is asked to stop: in order, or at once; and what a call makes of it, or of a network that is gone."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.system.street import LISTENS, is_open, open_street
from voicecall.events import facts as fact

HALF_A_WEBHOOK = (
    b"POST /voice/webhook HTTP/1.1\r\nhost: a\r\nx-mock-timestamp: 1\r\nx-mock-signature: 1\r\n"
    b"content-length: 9\r\nexpect: 100-continue\r\n\r\n"
)


def test_sigterm_stops_in_order_and_the_next_server_carries_on(tmp_path: Path) -> None:
    with open_street(tmp_path) as street:
        call_id = street.call(
            street.people("+15551110001", "answer", "hear", "hear", {"do": "wait", "ms": 500}, "hangUp")
        )
        street.saw(call_id, fact.PlaybackFinished)
        assert street.server is not None
        assert street.server.stop() == 0
        assert not (street.state / "voicecall.sock").exists()
        assert (street.state / "directory.bin").exists()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", street.port))
        street.serve()
        street.over(call_id)
        assert (street.record(call_id)["endReason"], street.seen(call_id)["dials"]) == ("hangup-user", 1)
        street.check(call_id)


def test_a_second_sigterm_does_not_wait(tmp_path: Path) -> None:
    """A webhook that never ends holds up the first; on a clock that hardly moves it would for an hour."""
    with open_street(tmp_path, serving=False) as street:
        server = street.serve(rate=0.001)
        with socket.create_connection(("127.0.0.1", street.port)) as webhook:
            webhook.sendall(HALF_A_WEBHOOK)
            assert webhook.recv(100).startswith(b"HTTP/1.1 100")
            server.process.terminate()
            while is_open(street.port):
                pass
            assert server.process.poll() is None
            assert server.stop() == 0
        assert not (street.state / "voicecall.sock").exists()


def test_a_call_whose_network_is_gone_ends_and_says_so(tmp_path: Path) -> None:
    with open_street(tmp_path) as street:
        call_id = street.call(LISTENS, "I shall talk until you are gone. " * 10)
        street.saw(call_id, fact.PlaybackStarted)
        street.network.kill()
        street.over(call_id)
        record = street.ask("status", callId=call_id)["call"]
        assert record["endReason"] == "error"
        assert street.ask("status") == {"found": True, "calls": []}
        (closed,) = street.events(call_id, fact.MediaClosed)
        assert closed.reason == "lost"
