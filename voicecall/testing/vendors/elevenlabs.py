"""A simulated ElevenLabs: text-to-speech over HTTP and WebSockets, and realtime transcription, in the vendor's shapes.

Its voice is that of a simulated person (``voicecall.testing.voice``), so what it says can be heard word for word, and
its ear hears such voices. What goes wrong is scripted: every request and every socket takes the next of ``faults``.
"""

from __future__ import annotations

import base64
import json
import math
from collections import deque
from collections.abc import AsyncGenerator
from itertools import accumulate
from typing import Any, Literal

import trio
from attrs import define, field, frozen
from quart import Response, request
from quart_trio import QuartTrio

from voicecall.testing.voice import say

KEY = "sk_simulated_elevenlabs"
PIECE_BYTES = 800
"""100 ms of sound in one message."""
SOCKETLESS = ("eleven_v3", "eleven_v4")


@frozen(kw_only=True)
class Fault:
    """What goes wrong with one request or socket, after it has given ``after`` pieces of sound or transcripts.

    ``refuse``: the HTTP request or handshake is answered with ``status``. ``complain``: the error ``code`` with
    ``message``, and the end. ``cut``: the end, without a word. ``stall``: nothing more comes. ``late``: sound of a
    context comes also after its end.
    """

    kind: Literal["refuse", "complain", "cut", "stall", "late"]
    status: int = 429
    code: str = "too_many_concurrent_requests"
    message: str = "Too many concurrent requests"
    after: int = 0


@define
class ElevenLabs:
    """What the vendor is like, and what it has seen. Times are in seconds.

    An empty ``key`` means that any will do, no ``voices`` that every voice is there.

    ``first_sound_s`` is from a text to its first sound, ``piece_s`` from one piece of sound to the next,
    ``recognition_s`` from a sound to its transcript. A transcription session lasts ``session_s``.
    """

    key: str = KEY
    voices: tuple[str, ...] = ("pMsXgVXv3BLzUgSXRplE",)
    names: dict[str, str] = field(factory=lambda: {"pMsXgVXv3BLzUgSXRplE": "Serena - Pleasant"})
    """What voices are called, by id; those that are listed."""
    first_sound_s: float = 0.15
    piece_s: float = 0.01
    recognition_s: float = 0.15
    session_s: float = math.inf
    start_s: float = 0.0
    faults: deque[Fault | None] = field(factory=deque["Fault | None"])
    spoken: list[str] = field(factory=list[str])
    """What has been said, text by text."""
    seen: list[tuple[str, str]] = field(factory=list[tuple[str, str]])
    """What happened: ``(what, of which)``."""
    changed: trio.Event = field(factory=trio.Event)

    def note(self, what: str, of: str = "") -> None:
        """Keep what happened."""
        self.seen.append((what, of))
        self.stir()

    def stir(self) -> None:
        """Something has happened."""
        self.changed.set()
        self.changed = trio.Event()

    async def until(self, what: str, of: str | None = None, *, times: int = 1) -> None:
        """Wait until something has happened."""
        while self.count(what, of) < times:
            await self.changed.wait()

    async def until_spoken(self, text: str) -> None:
        """Wait until a text has been said to its end."""
        while text not in self.spoken:
            await self.changed.wait()

    def count(self, what: str, of: str | None = None) -> int:
        """How often something has happened."""
        return sum(1 for one, which in self.seen if one == what and of in (None, which))

    def next_fault(self) -> Fault | None:
        """What will go wrong with a request that comes now."""
        return self.faults.popleft() if self.faults else None

    def app(self) -> QuartTrio:
        """The vendor's API as an application of its own."""
        app = QuartTrio("elevenlabs")
        self.add_to(app)
        return app

    def add_to(self, app: QuartTrio) -> None:
        """The vendor's API as part of an application."""
        from voicecall.testing.vendors.elevenlabs_hearing import serve_hearing
        from voicecall.testing.vendors.elevenlabs_speaking import serve_speaking
        from voicecall.testing.vendors.elevenlabs_voices import serve_voices

        serve_requests(app, self)
        serve_voices(app, self)
        serve_speaking(app, self)
        serve_hearing(app, self)

    def admit(self, key: str | None, voice: str | None) -> tuple[dict[str, Any], int] | None:
        """The refusal of a request, if it is refused."""
        if not key or self.key not in ("", key):
            return refusal("invalid_api_key", "Invalid API key"), 401
        if voice is not None and self.voices and voice not in self.voices:
            return refusal("voice_not_found", f"A voice with the voice_id {voice} was not found."), 404
        return None


def refusal(code: str, message: str) -> dict[str, Any]:
    """The body of an HTTP error."""
    return {"detail": {"status": code, "message": message}}


def pieces(text: str) -> list[bytes]:
    """The sound of a text, piece by piece."""
    sound = say(text)
    return [sound[start : start + PIECE_BYTES] for start in range(0, len(sound), PIECE_BYTES)]


def ends_ms(text: str) -> list[int]:
    """When each character has been said: between words the voice takes its time."""
    weights = [1 if one.isalnum() else 3 for one in text]
    total_ms = len(say(text)) / 8
    return [round(total_ms * done / sum(weights)) for done in accumulate(weights)]


@frozen(kw_only=True)
class Spelled:
    """A piece of the sound of a text, and the characters that end in it, in ms of the whole."""

    sound: bytes
    starts_at_ms: int
    characters: list[str]
    starts_ms: list[int]
    ends_ms: list[int]


def spelled(text: str) -> list[Spelled]:
    """The sound of a text, piece by piece, and what is said in it."""
    ends = ends_ms(text)
    timed = list(zip(text, [0, *ends], ends, strict=False))
    found: list[Spelled] = []
    since_ms = 0
    for sound in pieces(text):
        until_ms = since_ms + len(sound) // 8
        inside = [one for one in timed if since_ms < one[2] <= until_ms]
        found.append(
            Spelled(
                sound=sound,
                starts_at_ms=since_ms,
                characters=[one for one, _, _ in inside],
                starts_ms=[start for _, start, _ in inside],
                ends_ms=[end for _, _, end in inside],
            )
        )
        since_ms = until_ms
    return found


def serve_requests(app: QuartTrio, vendor: ElevenLabs) -> None:
    """``POST /v1/text-to-speech/{voice}/stream/with-timestamps``."""

    @app.post("/v1/text-to-speech/<voice>/stream/with-timestamps")
    async def stream(voice: str) -> Response | tuple[dict[str, Any], int]:
        fault = vendor.next_fault()
        refused = vendor.admit(request.headers.get("xi-api-key"), voice)
        if refused is None and fault is not None and fault.kind in ("refuse", "complain"):
            refused = refusal(fault.code, fault.message), fault.status
        if refused is not None:
            return refused
        if request.args.get("output_format") != "ulaw_8000":
            return refusal("invalid_output_format", "output_format: this vendor only knows ulaw_8000"), 400
        body: dict[str, Any] = await request.get_json()
        vendor.note("request", str(body.get("previous_text") or ""))
        return Response(_sound(vendor, str(body["text"]), fault), mimetype="application/json")


async def _sound(vendor: ElevenLabs, text: str, fault: Fault | None) -> AsyncGenerator[bytes]:
    await trio.sleep(vendor.first_sound_s)
    for index, piece in enumerate(spelled(text)):
        if fault is not None and index >= fault.after:
            await wrong(fault)
        alignment = {
            "characters": piece.characters,
            "character_start_times_seconds": [one / 1000 for one in piece.starts_ms],
            "character_end_times_seconds": [one / 1000 for one in piece.ends_ms],
        }
        told = alignment if piece.characters else None
        line = {"audio_base64": base64.b64encode(piece.sound).decode(), "alignment": told, "normalized_alignment": told}
        yield json.dumps(line).encode() + b"\n"
        await trio.sleep(vendor.piece_s)
    vendor.spoken.append(text)
    vendor.stir()


async def wrong(fault: Fault) -> None:
    """What a fault does to an answer that has begun."""
    if fault.kind == "stall":
        await trio.sleep_forever()
    if fault.kind == "cut":
        raise ConnectionAbortedError("the script cuts here")
