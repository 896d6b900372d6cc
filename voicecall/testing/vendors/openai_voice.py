"""A simulated OpenAI that speaks and hears: the speech endpoint, realtime transcription, Realtime used as a voice.

Serve ``voice_app(script)`` with ``open_vendor``; the vendor's address is then ``<url>/v1``. It is as strict as the
vendor, or more: audio before the session is set up is an error, as is a commit while it finds the turns itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import cycle

import msgspec
import numpy as np
import trio
from quart import Response, request, websocket
from quart_trio import QuartTrio

from voicecall.audio.g711 import RATE, ulaw_decode
from voicecall.audio.resample import Resampler
from voicecall.fault import Caught, first
from voicecall.testing.vendors.openai_listening import Listening
from voicecall.testing.vendors.openai_script import Fault, OpenAiScript, problem
from voicecall.testing.vendors.openai_speaking import Speaking
from voicecall.testing.vendors.openai_wire import Cut, Wire
from voicecall.testing.voice import say

SPEECH_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
CHUNKS = (1, 4_799, 3, 9_601, 2_400)
"""Bytes of PCM in one chunk, in turn: a sample may be cut in half."""


def voice_app(script: OpenAiScript) -> QuartTrio:
    """The vendor as an application of its own."""
    app = QuartTrio("openai-voice")
    add_voice(app, script)
    return app


def add_voice(app: QuartTrio, script: OpenAiScript) -> None:
    """The vendor's voice as part of an application."""

    @app.post("/v1/audio/speech")
    async def speech() -> Response:
        fault = script.fault()
        status = _status(script, fault, request.headers.get("authorization", ""))
        given = msgspec.json.decode(await request.get_data(as_text=False), type=dict[str, object])
        script.requests.append(given)
        script.peers.add(request.scope["client"])
        if not status and given.get("model") not in SPEECH_MODELS:
            status = 404
        if not status and (given.get("response_format") != "pcm" or not given.get("input") or not given.get("voice")):
            status = 400
        if status:
            return _refusal(status)
        await trio.sleep(script.first_sound_s)
        answer = Response(_pcm(script, str(given["input"]), fault), content_type="audio/pcm")
        answer.timeout = None
        return answer

    @app.websocket("/v1/realtime")
    async def realtime() -> Response | None:
        fault = script.fault()
        if status := _status(script, fault, websocket.headers.get("authorization", "")):
            return _refusal(status)
        with script.connected(), Caught() as caught:
            await _converse(script, fault)
        if caught.error is not None:
            ended = first(caught.error)
            if not isinstance(ended, Cut):
                raise ended
            await websocket.close(ended.code, "")
        return None


async def _converse(script: OpenAiScript, fault: Fault) -> None:
    """One socket until it is closed. Raises ``Cut`` where the script says so."""
    wire = Wire(script, websocket.send)
    async with trio.open_nursery() as nursery:
        if websocket.args.get("intent") == "transcription":
            session = Listening(script, wire, fault, nursery)
        else:
            session = Speaking(script, wire, fault, nursery, websocket.args.get("model", ""))
        await session.begin()
        while True:
            message = msgspec.json.decode(await websocket.receive(), type=dict[str, object])
            script.received.append(message)
            await session.take(message)


async def _pcm(script: OpenAiScript, text: str, fault: Fault) -> AsyncGenerator[bytes]:
    if fault == "silent":
        return
    wide = Resampler(RATE, 24_000)
    pcm = wide.feed(ulaw_decode(say(script.rewords.get(text, text))).astype(np.int16).tobytes()) + wide.flush()
    at = 0
    for size in cycle(CHUNKS):
        if at >= len(pcm):
            return
        yield pcm[at : at + size]
        at += size
        if fault == "cut" and at > len(pcm) // 2:
            raise Cut
        if fault == "stall" and at > len(pcm) // 2:
            await trio.sleep_forever()


def _status(script: OpenAiScript, fault: Fault, authorization: str) -> int:
    """With which status a request is refused; 0 when it is not."""
    if fault.isdecimal():
        return int(fault)
    key = authorization.removeprefix("Bearer ")
    return 0 if key != authorization and key and script.api_key in ("", key) else 401


def _refusal(status: int) -> Response:
    return Response(msgspec.json.encode(problem(status)), status=status, content_type="application/json")
