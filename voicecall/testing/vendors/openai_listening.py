"""A simulated realtime transcription session: hears the words in the sound of a simulated person, in the GA shapes.

With ``server_vad`` it finds the turns itself; models without take a commit. Times count the session's appended audio.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import numpy as np
import trio
from attrs import define, field

from voicecall.audio.g711 import FRAME_BYTES, RATE, ulaw_encode
from voicecall.audio.modem import Demodulator, Spoken
from voicecall.audio.packets import Partial
from voicecall.audio.resample import Resampler
from voicecall.audio.vad import Offset, Onset, VoiceDetector, power_of
from voicecall.testing.vendors.openai_script import Fault, OpenAiScript
from voicecall.testing.vendors.openai_wire import Cut, Wire, merge

WITHOUT_VAD = ("gpt-live-transcribe", "gpt-realtime-whisper")
MODELS = ("whisper-1", "gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", *WITHOUT_VAD)
TRANSCRIPTION = "conversation.item.input_audio_transcription"
LEAST_MS = 100
BYTES_PER_MS = RATE // 1000
DEFAULTS: dict[str, Any] = {
    "type": "transcription",
    "object": "realtime.transcription_session",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "noise_reduction": None,
            "transcription": None,
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 500,
                "idle_timeout_ms": None,
            },
        }
    },
    "include": None,
}


@define
class Listening:
    """One session; ``take`` gets every message of the client."""

    script: OpenAiScript
    wire: Wire
    fault: Fault
    nursery: trio.Nursery
    _session: dict[str, Any] = field(init=False)
    _ready: bool = False
    _narrow: Resampler = field(factory=lambda: Resampler(24_000, RATE))
    _detector: VoiceDetector = field(factory=VoiceDetector)
    _demodulator: Demodulator = field(factory=Demodulator)
    _frames: bytes = b""
    _bytes: int = 0
    """Of μ-law since the session began."""
    _begun: int = 0
    """Of them, how many came before the item under way."""
    _item: str = ""
    _last_item: str | None = None
    _words: list[str] = field(factory=list[str])
    _told: str = ""

    async def begin(self) -> None:
        """The session is there, with the defaults."""
        self._session = {"id": self.script.name("sess"), **DEFAULTS}
        await self.wire.send("session.created", session=self._session)

    async def take(self, message: dict[str, Any]) -> None:
        """One message. Raises ``Cut`` where the script says so."""
        match message:
            case {"type": "session.update", "session": {"type": "transcription"} as session}:
                await self._update(message, session)
            case {"type": "input_audio_buffer.append", "audio": str(audio)} if self._ready:
                await self._append(b64decode(audio, validate=True))
            case {"type": "input_audio_buffer.append"}:
                await self.wire.error("Audio before the session is set up.", cause=message)
            case {"type": "input_audio_buffer.commit"}:
                await self._commit(message)
            case _:
                await self.wire.error(f"Invalid type: {message.get('type')}", cause=message, param="type")

    @property
    def _input(self) -> dict[str, Any]:
        return self._session["audio"]["input"]

    @property
    def _vad(self) -> dict[str, Any] | None:
        return self._input["turn_detection"]

    async def _update(self, message: dict[str, Any], session: dict[str, Any]) -> None:
        wanted = merge(self._session, session)
        given: dict[str, Any] = wanted["audio"]["input"]
        transcription: dict[str, Any] = given["transcription"] or {}
        model = transcription.get("model")
        if self.fault == "refused" or model not in MODELS:
            await self.wire.error(f"Invalid model {model}.", cause=message, code="invalid_model")
        elif given["format"]["type"] not in ("audio/pcm", "audio/pcmu"):
            await self.wire.error("Invalid value.", cause=message, param="session.audio.input.format.type")
        elif given["format"]["type"] == "audio/pcmu" and self.script.refuses_pcmu:
            text = "This model takes no audio/pcmu. Supported values are: 'audio/pcm'."
            await self.wire.error(text, cause=message, param="session.audio.input.format.type")
        elif model in WITHOUT_VAD and given["turn_detection"] is not None:
            text = "Turn detection is not supported for this model."
            await self.wire.error(text, cause=message, param="session.audio.input.turn_detection")
        else:
            self._session, self._ready = wanted, True
            if self._vad is not None:
                self._detector = VoiceDetector(silence_ms=self._vad["silence_duration_ms"])
            await self.wire.send("session.updated", session=self._session)

    async def _append(self, audio: bytes) -> None:
        ulaw = audio
        if self._input["format"]["type"] == "audio/pcm":
            ulaw = ulaw_encode(np.frombuffer(self._narrow.feed(audio), np.int16))
        if self._vad is None:
            await self._hear(ulaw)
            return
        self._frames += ulaw
        while len(self._frames) >= FRAME_BYTES:
            frame, self._frames = self._frames[:FRAME_BYTES], self._frames[FRAME_BYTES:]
            await self._hear(frame)
            await self._detect(frame)

    async def _hear(self, ulaw: bytes) -> None:
        """Words become known as they are said; only a live model tells of them at once."""
        self._bytes += len(ulaw)
        for news in self._demodulator.feed(ulaw):
            match news:
                case Spoken():
                    self._words.append(news.text)
                case Partial() if self._vad is None:
                    await self._tell(" ".join((*self._words, news.text)))
                case Partial():
                    pass
        if self._vad is None and self._bytes > self._begun and power_of(ulaw) > 0:
            await self._strike("cut")

    async def _tell(self, text: str) -> None:
        """What is new of the item's text."""
        self._item = self._item or self.script.name("item")
        if text.startswith(self._told) and text != self._told:
            await self.wire.send(f"{TRANSCRIPTION}.delta", **self._content(self._item), delta=text[len(self._told) :])
            self._told = text

    async def _detect(self, frame: bytes) -> None:
        vad = self._vad or {}
        match self._detector.feed(power_of(frame)):
            case Onset() as onset if not self._item:
                self._item = self.script.name("item")
                start = max(onset.offset_ms - vad["prefix_padding_ms"], self._begun // BYTES_PER_MS)
                kind = "input_audio_buffer.speech_started"
                await self.wire.send(kind, audio_start_ms=start, item_id=self._item)
                await self._strike("cut")
            case Offset() if self._item:
                end = self._bytes // BYTES_PER_MS
                await self.wire.send("input_audio_buffer.speech_stopped", audio_end_ms=end, item_id=self._item)
                await self._finish()
            case _:
                pass

    async def _commit(self, message: dict[str, Any]) -> None:
        if self._vad is not None:
            await self.wire.error("Committing while server VAD is on.", cause=message)
        elif self._bytes - self._begun < LEAST_MS * BYTES_PER_MS:
            ms = (self._bytes - self._begun) / BYTES_PER_MS
            text = f"Error committing input audio buffer: buffer too small. Expected at least 100ms, has {ms:.2f}ms."
            await self.wire.error(text, cause=message, code="input_audio_buffer_commit_empty")
        else:
            self._item = self._item or self.script.name("item")
            await self._finish()

    async def _finish(self) -> None:
        """The audio so far is an item, and is being transcribed, beside what comes next."""
        item, text = self._item, " ".join(self._words)
        told, previous = self._told, self._last_item
        self._last_item, self._item, self._told, self._begun = item, "", "", self._bytes
        self._words.clear()
        await self.wire.send("input_audio_buffer.committed", item_id=item, previous_item_id=previous)
        content = [{"type": "input_audio", "transcript": None}]
        shown = {"id": item, "type": "message", "status": "completed", "role": "user", "content": content}
        await self.wire.send("conversation.item.added", previous_item_id=previous, item=shown)
        await self._strike("late cut")
        self.nursery.start_soon(self._transcribe, item, text, told)

    async def _transcribe(self, item: str, text: str, told: str) -> None:
        async with self.script.recognition():
            if self.fault == "forgotten":
                self.fault = ""
                return
            if self.fault == "failed":
                self.fault = ""
                error = {"type": "server_error", "code": "audio_unintelligible", "message": "It is unintelligible."}
                await self.wire.send(f"{TRANSCRIPTION}.failed", **self._content(item), error=error)
                return
            for word in text[len(told) :].split(" "):
                if word:
                    await self.wire.send(f"{TRANSCRIPTION}.delta", **self._content(item), delta=f"{word} ")
            usage = {"type": "duration", "seconds": 1.0}
            await self.wire.send(f"{TRANSCRIPTION}.completed", **self._content(item), transcript=text, usage=usage)

    async def _strike(self, moment: Fault) -> None:
        """What befalls this session: ``cut`` is when there is sound, ``late cut`` when a turn is over."""
        match self.fault, moment:
            case ("cut", "cut") | ("late cut", "late cut"):
                raise Cut
            case ("stall", "late cut"):
                await trio.sleep_forever()
            case ("expired", "cut"):
                await self.wire.error("Your session hit the maximum duration of 60 minutes.", code="session_expired")
                raise Cut(1001)
            case ("nonsense", "cut"):
                self.fault = ""
                await self.wire.write('{"type":')
            case ("error", "cut"):
                self.fault = ""
                await self.wire.error("The server had an error while processing your request.", kind="server_error")
            case _:
                pass

    def _content(self, item: str) -> dict[str, Any]:
        return {"item_id": item, "content_index": 0}
