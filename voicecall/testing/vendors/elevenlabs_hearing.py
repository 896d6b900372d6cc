"""The simulated ElevenLabs' realtime transcription: it hears the words in a simulated person's voice."""

from __future__ import annotations

import base64
import json
from typing import Any

import trio
from attrs import define, field
from quart import websocket as current
from quart_trio import QuartTrio

from voicecall.audio.modem import Demodulator, Spoken
from voicecall.testing.vendors.elevenlabs import ElevenLabs, Fault

SILENCE_S = 1.5
"""Silence that commits, unless the client says otherwise."""
Message = dict[str, Any]

websocket: Any = current
"""Quart's own annotations are incomplete."""


@define
class Ear:
    """What one session has heard: sound in, transcripts out. Pure."""

    silence_ms: int
    timestamps: bool
    demodulator: Demodulator = field(factory=Demodulator)
    spoken: list[Spoken] = field(factory=list[Spoken])
    partial: str = ""

    def hear(self, audio: bytes) -> list[Message]:
        """More sound."""
        told: list[Message] = []
        for news in self.demodulator.feed(audio):
            if isinstance(news, Spoken):
                self.spoken.append(news)
            self.partial = "" if isinstance(news, Spoken) else news.text
            text = " ".join([*(one.text for one in self.spoken), self.partial]).strip()
            told.append({"message_type": "partial_transcript", "text": text})
        if self.spoken and not self.partial:
            quiet_ms = self.demodulator.fed_ms - self.spoken[-1].ended_ms
            if quiet_ms >= self.silence_ms:
                told += self.commit()
        return told

    def commit(self) -> list[Message]:
        """What was heard so far is final."""
        heard, self.spoken, self.partial = self.spoken, [], ""
        text = " ".join(one.text for one in heard)
        told: list[Message] = [{"message_type": "committed_transcript", "text": text}]
        if self.timestamps:
            words = [word for one in heard for word in _words(one)]
            told.append({"message_type": "committed_transcript_with_timestamps", "text": text, "words": words})
        return told


def _words(spoken: Spoken) -> list[Message]:
    """Every word of an utterance, with times in proportion to its letters."""
    told: list[Message] = []
    length = max(len(spoken.text), 1)
    each, at = (spoken.ended_ms - spoken.started_ms) / length, 0
    for text in spoken.text.split(" "):
        start, end = (spoken.started_ms + each * place for place in (at, at + len(text)))
        told.append({"text": text, "start": start / 1000, "end": end / 1000, "type": "word", "logprob": 0.0})
        at += len(text) + 1
    return told


def serve_hearing(app: QuartTrio, vendor: ElevenLabs) -> None:
    """``/v1/speech-to-text/realtime``."""

    async def transcribe() -> Any:
        fault = vendor.next_fault()
        if fault is not None and fault.kind == "refuse":
            return {"detail": {"status": fault.code, "message": fault.message}}, fault.status
        await websocket.accept()
        vendor.note("session")
        try:
            if vendor.admit(websocket.headers.get("xi-api-key"), None) is not None:
                await _complain("auth_error", "Invalid API key")
            elif websocket.args.get("audio_format") != "ulaw_8000":
                await _complain("invalid_request", "audio_format: this vendor only knows ulaw_8000")
            else:
                await _session(vendor, fault)
        finally:
            vendor.note("session over")
        return None

    app.add_websocket("/v1/speech-to-text/realtime", view_func=transcribe)


async def _session(vendor: ElevenLabs, fault: Fault | None) -> None:
    if fault is not None and fault.kind == "stall" and fault.after == 0:
        await trio.sleep_forever()
    await trio.sleep(vendor.start_s)
    asked = websocket.args
    config = {"sample_rate": 8000, "audio_format": "ulaw_8000", "model_id": asked.get("model_id", "")}
    started = {"message_type": "session_started", "session_id": f"s{vendor.count('session')}", "config": config}
    await websocket.send(json.dumps(started))
    silence_ms = round(float(asked.get("vad_silence_threshold_secs", SILENCE_S)) * 1000)
    ear = Ear(silence_ms=silence_ms, timestamps=asked.get("include_timestamps") == "true")
    with trio.move_on_after(vendor.session_s) as limit:
        await _transcribe(vendor, ear, fault)
    if limit.cancelled_caught:
        await _complain("session_time_limit_exceeded", "The session has reached its time limit")


async def _transcribe(vendor: ElevenLabs, ear: Ear, fault: Fault | None) -> None:
    """Until the script says that it is enough."""
    send, receive = trio.open_memory_channel[tuple[float, Message]](1_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_listen, vendor, ear, send)
        given = 0
        async for due, message in receive:
            await trio.sleep_until(due)
            if fault is not None and given >= fault.after:
                await _go_wrong(fault)
                break
            given += 1
            vendor.note(message["message_type"], message["text"])
            await websocket.send(json.dumps(message))
        nursery.cancel_scope.cancel()


async def _go_wrong(fault: Fault) -> None:
    if fault.kind == "stall":
        await trio.sleep_forever()
    if fault.kind == "complain":
        await _complain(fault.code, fault.message)
    else:
        await websocket.close(1000)


async def _listen(vendor: ElevenLabs, ear: Ear, send: trio.MemorySendChannel[tuple[float, Message]]) -> None:
    while True:
        message: Message = json.loads(await websocket.receive())
        audio = base64.b64decode(message["audio_base_64"], validate=True)
        vendor.note("audio")
        told = ear.hear(audio)
        if message["commit"]:
            told += ear.commit()
        for one in told:
            await send.send((trio.current_time() + vendor.recognition_s, one))


async def _complain(code: str, message: str) -> None:
    await websocket.send(json.dumps({"message_type": code, "error": message}))
    await websocket.close(1000)
