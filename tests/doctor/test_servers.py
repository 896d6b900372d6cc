"""Beside a server that runs: it is asked who it is and where carriers post, and its door must be what answers."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests.doctor.stage import Stage, play, stranger
from tests.tunnels.programs import HOST, programs
from voicecall.rpc.client import SOCKET
from voicecall.rpc.server import open_socket
from voicecall.web.probe import probe_answer
from voicecall.web.upgrade import encode_response

OURS = encode_response(probe_answer("w-server"))
OTHER = encode_response(probe_answer("w-other"))


@asynccontextmanager
async def server(stage: Stage, **told: str) -> AsyncGenerator[None]:
    """What a running server answers to a hello; one that hangs when it tells nothing."""

    async def answer(stream: trio.SocketStream) -> None:
        async with stream:
            asked = json.loads(await stream.receive_some())
            assert (asked["method"], asked["params"]) == ("voicecall.hello", {"client": "voicecall setup"})
            if not told:
                await trio.sleep_forever()
            hello = {"provider": "twilio", **told}
            await stream.send_all(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": hello}).encode() + b"\n")

    async with open_socket(stage.state / SOCKET) as listener, trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, answer, [listener])
        yield
        nursery.cancel_scope.cancel()


def test_the_address_of_a_tunnel_is_asked_of_the_server(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.set("tunnel", provider="ngrok")
        (tmp_path / "ngrok").write_text("#!/bin/sh\n")
        (tmp_path / "ngrok").chmod(0o755)
        stage.environment["PATH"] = str(tmp_path)
        port = stage.plain["serve"]["port"]
        async with stranger(OURS, port=port), stranger(OURS) as tunnel, stranger(OTHER) as elsewhere:
            url = f"http://127.0.0.1:{tunnel}/voice/webhook"
            stage.console.webhook_url = url
            async with server(stage, instance="w-server", webhookUrl=url):
                found = {one.id: one for one in await stage.findings()}
                assert {one.level for one in found.values()} == {"ok"}, found
                assert found["port"].message == f"our server listens on 127.0.0.1 port {port}"
                assert found["webhook"].message == f"calls are announced at {url}"
            stage.console.webhook_url = url = f"http://127.0.0.1:{elsewhere}/voice/webhook"
            async with server(stage, instance="w-server", webhookUrl=url):
                (complaint,) = await stage.complaints()
                assert complaint.startswith(f"error webhook-exposure: at {url} (webhooks) another voicecall server")
                assert "let tunnel.provider lead to" in complaint

    play(tmp_path, "twilio", story)


def test_what_only_a_tailnet_reaches_no_carrier_does(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.set("tunnel", provider="tailscale-serve")
        stage.set("twilio", apiUrl="http://carrier.invalid")
        url = f"https://{HOST}/voice/webhook"
        with programs(tmp_path / "bin", "tailscale") as found:
            stage.environment["PATH"] = str(found.folder)
            port = stage.plain["serve"]["port"]
            async with stranger(OURS, port=port), server(stage, instance="w-server", webhookUrl=url):
                _, complaint = sorted(await stage.complaints())
        assert complaint == (
            f"error webhook-exposure: only your tailnet reaches {url} → set tunnel.provider to a funnel"
        )

    play(tmp_path, "twilio", story)


def test_a_server_elsewhere_than_the_configuration_says_is_noticed(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        async with stranger(OURS) as port:
            stage.plain["publicUrl"] = f"http://127.0.0.1:{port}"
            stage.console.webhook_url = url = f"http://127.0.0.1:{port}/voice/webhook"
            async with server(stage, instance="w-server", webhookUrl=url):
                (complaint,) = await stage.complaints()
            assert complaint.startswith("warn port: our server runs, but does not listen on 127.0.0.1 port")

    play(tmp_path, "twilio", story)


def test_a_server_for_another_carrier_and_one_that_hangs_are_noticed(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        port = stage.plain["serve"]["port"]
        url = f"http://127.0.0.1:{port}/voice/webhook"
        async with stranger(OURS, port=port):
            async with server(stage, instance="w-server", webhookUrl=url, provider="plivo"):
                (complaint,) = await stage.complaints()
                assert complaint.startswith("warn provider: the running server uses plivo, the configuration says twi")
            async with server(stage):
                found = [one.partition(":")[0] for one in await stage.complaints()]
                assert found == ["warn port"]

    play(tmp_path, "twilio", story)


def test_a_server_whose_simulated_network_is_gone_is_noticed(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        port = stage.plain["serve"]["port"]
        told = {"instance": "w-server", "webhookUrl": f"http://127.0.0.1:{port}/voice/webhook", "provider": "mock"}
        async with stranger(OURS, port=port), server(stage, **told):
            assert await stage.complaints() == []
            stage.set("mock", apiUrl="http://127.0.0.1:1")
            (complaint,) = await stage.complaints()
            assert complaint.startswith("error provider: there is no simulated phone network at http://127.0.0.1:1")

    play(tmp_path, "mock", story)
