"""The simulated ElevenLabs is as particular as the vendor: what it refuses, how it says so, and in whose shapes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import trio
from elevenlabs.types.alignment import Alignment
from elevenlabs.types.audio_output_multi import AudioOutputMulti
from elevenlabs.types.final_output_multi import FinalOutputMulti
from elevenlabs.types.partial_transcript_payload import PartialTranscriptPayload
from elevenlabs.types.session_started_payload import SessionStartedPayload

from tests.adapters.speech.elevenlabs.kit import run, words
from voicecall.adapters.speech.socket import Socket, SocketEnded, open_socket
from voicecall.testing.vendors.elevenlabs import KEY, ElevenLabs
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.voice import say

VOICE = "/v1/text-to-speech/pMsXgVXv3BLzUgSXRplE"
HEARING = "/v1/speech-to-text/realtime"
Plain = dict[str, Any]


def send(socket: Socket, *messages: Plain) -> None:
    for message in messages:
        socket.send(json.dumps(message))


async def rest(socket: Socket) -> tuple[list[Plain], SocketEnded]:
    """Everything that still comes, and the end."""
    told: list[Plain] = []
    while True:
        try:
            told.append(json.loads(await socket.receive()))
        except SocketEnded as ended:
            return told, ended


async def talk(
    path: str, *messages: Plain, key: str = KEY, vendor: ElevenLabs | None = None
) -> tuple[list[Plain], SocketEnded]:
    """Say something and hear everything."""
    async with open_vendor((vendor or ElevenLabs()).app()) as url:
        address = url.replace("http", "ws", 1) + path
        async with open_socket(address, {"xi-api-key": key}) as socket:
            send(socket, *messages)
            return await rest(socket)


def sound_of(told: list[Plain]) -> bytes:
    return b"".join(base64.b64decode(one["audio"]) for one in told if one.get("audio"))


def test_one_text_on_a_socket_of_its_own() -> None:
    async def story() -> None:
        told, ended = await talk(
            f"{VOICE}/stream-input?model_id=eleven_flash_v2_5&output_format=ulaw_8000",
            {"text": " ", "voice_settings": {"speed": 1.0}},
            {"text": "Hello "},
            {"text": "there. "},
            {"text": ""},
        )
        assert words(sound_of(told)) == ["Hello there."]
        assert told[-1] == {"isFinal": True}
        assert ended.code == 1000
        alignments = [one["alignment"] for one in told if one.get("alignment")]
        assert "".join("".join(one["chars"]) for one in alignments) == "Hello there."
        for one in alignments:
            Alignment.model_validate(one)
            assert len(one["charStartTimesMs"]) == len(one["charDurationsMs"]) == len(one["chars"])

    run(story)


def test_several_contexts_in_the_packages_shapes() -> None:
    async def story() -> None:
        told, ended = await talk(
            f"{VOICE}/multi-stream-input?output_format=ulaw_8000",
            {"text": " ", "context_id": "a"},
            {"text": " ", "context_id": "b"},
            {"text": "From a ", "context_id": "a", "flush": True},
            {"text": "From b ", "context_id": "b", "flush": True},
            {"text": "never flushed ", "context_id": "b"},
            {"context_id": "a", "close_context": True},
            {"context_id": "b", "close_context": True},
            {"text": " ", "context_id": "c"},
            {"text": "late ", "context_id": "c", "voice_settings": {"speed": 1.1}},
        )
        assert ended.code == 1008
        assert told[-1] == {
            "message": "voice_settings can only be sent in the first message of a context",
            "error": "invalid_message",
            "code": 1008,
        }
        for one in told[:-1]:
            (FinalOutputMulti if one.get("isFinal") else AudioOutputMulti).model_validate(one)

    run(story)


@pytest.mark.parametrize(
    ("query", "key", "code"),
    [
        ("output_format=ulaw_8000", "sk_wrong", "invalid_api_key"),
        ("output_format=mp3_44100_128", KEY, "invalid_output_format"),
        ("output_format=ulaw_8000&model_id=eleven_v3", KEY, "model_not_supported"),
    ],
)
def test_what_it_does_not_do_it_says_and_closes(query: str, key: str, code: str) -> None:
    async def story() -> None:
        told, ended = await talk(f"{VOICE}/multi-stream-input?{query}", key=key)
        assert [one["error"] for one in told] == [code]
        assert ended.code == 1008

    run(story)


def test_a_sixth_speaker_on_a_socket_is_too_many() -> None:
    async def story() -> None:
        many = [{"text": " ", "context_id": str(number)} for number in range(6)]
        told, ended = await talk(f"{VOICE}/multi-stream-input?output_format=ulaw_8000", *many)
        assert told[-1]["error"] == "max_active_conversations"
        assert ended.code == 1008

    run(story)


def test_its_patience_with_a_silent_client_ends() -> None:
    async def story() -> None:
        for query, patience_s in (("", 20), ("&inactivity_timeout=40", 40)):
            started = trio.current_time()
            told, _ = await talk(f"{VOICE}/multi-stream-input?output_format=ulaw_8000{query}")
            assert [one["error"] for one in told] == ["input_timeout_exceeded"]
            assert patience_s <= trio.current_time() - started < patience_s + 15

    run(story)


def audio(sound: bytes, *, commit: bool = False) -> Plain:
    encoded = base64.b64encode(sound).decode()
    return {"message_type": "input_audio_chunk", "audio_base_64": encoded, "commit": commit, "sample_rate": 8000}


def test_transcripts_in_the_packages_shapes_and_the_sessions_limit() -> None:
    async def story() -> None:
        vendor = ElevenLabs(session_s=5)
        path = f"{HEARING}?audio_format=ulaw_8000&commit_strategy=manual"
        told, ended = await talk(path, audio(say("Hello?")), audio(b"", commit=True), vendor=vendor)
        SessionStartedPayload.model_validate(told[0])
        partials = [one["text"] for one in told if one["message_type"] == "partial_transcript"]
        PartialTranscriptPayload.model_validate(told[1])
        assert all("Hello?".startswith(text) for text in partials)
        assert told[-2:] == [
            {"message_type": "committed_transcript", "text": "Hello?"},
            {"message_type": "session_time_limit_exceeded", "error": "The session has reached its time limit"},
        ]
        assert ended.code == 1000

    run(story)


@pytest.mark.parametrize(
    ("query", "key", "kind"),
    [("?audio_format=ulaw_8000", "sk_wrong", "auth_error"), ("?audio_format=mp3", KEY, "invalid_request")],
)
def test_a_session_that_cannot_be_is_refused_in_words(query: str, key: str, kind: str) -> None:
    async def story() -> None:
        told, _ = await talk(HEARING + query, key=key)
        assert [one["message_type"] for one in told] == [kind]

    run(story)
