"""A simulated Realtime conversation that is used as a voice: reads aloud what it is given, in the GA shapes.

Its sound is that of a simulated person, so whoever listens can tell the words. Sound comes as fast as it can be sent.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import trio
from attrs import define, field

from voicecall.testing.vendors.openai_script import Fault, OpenAiScript
from voicecall.testing.vendors.openai_wire import Cut, Wire, merge
from voicecall.testing.voice import say

PIECE = 1_600
"""Bytes of μ-law in one event: 200 ms."""
USAGE = {"total_tokens": 30, "input_tokens": 10, "output_tokens": 20}


@define
class Speaking:
    """One session; ``take`` gets every message of the client."""

    script: OpenAiScript
    wire: Wire
    fault: Fault
    nursery: trio.Nursery
    model: str
    _session: dict[str, Any] = field(init=False)
    _stalled: bool = False
    _under_way: dict[str, trio.CancelScope] = field(factory=dict[str, trio.CancelScope])

    async def begin(self) -> None:
        """The session is there, with the defaults."""
        audio = {
            "input": {"format": {"type": "audio/pcm", "rate": 24_000}, "turn_detection": {"type": "server_vad"}},
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "alloy", "speed": 1.0},
        }
        self._session = {
            "type": "realtime",
            "object": "realtime.session",
            "id": self.script.name("sess"),
            "model": self.model,
            "output_modalities": ["audio"],
            "instructions": "Be helpful.",
            "audio": audio,
        }
        await self.wire.send("session.created", session=self._session)

    async def take(self, message: dict[str, Any]) -> None:
        """One message. Raises ``Cut`` where the script says so."""
        if self._stalled:
            return
        match message:
            case {"type": "session.update", "session": {"type": "realtime"} as session}:
                if self.fault == "refused":
                    await self.wire.error("Invalid voice.", cause=message, param="session.audio.output.voice")
                    return
                self._session = merge(self._session, session)
                await self.wire.send("session.updated", session=self._session)
            case {"type": "response.create", "response": {"input": [{"content": [{"text": str(text)}]}]} as wanted}:
                await self._respond(message, text, wanted)
            case {"type": "response.cancel", "response_id": str(response_id)} if response_id in self._under_way:
                self._under_way[response_id].cancel()
            case {"type": "response.cancel"}:
                text = "Cancellation failed: no active response found"
                await self.wire.error(text, cause=message, code="response_cancel_not_active")
            case _:
                await self.wire.error(f"Invalid type: {message.get('type')}", cause=message, param="type")

    async def _respond(self, message: dict[str, Any], text: str, wanted: dict[str, Any]) -> None:
        output = merge(self._session["audio"], wanted.get("audio") or {})["output"]
        if output["format"]["type"] != "audio/pcmu":
            await self.wire.error("This simulation speaks audio/pcmu only.", cause=message)
            return
        if self.fault == "error":
            self.fault = ""
            await self.wire.error("The server had an error.", cause=message, kind="server_error")
            return
        response: dict[str, Any] = {
            "object": "realtime.response",
            "id": self.script.name("resp"),
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "conversation_id": None,
            "output_modalities": ["audio"],
            "metadata": wanted.get("metadata"),
            "usage": None,
        }
        if self.fault == "expired":
            await self.wire.error("Your session hit the maximum duration of 60 minutes.", code="session_expired")
            raise Cut(1001)
        self._under_way[response["id"]] = scope = trio.CancelScope()
        self.nursery.start_soon(self._speak, response, self.script.rewords.get(text, text), scope)

    async def _speak(self, response: dict[str, Any], text: str, scope: trio.CancelScope) -> None:
        item = {"id": self.script.name("item"), "object": "realtime.item", "type": "message", "role": "assistant"}
        empty: dict[str, Any] = {**item, "status": "in_progress", "content": []}
        with scope:
            await trio.sleep(self.script.first_sound_s)
            await self.wire.send("response.created", response=response)
            place = {"response_id": response["id"], "output_index": 0}
            await self.wire.send("response.output_item.added", **place, item=empty)
            if self.fault == "failed":
                error = {"type": "server_error", "code": "overloaded", "message": "Try again later."}
                await self._end(response, "failed", error=error)
                return
            await self._stream(place | {"item_id": item["id"], "content_index": 0}, text)
        if scope.cancelled_caught:
            await self._end(response, "cancelled", reason="client_cancelled")
            return
        said = {**item, "status": "completed", "content": [{"type": "output_audio", "transcript": text}]}
        await self.wire.send("response.output_item.done", response_id=response["id"], output_index=0, item=said)
        await self._end({**response, "output": [said], "usage": USAGE}, "completed")

    async def _stream(self, place: dict[str, Any], text: str) -> None:
        sound = b"" if self.fault == "silent" else say(text)
        part = {"type": "audio", "transcript": ""}
        await self.wire.send("response.content_part.added", **place, part=part)
        for at in range(0, len(sound), PIECE):
            delta = b64encode(sound[at : at + PIECE]).decode()
            await self.wire.send("response.output_audio.delta", **place, delta=delta)
            await self._strike()
        for word in text.split(" "):
            await self.wire.send("response.output_audio_transcript.delta", **place, delta=f"{word} ")
        await self.wire.send("response.output_audio.done", **place)
        await self.wire.send("response.output_audio_transcript.done", **place, transcript=text)
        await self.wire.send("response.content_part.done", **place, part={**part, "transcript": text})

    async def _strike(self) -> None:
        """What befalls this session at the first sound. Raises ``Cut``."""
        match self.fault:
            case "cut":
                raise Cut
            case "nonsense":
                await self.wire.write('{"type":')
            case "stall":
                self._stalled = True
                await trio.sleep_forever()
            case _:
                pass

    async def _end(self, response: dict[str, Any], status: str, **details: Any) -> None:
        del self._under_way[response["id"]]
        ended = {**response, "status": status, "status_details": {"type": status, **details}}
        await self.wire.send("response.done", response=ended)
