"""A simulated ElevenLabs: text-to-speech over HTTP and WebSockets, and realtime transcription, in the vendor's shapes.

Its voice is that of a simulated person (``voicecall.testing.voice``), so what it says can be heard word for word, and
its ear hears such voices. What goes wrong is scripted: every request and every socket takes the next of ``faults``.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncGenerator
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

    ``first_sound_s`` is from a text to its first sound, ``piece_s`` from one piece of sound to the next,
    ``recognition_s`` from a sound to its transcript. A transcription session lasts ``session_s``.
    """

    key: str = KEY
    voices: tuple[str, ...] = ("pMsXgVXv3BLzUgSXRplE",)
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
        """The vendor's API."""
        from voicecall.testing.vendors.elevenlabs_hearing import serve_hearing
        from voicecall.testing.vendors.elevenlabs_speaking import serve_speaking

        app = QuartTrio("elevenlabs")
        serve_requests(app, self)
        serve_speaking(app, self)
        serve_hearing(app, self)
        return app

    def admit(self, key: str | None, voice: str | None) -> tuple[dict[str, Any], int] | None:
        """The refusal of a request, if it is refused."""
        if key != self.key:
            return refusal("invalid_api_key", "Invalid API key"), 401
        if voice is not None and voice not in self.voices:
            return refusal("voice_not_found", f"A voice with the voice_id {voice} was not found."), 404
        return None


def refusal(code: str, message: str) -> dict[str, Any]:
    """The body of an HTTP error."""
    return {"detail": {"status": code, "message": message}}


def pieces(text: str) -> list[bytes]:
    """The sound of a text, piece by piece."""
    sound = say(text)
    return [sound[start : start + PIECE_BYTES] for start in range(0, len(sound), PIECE_BYTES)]


def serve_requests(app: QuartTrio, vendor: ElevenLabs) -> None:
    """``POST /v1/text-to-speech/{voice}/stream``."""

    @app.post("/v1/text-to-speech/<voice>/stream")
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
        return Response(_sound(vendor, str(body["text"]), fault), mimetype="audio/basic")


async def _sound(vendor: ElevenLabs, text: str, fault: Fault | None) -> AsyncGenerator[bytes]:
    await trio.sleep(vendor.first_sound_s)
    for index, piece in enumerate(pieces(text)):
        if fault is not None and index >= fault.after:
            await wrong(fault)
        yield piece
        await trio.sleep(vendor.piece_s)
    vendor.spoken.append(text)
    vendor.stir()


async def wrong(fault: Fault) -> None:
    """What a fault does to an answer that has begun."""
    if fault.kind == "stall":
        await trio.sleep_forever()
    if fault.kind == "cut":
        raise ConnectionAbortedError("the script cuts here")
