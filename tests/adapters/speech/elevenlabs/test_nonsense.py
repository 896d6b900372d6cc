"""A vendor that says anything at all, over real sockets, between the messages that mean something."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
from quart_trio import QuartTrio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from tests.adapters.speech.elevenlabs.kit import config, run, sound, told
from voicecall.adapters.speech.elevenlabs import open_synthesizer, open_transcriber
from voicecall.audio.tap import Tap
from voicecall.events.facts import CallerSaid
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.voice import SILENCE

NONSENSE: tuple[str | bytes, ...] = (
    "",
    "{",
    "null",
    "[]",
    "17",
    b"\xff\xfe\x00",
    b"RIFF",
    "[" * 10_000,
    '{"audio": 5, "contextId": "u1"}',
    '{"audio": "?", "contextId": "u1"}',
    '{"audio": "AAAA", "contextId": "somebody else"}',
    '{"audio": "AAAA"}',
    '{"isFinal": true, "contextId": "somebody else"}',
    '{"isFinal": true}',
    '{"message_type": "committed_transcript"}',
    '{"message_type": "committed_transcript", "text": 5}',
    '{"message_type": "partial_transcript", "text": null}',
    '{"message_type": "committed_transcript_with_timestamps", "text": " ", "words": [{"start": "x"}]}',
    '{"message_type": "warning", "warning": "careful"}',
    '{"message_type": "something new", "text": "?"}',
    '{"message_type": 5}',
    json.dumps({"text": "x" * 1_000_000}),
)


@asynccontextmanager
async def vendor(answers: dict[str, list[dict[str, Any]]]) -> AsyncGenerator[str]:
    """Says nonsense whenever it hears something; to a message that holds one of ``answers``, also the answer."""

    async def peer(request: WebSocketRequest) -> None:
        socket = await request.accept()
        try:
            await babble(socket, answers.get("", []))
            while True:
                message = str(await socket.get_message())
                for part, answer in answers.items():
                    if part and part in message:
                        await babble(socket, answer)
        except ConnectionClosed:
            return

    async def babble(socket: WebSocketConnection, answer: list[dict[str, Any]]) -> None:
        for one in (*NONSENSE, *map(json.dumps, answer), *NONSENSE):
            await socket.send_message(one)

    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_websocket, peer, "127.0.0.1", 0, None))
        yield f"http://127.0.0.1:{server.port}"
        nursery.cancel_scope.cancel()


def test_the_voice_takes_what_is_its_own() -> None:
    async def story() -> None:
        piece = {"audio": base64.b64encode(b"sound").decode(), "contextId": "u1"}
        over = {"isFinal": True, "contextId": "u1"}
        async with vendor({"Hello": [piece], "close_context": [piece, over]}) as url:
            keys = config(url, transport="websocket").tts.providers.elevenlabs
            async with open_synthesizer(keys) as synthesizer:
                assert await sound(synthesizer, told("Hello.")) == b"soundsound"

    run(story)


def test_the_ear_takes_what_is_meant_for_it() -> None:
    async def story() -> None:
        tap = Tap()
        started = {"message_type": "session_started", "session_id": "s"}
        said = {"message_type": "committed_transcript", "text": "Hello."}
        async with (
            vendor({"": [started], "input_audio_chunk": [said]}) as url,
            open_transcriber(config(url).streaming.providers.elevenlabs) as transcriber,
            transcriber.listen(tap) as speech,
        ):
            tap.pour(SILENCE * 800)
            event = await anext(aiter(speech))
            assert isinstance(event, CallerSaid)
            assert event.text == "Hello."

    run(story)


def test_an_answer_full_of_nonsense_is_heard_for_what_there_is_in_it() -> None:
    nonsense = [one.encode() if isinstance(one, str) else one for one in (*NONSENSE, '{"audio_base64": "?"}')]
    halves = [json.dumps({"audio_base64": base64.b64encode(half).decode()}).encode() for half in (b"so", b"und")]
    app = QuartTrio("nonsense")

    @app.post("/v1/text-to-speech/<voice>/stream/with-timestamps")
    async def answer(voice: str) -> bytes:
        return b"\n".join([*nonsense, halves[0], *nonsense, halves[1], *nonsense])

    async def story() -> None:
        async with open_vendor(app) as url, open_synthesizer(config(url).tts.providers.elevenlabs) as synthesizer:
            assert await sound(synthesizer, told("Hello.")) == b"sound"

    run(story)
