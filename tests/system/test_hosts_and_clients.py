"""Hosts and clients over real processes: a host that dies in mid-call, two of them, and one that waits for an answer
while the server is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any

from attrs import define, field

from tests.system.street import PATIENCE_S, Plain, Street, open_street
from voicecall.events import facts as fact
from voicecall.rpc.client import SOCKET

HEAR = {"do": "hear", "limitMs": 300_000}
APOLOGY = "I am sorry, something went wrong on my side."


@define
class Host:
    """A program that lends its agent."""

    sock: socket
    lines: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.sock.settimeout(PATIENCE_S)
        self.lines = self.sock.makefile("rb")

    def send(self, **message: Any) -> None:
        self.sock.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def next(self) -> Plain:
        return json.loads(self.lines.readline())

    def close(self) -> None:
        self.lines.close()
        self.sock.close()


@contextmanager
def host(street: Street, count: int) -> Generator[Host]:
    """One that is attached."""
    one = Host(socket(AF_UNIX))
    one.sock.connect(str(street.state / SOCKET))
    one.send(id=1, method="voicecall.hello", params={"host": True, "client": "a test"})
    hello = one.next()["result"]
    assert (hello["hosts"], hello["state"]) == (count, str(street.state))
    assert (hello["pid"], hello["url"]) == (
        street.server and street.server.process.pid,
        f"http://127.0.0.1:{street.port}",
    )
    one.send(id=2, method="voicecall.agent.attach")
    assert one.next()["result"] == {"attached": True}
    try:
        yield one
    finally:
        one.close()


def a_host_that_dies_is_followed_by_another(street: Street) -> None:
    say = [{"do": "say", "text": text} for text in ("Where are you?", "And now?", "Goodbye.")]
    number = street.people("+15551110001", "answer", HEAR, say[0], HEAR, say[1], HEAR, say[2], "hangUp")
    with host(street, 1) as first, host(street, 2) as second:
        call_id = street.call(number)
        assert second.next() == {"jsonrpc": "2.0", "method": "agent.warm", "params": {"callId": call_id}}
        assert second.next()["params"]["text"] == "Where are you?"
        first.send(id=3, method="voicecall.status", params={"callId": call_id})  # not asked, and works all the same
        assert first.next()["result"]["found"]
        first.close()
        second.close()
        with host(street, 1) as third:
            assert third.next()["method"] == "agent.warm"
            asked = third.next()
            assert (asked["method"], asked["params"]["text"]) == ("agent.reply", "And now?")
            third.send(id=asked["id"], result={"text": "Here."})
            street.over(call_id)
    spoken = [one["text"] for one in street.record(call_id)["transcript"] if one["speaker"] == "bot"]
    assert spoken[1:] == [APOLOGY, "Here."]
    assert street.record(call_id)["endReason"] == "hangup-user"
    street.check(call_id)


def whoever_waits_for_an_answer_gets_it_from_the_next_server(street: Street) -> None:
    answer = {"do": "say", "text": "Tuesday suits me."}
    number = street.people("+15551110002", "answer", HEAR, HEAR, HEAR, answer, {"do": "staySilent"})
    call_id = street.call(number, "Hello.", mode="notify")
    street.saw(call_id, fact.PlaybackFinished)
    command = ("continue", "--call-id", call_id, "-m", "Which day suits you?", "--state", str(street.state))
    with subprocess.Popen([sys.executable, "-m", "voicecall", *command], stdout=subprocess.PIPE) as client:
        seq = street.saw(call_id, fact.ListenRequested).seq
        street.saw(call_id, fact.ListenRequested, fact.PlaybackFinished)
        assert street.server is not None
        street.server.kill()
        street.serve()
        asked = f"{call_id}:{seq}"
        assert street.ask("continue.result", operationId=asked) == {"operationId": asked, "status": "pending"}
        street.saw(call_id, fact.MediaOpened, fact.MediaOpened)
        street.ask("speak", callId=call_id, message="Are you still there?")  # only then does the person answer
        out, _ = client.communicate(timeout=PATIENCE_S)
    assert (client.returncode, json.loads(out)) == (0, {"success": True, "transcript": "Tuesday suits me."})
    assert street.ask("continue.result", operationId=asked)["result"]["transcript"] == "Tuesday suits me."
    assert len(street.events(call_id, fact.ListenRequested)) == 1


def test_calls_outlive_those_who_asked_for_them(tmp_path: Path) -> None:
    settings = {"agent": {"provider": "gateway"}, "outbound": {"notifyHangupDelaySec": 60}}
    with open_street(tmp_path, rate=7, transcriptTimeoutMs=120_000, **settings) as street:
        a_host_that_dies_is_followed_by_another(street)
        whoever_waits_for_an_answer_gets_it_from_the_next_server(street)
