"""What is wrong on this machine or on the way to it: one fault, one finding, and its fix."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from journal import START, open_journal
from tests.doctor.stage import FAST, OURS, Stage, play, stranger
from tests.tunnels.programs import HOST, programs
from voicecall.doctor.folder import judge_space
from voicecall.web.probe import probe_answer
from voicecall.web.upgrade import encode_response

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
LINE = b'{"v":1}'


def test_a_clock_that_is_off_is_noticed(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.off_s = 90
        (found,) = await stage.complaints()
        assert found.startswith("error clock: our clock is 9")
        assert found.endswith("s ahead of that of Twilio → let it be set by the network: `timedatectl set-ntp true`")
        stage.off_s = -27
        assert [one[:26] for one in await stage.complaints()] == ["warn clock: our clock is 2"]

    play(tmp_path, "twilio", story)


def test_a_carrier_that_is_away_is_one_finding(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            stage.set("twilio", apiUrl=f"http://127.0.0.1:{closed.getsockname()[1]}")
            (found,) = await stage.complaints()
        assert found.startswith("error credentials: Twilio at 127.0.0.1:")
        assert "cannot be reached: ConnectError" in found

    play(tmp_path, "twilio", story)


def test_a_carrier_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            stage.set("twilio", apiUrl=f"http://127.0.0.1:{silent.getsockname()[1]}")
            assert await stage.complaints() == [
                "error carrier: no answer within 12 s → check the network of this machine, and try again"
            ]

    play(tmp_path, "twilio", story, rate=FAST)


def test_a_port_that_somebody_else_has_is_one_finding(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        port = stage.plain["serve"]["port"]
        async with stranger(NOT_FOUND, port=port):
            (found,) = await stage.complaints()
        assert found.startswith(f"error port: serve.port: {port} on 127.0.0.1 is already taken")
        assert "→ stop that one or set serve.port to a free port" in found

    play(tmp_path, "twilio", story)


def test_a_port_for_programs_that_somebody_else_has_is_one_finding(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        async with stranger(NOT_FOUND) as port:
            stage.plain["rpc"] = {"port": port}
            (found,) = await stage.complaints()
        assert found.startswith(f"error rpc-port: rpc.port: {port} on 127.0.0.1 is already taken")

    play(tmp_path, "twilio", story)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NOT_FOUND, "(webhooks) is answered with HTTP 404, and not by this server"),
        (encode_response(probe_answer("w-other")), "(webhooks) another voicecall server answers"),
        (b"", "(webhooks) cannot be reached: RemoteProtocolError"),
    ],
)
def test_a_public_address_that_leads_elsewhere_is_one_finding(tmp_path: Path, answer: bytes, words: str) -> None:
    async def story(stage: Stage) -> None:
        async with stranger(answer) as port:
            stage.plain["publicUrl"] = f"http://127.0.0.1:{port}"
            stage.console.webhook_url = f"http://127.0.0.1:{port}/voice/webhook"
            (found,) = await stage.complaints()
        assert found.startswith("error webhook-exposure: ")
        assert words in found

    play(tmp_path, "telnyx", story)


def test_a_way_to_us_is_followed_also_for_media_sockets(tmp_path: Path) -> None:
    """A proxy that leads webhooks here, and nothing else."""

    async def story(stage: Stage) -> None:
        stage.plain["streaming"] = {"enabled": True, "provider": "offline"}
        stage.set("tts", provider="offline")
        async with proxy(stage.plain["serve"]["port"], "/voice/webhook") as port:
            stage.plain["publicUrl"] = f"http://127.0.0.1:{port}"
            stage.console.webhook_url = f"http://127.0.0.1:{port}/voice/webhook"
            (found,) = await stage.complaints()
            message = f"http://127.0.0.1:{port}/voice/stream (media sockets) is answered with HTTP 404"
            assert found.startswith(f"error webhook-exposure: {message}")
            stage.plain["streaming"] = {"enabled": False}
            assert await stage.complaints() == []

    play(tmp_path, "plivo", story)


@asynccontextmanager
async def proxy(door: int, path: str) -> AsyncGenerator[int]:
    """A port from which one path leads to the door; its own port."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def carry(stream: trio.SocketStream) -> None:
        async with stream:
            head = await stream.receive_some()
            if f"GET {path} ".encode() not in head:
                await stream.send_all(NOT_FOUND)
                return
            async with await trio.open_tcp_stream("127.0.0.1", door) as inner:
                await inner.send_all(head)
                async for data in inner:
                    await stream.send_all(data)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, carry, [listener])
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "cannot reach http://127.0.0.1:"),
        (
            {"publicUrl": "http://localhost:8080"},
            "cannot reach http://localhost:8080/voice/webhook: that is this machine",
        ),
        ({"publicUrl": "https://10.1.2.3"}, "cannot reach https://10.1.2.3/voice/webhook: a private address"),
        (
            {"publicUrl": "http://8.8.8.8", "streaming": {"enabled": True, "provider": "offline"}},
            "is not https: carriers open media sockets by TLS alone",
        ),
    ],
)
def test_an_address_that_no_carrier_reaches_is_told_without_a_call(
    tmp_path: Path, settings: dict[str, object], words: str
) -> None:
    """The carrier is a name that leads to the simulated one only by way of a proxy, so it is not on this machine."""

    async def story(stage: Stage) -> None:
        stage.plain.update(settings)
        stage.set("tts", provider="offline")
        stage.set("twilio", apiUrl="http://carrier.invalid")
        found = [one for one in await stage.complaints() if not one.startswith("error credentials: ")]
        assert len(found) == 1
        assert words in found[0]

    play(tmp_path, "twilio", story)


def test_a_tunnel_without_its_program_is_one_finding(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.set("tunnel", provider="ngrok")
        stage.environment["PATH"] = str(tmp_path)
        (found,) = await stage.complaints()
        assert found.startswith("error tunnel: tunnel.provider: there is no program ngrok on PATH → install it (https")
        skips = {one.id: one.message for one in await stage.findings() if one.level == "skip"}
        assert skips.keys() == {"webhook-exposure", "webhook"}
        assert "is known once a server runs" in skips["webhook-exposure"]

    play(tmp_path, "twilio", story)


def test_a_tailscale_that_runs_is_in_order_and_a_stopped_one_is_one_finding(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.set("tunnel", provider="tailscale-funnel")
        with programs(tmp_path / "bin", "tailscale") as found:
            stage.environment["PATH"] = str(found.folder)
            told = {one.id: one.message for one in await stage.findings()}
            assert told["tunnel"] == f"tailscale runs; this machine is {HOST}"
            found.tailscale(state="Stopped")
            (complaint,) = await stage.complaints()
            assert complaint.startswith("error tunnel: tunnel.provider: Could not get Tailscale DNS name"), complaint

    play(tmp_path, "telnyx", story)


def test_a_state_directory_that_others_may_read_is_one_finding(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.state.chmod(0o755)
        assert await stage.complaints() == [
            f"error state: {stage.state}: other users may look into it (mode 755) → `chmod 700 {stage.state}`: "
            "it holds keys, and what people said"
        ]
        stage.state.chmod(0o700)
        key = stage.state / "ticket.key"
        key.write_bytes(b"k" * 32)
        key.chmod(0o644)
        assert await stage.complaints() == [f"error state: other users may read {key} → `chmod 600 {key}`"]
        key.unlink()
        stage.state.rmdir()
        assert await stage.complaints() == []
        stage.state.write_text("no directory")
        (found,) = await stage.complaints()
        assert found.startswith(f"error state: {stage.state} is no directory")

    play(tmp_path, "twilio", story)


def test_a_journal_is_read_to_its_end_torn_or_not_and_damage_is_one_finding(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        async with open_journal(stage.state / "journal") as journal:
            at = START
            for _ in range(3):
                at = await journal.append("call/c", LINE, after=at)
        (segment,) = (stage.state / "journal").glob("*.jsonl")
        whole = segment.read_bytes()
        segment.write_bytes(whole + whole[:20])
        told = {one.id: one.message for one in await stage.findings()}
        assert told["journal"] == "3 lines are whole"
        assert await stage.complaints() == []
        segment.write_bytes(whole.replace(LINE, b'{"v":2}', 1))
        (found,) = await stage.complaints()
        assert found.startswith("error journal: ")
        assert segment.name in found

    play(tmp_path, "twilio", story)


def test_little_space_is_noticed() -> None:
    levels = [judge_space(mib << 20, Path("/state")).level for mib in (10, 500, 5_000)]
    assert levels == ["error", "warn", "ok"]
    assert "store" in judge_space(10 << 20, Path("/state")).fix


def test_what_is_switched_off_is_one_finding(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.plain["enabled"] = False
        assert await stage.complaints() == [
            "error plugin-enabled: enabled is false: nothing runs → set enabled to true"
        ]

    play(tmp_path, "twilio", story)


def test_every_mistake_in_the_configuration_is_found_once_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        del stage.plain["fromNumber"], stage.plain["twilio"]["authToken"]
        found = await stage.complaints()
        assert [one.split(" → ")[0].removeprefix("error provider-config: ") for one in found] == [
            "plugins.entries.voice-call.config.fromNumber is required (or set TWILIO_FROM_NUMBER env)",
            "plugins.entries.voice-call.config.twilio.authToken is required (or set TWILIO_AUTH_TOKEN env)",
        ]
        assert {"port", "state", "webhook-exposure"} <= {one.id for one in await stage.findings()}
        stage.plain.update(servee={}, fromNumber=OURS)
        stage.set("twilio", authToken="")
        stage.set("serve", port="x")
        paths = [one.split(": ")[1] for one in await stage.complaints()]
        assert paths == ["serve.port", "twilio.authToken", "servee"]

    play(tmp_path, "twilio", story)
