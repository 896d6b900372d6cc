"""The simulated network as a process: real HTTP, real WebSockets, real signals."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from trio_websocket import WebSocketConnection

from tests.testing.stage import SECRET, START_MS
from tests.testing.street import RATE, Server, open_process, run
from voicecall.testing.voice import say

SOMEBODY = "+15551112222"
GREETING = "Hello, nice to meet you."


async def greet(socket: WebSocketConnection, server: Server) -> None:
    """Say hello on every stream, and reply once to whatever is said."""
    await speak(socket, GREETING, mark="greeting")
    for turn in range(1, 100):
        await server.until(lambda turn=turn: len(server.said) >= turn)
        await speak(socket, "I see.", mark=f"reply {turn}")


async def speak(socket: WebSocketConnection, text: str, *, mark: str) -> None:
    sound = say(text)
    for offset in range(0, len(sound), 160):
        payload = base64.b64encode(sound[offset : offset + 160]).decode()
        await socket.send_message(json.dumps({"event": "media", "streamId": "s", "payload": payload}))
    await socket.send_message(json.dumps({"event": "mark", "streamId": "s", "name": mark}))


async def say_nothing(_: WebSocketConnection, __: Server) -> None:
    await trio.sleep_forever()


def test_a_whole_call_over_real_sockets(tmp_path: Path) -> None:
    async def story() -> None:
        server = Server(greet)
        async with open_process(tmp_path) as network, server.serving():
            say_thanks = {"do": "say", "text": "That sounds good to me."}
            steps = ["answer", {"do": "hear"}, say_thanks, {"do": "hear"}, say_thanks, {"do": "hear"}, "hangUp"]
            await network.ask("POST", "/_network/people", {"number": SOMEBODY, "script": steps})
            response = await network.ask("POST", "/calls", server.dial(SOMEBODY, "c1"), key="c1:1.0")
            assert (response.status_code, response.json()["providerCallId"]) == (201, "mock-c1")
            await server.until(lambda: "call.ended" in server.kinds() and not server.open_streams)
            assert server.kinds() == ["call.initiated", "call.ringing", "call.answered", "call.ended"]
            assert server.of("start") == [
                {
                    "event": "start",
                    "streamId": "mock-c1-s1",
                    "callId": "c1",
                    "providerCallId": "mock-c1",
                    "ticket": "t-3",
                    "encoding": "audio/x-mulaw",
                    "sampleRate": 8000,
                }
            ]
            assert [one["name"] for one in server.of("mark")] == ["greeting", "reply 1", "reply 2"]
            assert server.heard[-1][1] == {"event": "stop", "reason": "hangup-user"}
            (call,) = (await network.report())["calls"]
            assert (call["reason"], call["dials"], call["mediaSockets"]) == ("hangup-user", 1, 1)
            assert call["marks"] == {"received": 3, "played": 3, "cleared": 0}
            assert call["heardMs"] > len(say(GREETING)) // 8
            assert not call["mediaOpen"]

    run(story)


def test_frames_of_twenty_milliseconds_come_all_the_time_and_on_time(tmp_path: Path) -> None:
    async def story() -> None:
        server = Server(say_nothing)
        async with open_process(tmp_path) as network, server.serving():
            steps = [
                "answer",
                {"do": "wait", "ms": 4000},
                {"do": "say", "text": "One two."},
                {"do": "wait", "ms": 4000},
                "hangUp",
            ]
            await network.ask("POST", "/_network/people", {"number": SOMEBODY, "script": steps})
            await network.ask("POST", "/calls", server.dial(SOMEBODY, "c1"), key="c1:1.0")
            await server.until(lambda: "call.ended" in server.kinds() and not server.open_streams)
            frames = [base64.b64decode(one["payload"]) for one in server.of("media")]
            assert {len(one) for one in frames} == {160}
            sound = b"".join(frames)
            said = say("One two.")
            start = sound.find(said)
            assert start >= 0
            assert set(sound[:start] + sound[start + len(said) :]) == {0xFF}
            (call,) = (await network.report())["calls"]
            lasted_ms = next(one["atMs"] for one in call["timeline"] if one["what"] == "call.ended") - next(
                one["atMs"] for one in call["timeline"] if one["what"].startswith("media open")
            )
            assert len(frames) * 20 == pytest.approx(lasted_ms, abs=400)
            (heard,) = server.said
            assert (heard.text, heard.started_ms) == ("One two.", start // 8)

    run(story)


def test_many_calls_leave_no_socket_behind(tmp_path: Path) -> None:
    async def story() -> None:
        server = Server(greet)
        async with open_process(tmp_path) as network, server.serving():
            await network.report()
            before = network.sockets()
            for number in range(3):
                await network.ask("POST", "/calls", server.dial("+15550001009", f"c{number}"), key=f"c{number}:1.0")
                await server.until(
                    lambda ended=number + 1: server.kinds().count("call.ended") == ended and not server.open_streams
                )
                # One more than before: the connection for webhooks, kept alive.
                await network.settled(before + 1)
            report = await network.report()
            assert (report["living"], report["mediaSocketsOpen"], report["dials"]) == (0, 0, 3)

    run(story)


def test_the_network_outlives_a_server_that_breaks_down(tmp_path: Path) -> None:
    async def story() -> None:
        server = Server(say_nothing)
        async with open_process(tmp_path) as network:
            await network.ask("POST", "/_network/people", {"number": SOMEBODY, "script": ["answer", "staySilent"]})
            async with server.serving():
                await network.ask("POST", "/calls", server.dial(SOMEBODY, "c1"), key="c1:1.0")
                await server.until(lambda: bool(server.of("media")))
            await trio.sleep(5)
            assert (await network.ask("GET", "/calls/mock-c1")).json()["status"] == "answered"
            found = (await network.ask("GET", f"/calls?to=%2B15551112222&since={START_MS}")).json()["calls"]
            assert [one["callId"] for one in found] == ["c1"]
            async with server.serving():
                await server.until(lambda: server.streams == 2 and server.open_streams == 1)
                assert server.kinds().count("call.answered") >= 2
                assert (await network.ask("POST", "/calls/mock-c1/hangup", {"reason": "hangup-bot"})).status_code == 200
                await server.until(lambda: "call.ended" in server.kinds() and not server.open_streams)
            (call,) = (await network.report())["calls"]
            assert (call["dials"], call["mediaSockets"], call["reason"]) == (1, 2, "hangup-bot")

    run(story)


def test_our_side_sees_it_when_the_network_is_killed(tmp_path: Path) -> None:
    async def story() -> None:
        server = Server(say_nothing)
        async with open_process(tmp_path) as network, server.serving():
            await network.ask("POST", "/calls", server.dial("+15550001002", "c1"), key="c1:1.0")
            await server.until(lambda: bool(server.of("media")))
            network.process.kill()
            await server.until(lambda: server.open_streams == 0)
            assert server.of("stop") == []

    run(story)


def test_a_polite_signal_ends_the_process_cleanly(tmp_path: Path) -> None:
    async def story() -> None:
        server = Server(say_nothing)
        async with open_process(tmp_path) as network, server.serving():
            await network.ask("POST", "/calls", server.dial("+15550001002", "c1"), key="c1:1.0")
            await server.until(lambda: bool(server.of("media")))
            network.process.send_signal(signal.SIGTERM)
            with trio.fail_after(20 * RATE):
                assert await network.process.wait() == 0

    run(story)


# --- the API ---------------------------------------------------------------------------------------------------------


def test_the_api_refuses_by_name_and_does_nothing_twice(tmp_path: Path) -> None:
    async def story() -> None:
        server = Server(say_nothing)
        async with open_process(tmp_path) as network, server.serving():
            good = server.dial("+15550001003", "c1")
            for status, words, body in (
                (422, "E.164", {**good, "to": "5551"}),
                (422, "blocked", {**good, "to": "+19005550000"}),
                (400, "callId", {**good, "callId": ""}),
                (400, "webhookUrl", {name: value for name, value in good.items() if name != "webhookUrl"}),
                (400, "ringTimeoutMs", {**good, "ringTimeoutMs": "long"}),
            ):
                response = await network.ask("POST", "/calls", body)
                assert (response.status_code, words in response.json()["error"]) == (status, True)
            first = await network.ask("POST", "/calls", good, key="c1:1.0")
            again = await network.ask("POST", "/calls", good, key="c1:1.0")
            assert (first.status_code, first.content) == (again.status_code, again.content) == (201, again.content)
            assert (await network.report())["dials"] == 1
            assert (await network.ask("POST", "/calls", good, key="c1:9.0")).status_code == 409
            assert (await network.report())["dials"] == 2
            missing = await network.ask("GET", "/calls/mock-nobody")
            assert (missing.status_code, missing.json()) == (404, {"error": "no such call"})
            assert (await network.ask("GET", "/weather")).status_code == 404
            for path in ("/_network/report", "/calls"):
                guess = await network.client.get(network.url + path, headers={"authorization": "Bearer guess"})
                assert guess.status_code == 401
            bad = await network.ask("POST", "/_network/people", {"number": SOMEBODY, "script": [{"do": "say"}]})
            assert (bad.status_code, bad.json()["error"]) == (400, "script[0].text: is missing")
            large = b"POST /_network/people HTTP/1.1\r\nhost: x\r\ncontent-length: 2000000\r\n\r\n"
            assert await reply_to(network.url, large) == 413
            assert await reply_to(network.url, b"\x16\x03\x01 hello\r\n\r\n") == 400
            chunks = b"POST /_network/people HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n200000\r\n"
            assert await reply_to(network.url, chunks + b" " * 0x110000) == 413

    run(story)


async def reply_to(url: str, request: bytes) -> int:
    """The status that raw bytes are answered with, before the connection is closed."""
    async with await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2])) as stream:
        await stream.send_all(request)
        reply = b""
        while piece := await stream.receive_some():
            reply += piece
    return int(reply.split()[1])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--secret-file", "missing"], "--secret-file"),
        (["--secret-file", "empty"], "--secret-file"),
        (["--secret-file", "key", "--port", "70000"], "--port"),
        (["--secret-file", "key", "--clock-rate", "0"], "--clock-rate"),
        (["--secret-file", "key", "--script", "bad"], "+1555[0].do"),
        (["--secret-file", "key", "--carrier", "pigeon"], "--carrier: there is no simulated carrier 'pigeon'"),
        (["--secret-file", "key", "--carrier", "phone"], "--carrier: there is no simulated carrier 'phone'"),
        (["--secret-file", "key", "--faults", "bad"], "--faults: faults: "),
        (["--secret-file", "key", "--faults", "missing"], "--faults: cannot read"),
        (["--secret-file", "key", "--account", "bad"], "--account: +1555"),
        (["--secret-file", "key", "--port", "0", "--host", "203.0.113.1"], "--port"),
    ],
)
def test_options_that_cannot_be_used_are_named(tmp_path: Path, options: list[str], words: str) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "key").write_text(SECRET)
    (tmp_path / "bad").write_text('{"+1555": ["dance"]}')
    paths = [str(tmp_path / one) if one in ("missing", "empty", "key", "bad") else one for one in options]
    command = [sys.executable, "-m", "voicecall.testing.network", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, words in done.stderr, done.stdout) == (2, True, ""), done.stderr
    assert "Traceback" not in done.stderr
