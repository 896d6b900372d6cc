"""The simulated ElevenLabs' text-to-speech WebSockets: one text (stream-input), or several contexts (multi-)."""

from __future__ import annotations

import base64
import json
from typing import Any

import trio
from attrs import define, field
from quart import websocket as current
from quart_trio import QuartTrio

from voicecall.testing.vendors.elevenlabs import SOCKETLESS, ElevenLabs, Fault, Spelled, spelled

PLACES = 5
"""Contexts of one socket."""
POLICY = 1008
ENDS = (".", "!", "?")

websocket: Any = current
"""Quart's own annotations are incomplete."""


class Ended(Exception):
    """The vendor ends the socket: with an error, or without a word."""

    def __init__(self, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message


@define(eq=False)
class Utterance:
    """Text that waits to be spoken: ``buffered`` until it is flushed, then through the channel."""

    name: str
    buffered: str = ""
    send: trio.MemorySendChannel[str] = field(init=False)
    receive: trio.MemoryReceiveChannel[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.send, self.receive = trio.open_memory_channel[str](100)


@define(eq=False)
class Speech:
    """One socket."""

    vendor: ElevenLabs
    nursery: trio.Nursery
    fault: Fault | None
    multi: bool
    auto: bool
    contexts: dict[str, Utterance] = field(factory=dict[str, Utterance])
    given: int = 0
    over: trio.Event = field(factory=trio.Event)
    why: Ended | None = None

    def take(self, message: dict[str, Any]) -> None:
        """One message of the client's. Raises ``Ended``."""
        name = str(message.get("context_id", "")) if self.multi else ""
        context = self.contexts.get(name)
        if message.get("close_socket"):
            raise Ended
        if message.get("close_context"):
            self._finish(context)
            return
        text = message.get("text")
        if context is None:
            self._begin(name, message)
            return
        if "voice_settings" in message:
            raise Ended("invalid_message", "voice_settings can only be sent in the first message of a context")
        if text == "" and not self.multi:
            self._flush(context)
            self._finish(context)
            return
        context.buffered += text or ""
        if message.get("flush") or (self.auto and context.buffered.rstrip().endswith(ENDS)):
            self._flush(context)
        elif text == "":
            self.vendor.note("keep", name)

    def _begin(self, name: str, message: dict[str, Any]) -> None:
        if len(self.contexts) >= PLACES:
            raise Ended(
                "max_active_conversations",
                f"Maximum simultaneous contexts per WebSocket connection exceeded ({PLACES}). "
                "Please close an existing context before opening a new one.",
            )
        context = self.contexts[name] = Utterance(name)
        context.buffered = str(message.get("text") or "").strip()
        self.vendor.note("begin", name)
        self.nursery.start_soon(self._speak, context)

    def _flush(self, context: Utterance) -> None:
        text, context.buffered = context.buffered.strip(), ""
        if text:
            context.send.send_nowait(text)

    def _finish(self, context: Utterance | None) -> None:
        """Text that was not flushed is never spoken."""
        if context is not None:
            self.vendor.note("finish", context.name)
            context.send.close()

    async def _speak(self, context: Utterance) -> None:
        async for text in context.receive:
            await trio.sleep(self.vendor.first_sound_s)
            for piece in spelled(text):
                await self._go_wrong()
                self.given += 1
                await self._tell(context.name, piece)
                await trio.sleep(self.vendor.piece_s)
            self.vendor.spoken.append(text)
        del self.contexts[context.name]
        self.vendor.note("final", context.name)
        await websocket.send(json.dumps({"isFinal": True, **self._name(context.name)}))
        if self.fault is not None and self.fault.kind == "late":
            await self._tell(context.name, spelled("late")[0])
        if not self.multi:
            self.end(Ended())

    async def _tell(self, name: str, piece: Spelled) -> None:
        alignment = {
            "chars": piece.characters,
            "charStartTimesMs": [start - piece.starts_at_ms for start in piece.starts_ms],
            "charDurationsMs": [end - start for start, end in zip(piece.starts_ms, piece.ends_ms, strict=True)],
        }
        told = alignment if piece.characters else None
        said = {"audio": base64.b64encode(piece.sound).decode(), "isFinal": None, "alignment": told}
        await websocket.send(json.dumps({**said, "normalizedAlignment": told, **self._name(name)}))

    async def _go_wrong(self) -> None:
        fault = self.fault
        if fault is None or self.given < fault.after:
            return
        if fault.kind == "complain":
            self.end(Ended(fault.code, fault.message))
        if fault.kind == "cut":
            self.end(Ended())
        if fault.kind != "late":
            await trio.sleep_forever()

    def _name(self, name: str) -> dict[str, str]:
        return {"contextId": name} if self.multi else {}

    def end(self, why: Ended) -> None:
        """End the socket."""
        self.why = self.why or why
        self.over.set()


def serve_speaking(app: QuartTrio, vendor: ElevenLabs) -> None:
    """Both WebSockets."""

    async def single(voice: str) -> Any:
        return await _serve(vendor, voice, multi=False)

    async def multi(voice: str) -> Any:
        return await _serve(vendor, voice, multi=True)

    app.add_websocket("/v1/text-to-speech/<voice>/stream-input", view_func=single)
    app.add_websocket("/v1/text-to-speech/<voice>/multi-stream-input", view_func=multi)


async def _serve(vendor: ElevenLabs, voice: str, *, multi: bool) -> Any:
    fault = vendor.next_fault()
    if fault is not None and fault.kind == "refuse":
        return {"detail": {"status": fault.code, "message": fault.message}}, fault.status
    await websocket.accept()
    vendor.note("socket")
    try:
        refused = vendor.admit(websocket.headers.get("xi-api-key"), voice)
        if refused is not None:
            detail = refused[0]["detail"]
            raise Ended(detail["status"], detail["message"])
        if websocket.args.get("output_format") != "ulaw_8000":
            raise Ended("invalid_output_format", "output_format: this vendor only knows ulaw_8000")
        if websocket.args.get("model_id", "").startswith(SOCKETLESS):
            raise Ended("model_not_supported", "The model does not support this endpoint")
        await _converse(vendor, fault, multi=multi)
    except Ended as ended:
        if ended.code:
            await websocket.send(json.dumps({"message": ended.message, "error": ended.code, "code": POLICY}))
        await websocket.close(POLICY if ended.code else 1000, ended.message[:100])
    finally:
        vendor.note("socket over")
    return None


async def _converse(vendor: ElevenLabs, fault: Fault | None, *, multi: bool) -> None:
    """Raises ``Ended``."""
    patience_s = float(websocket.args.get("inactivity_timeout", 20))
    why: Ended | None = None
    async with trio.open_nursery() as nursery:
        speech = Speech(vendor, nursery, fault, multi, websocket.args.get("auto_mode") == "true")
        nursery.start_soon(_take, speech, patience_s)
        await speech.over.wait()
        why = speech.why
        nursery.cancel_scope.cancel()
    if why is not None:
        raise why


async def _take(speech: Speech, patience_s: float) -> None:
    while True:
        with trio.move_on_after(patience_s) as quiet:
            message = json.loads(await websocket.receive())
            try:
                speech.take(message)
            except Ended as ended:
                speech.end(ended)
        if quiet.cancelled_caught:
            text = f"Have not received a new text input within the timeout of {patience_s:g} seconds."
            speech.end(Ended("input_timeout_exceeded", text))
            return
