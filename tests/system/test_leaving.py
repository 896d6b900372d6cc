"""A server that stops by itself, over real processes: killed while it drains, drained, and without a host."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.system.street import open_street
from voicecall.events import facts as fact
from voicecall.projections.status import call_record
from voicecall.rpc.protocol import RpcError

GOODBYE = "I am sorry, I have to hang up now. Goodbye."


def test_a_drain_that_was_killed_is_forgotten_and_the_next_one_says_goodbye_and_goes(tmp_path: Path) -> None:
    with open_street(tmp_path, rate=7) as street:  # see test_killed.py
        number = street.people("+15551110001", "answer", {"do": "hear", "limitMs": 300_000}, {"do": "staySilent"})
        call_id = street.call(number)
        street.saw(call_id, fact.PlaybackFinished)
        assert street.ask("drain", withinMs=0) == {"draining": True, "calls": 1}
        street.saw(call_id, fact.SayRequested)
        assert street.server is not None
        street.server.kill()

        server = street.serve()
        street.saw(call_id, fact.MediaOpened, fact.MediaOpened, fact.PlaybackFinished)
        street.ask("drain")
        with pytest.raises(RpcError, match=r"^draining: "):
            street.call(number)
        assert street.ask("speak", callId=call_id, message="Here we are again.") == {"success": True}
        ready = httpx.get(f"http://127.0.0.1:{street.port}/readyz", trust_env=False)
        assert (ready.status_code, ready.json()["draining"]) == (503, True)
        done = street.cli("drain", "--within", "2s", "--wait")
        assert done.json == {"draining": True, "calls": 1, "stopped": True}
        assert server.ended() == 0
        assert not (street.state / "voicecall.sock").exists()

        record = call_record(call_id, street.entries(call_id))
        assert (record["endReason"], record["transcript"][-1]["text"]) == ("hangup-bot", GOODBYE)
        wishes = [type(one.event).kind for one in street.entries(call_id) if one.key.startswith("request:")]
        assert wishes == ["call.placed", *["say.requested"] * 3, "hangup.requested"]
        assert street.seen_as(record["providerCallId"])["dials"] == 1

        server = street.serve("--host-grace", "1")  # at once: nothing is held any more
        assert server.ended() == 0
        assert "no host has been connected for long and no call is live: stopping" in street.log
