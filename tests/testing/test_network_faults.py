"""The network's process with a fault script, given at its start or later."""

from __future__ import annotations

import json
from pathlib import Path

import trio
from trio_websocket import WebSocketConnection

from tests.testing.street import Server, open_process, run


async def say_nothing(_: WebSocketConnection, __: Server) -> None:
    await trio.sleep_forever()


def test_a_script_at_the_start_cuts_a_media_socket_and_repeats_webhooks(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    script = {
        "seed": 3,
        "webhooks": [{"do": "duplicate", "of": "call.ringing"}, {"do": "drop", "of": "call.initiated"}],
        "media": [{"do": "cut", "afterMs": 8_000, "times": 1}],
    }
    faults.write_text(json.dumps(script))

    async def story() -> None:
        server = Server(say_nothing)
        async with open_process(tmp_path, "--faults", str(faults)) as network, server.serving():
            await network.ask("POST", "/calls", server.dial("+15550001002", "c1"), key="c1:1.0")
            # The network notices the broken stream and is led back to us.
            await server.until(lambda: server.streams == 2)
            assert server.of("stop") == []
            await network.ask("POST", "/calls/mock-c1/hangup", {"reason": "hangup-bot"})
            await server.until(lambda: "call.ended" in server.kinds() and not server.open_streams)
            assert len(server.of("stop")) == 1
            assert server.kinds()[:3] == ["call.ringing", "call.ringing", "call.answered"]
            assert "call.initiated" not in server.kinds()
            report = await network.report()
            assert report["faults"] == {"webhooks.duplicate": 1, "webhooks.drop": 1, "media.cut": 1}
            assert (report["calls"][0]["mediaSockets"], report["mediaSocketsOpen"]) == (2, 0)

    run(story)


def test_a_script_can_be_given_and_taken_back_while_the_network_runs(tmp_path: Path) -> None:
    async def story() -> None:
        server = Server(say_nothing)
        async with open_process(tmp_path) as network, server.serving():
            dial = server.dial("+15550001004", "c1")
            bad = await network.ask("POST", "/_network/faults", {"rest": [{"do": "explode"}]})
            assert (bad.status_code, "$.rest[0]" in bad.json()["error"]) == (400, True)
            script = {"rest": [{"do": "limit", "of": "POST /calls", "retryAfterS": 9}]}
            assert (await network.ask("POST", "/_network/faults", script)).json()["rest"] == 1
            limited = await network.ask("POST", "/calls", dial, key="c1:1.0")
            assert (limited.status_code, limited.headers["retry-after"]) == (429, "9")
            assert (await network.report())["dials"] == 0
            assert (await network.ask("POST", "/_network/faults", {})).status_code == 200
            assert (await network.ask("POST", "/calls", dial, key="c1:1.0")).status_code == 201
            await server.until(lambda: "call.ended" in server.kinds())

    run(story)
