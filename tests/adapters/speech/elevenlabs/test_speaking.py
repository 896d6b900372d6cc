"""The messages of the text-to-speech WebSocket: what we send, and what we make of anything that comes."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from elevenlabs.types.websocket_tts_client_message_multi import WebsocketTtsClientMessageMulti
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.speech.elevenlabs.kit import config
from voicecall.adapters.speech.elevenlabs import speaking
from voicecall.adapters.speech.elevenlabs.failures import broken, failure, refusal
from voicecall.adapters.speech.elevenlabs.speaking import Piece, Trouble, parse
from voicecall.adapters.speech.socket import SocketEnded

KEYS = config("https://api.eu.residency.elevenlabs.io/", languageCode="de", seed=7).tts.providers.elevenlabs
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
NAMES = ("audio", "isFinal", "is_final", "contextId", "context_id", "message", "error", "code", "alignment")


def test_the_address_asks_for_telephone_sound_without_a_schedule() -> None:
    parts = urlsplit(speaking.socket_url(KEYS, KEYS.voice_id))
    assert (parts.scheme, parts.netloc) == ("wss", "api.eu.residency.elevenlabs.io")
    assert parts.path == "/v1/text-to-speech/pMsXgVXv3BLzUgSXRplE/multi-stream-input"
    assert parse_qs(parts.query) == {
        "model_id": ["eleven_multilingual_v2"],
        "output_format": ["ulaw_8000"],
        "auto_mode": ["true"],
        "sync_alignment": ["true"],
        "inactivity_timeout": ["180"],
        "language_code": ["de"],
        "seed": ["7"],
    }


def test_messages_are_those_of_the_package_and_settings_come_first_only() -> None:
    sent = [
        speaking.begin("u1", KEYS.voice_settings),
        speaking.say("u1", "Hello."),
        speaking.keep("u1"),
        speaking.finish("u1"),
    ]
    settings = {"stability": 0.5, "similarity_boost": 0.75, "style": 0.0, "use_speaker_boost": True, "speed": 1.0}
    assert [json.loads(one) for one in sent] == [
        {"text": " ", "context_id": "u1", "voice_settings": settings},
        {"text": "Hello. ", "context_id": "u1", "flush": True},
        {"text": "", "context_id": "u1"},
        {"context_id": "u1", "close_context": True},
    ]
    for one in sent:
        WebsocketTtsClientMessageMulti.model_validate_json(one)


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ({"audio": "AQI=", "isFinal": None, "contextId": "u1"}, Piece(context="u1", ulaw=b"\1\2")),
        ({"audio": "AQI=", "context_id": "u1", "is_final": False}, Piece(context="u1", ulaw=b"\1\2")),
        ({"isFinal": True, "contextId": "u1"}, Piece(context="u1", final=True)),
        ({"is_final": True, "context_id": "u1", "audio": ""}, Piece(context="u1", final=True)),
        ({"audio": None, "contextId": "u1"}, None),
        ({"audio": "?", "contextId": "u1"}, None),
        ({"message": "No.", "error": "quota_exceeded", "code": 1008}, Trouble(text="No.", code="quota_exceeded")),
        ({"message": "No.", "code": 1008, "contextId": "u1"}, Trouble(text="No.", code="1008", context="u1")),
        ({"something": "new"}, None),
    ],
)
def test_what_the_vendor_says_is_understood(message: dict[str, Any], meaning: Piece | Trouble | None) -> None:
    assert parse(json.dumps(message).encode()) == meaning


@given(st.binary() | JSON.map(lambda one: json.dumps(one).encode()))
def test_nonsense_is_nothing(data: bytes) -> None:
    assert parse(data) is None or isinstance(parse(data), Piece | Trouble)


@given(st.dictionaries(st.sampled_from(NAMES), JSON | st.binary().map(lambda one: base64.b64encode(one).decode())))
def test_familiar_names_with_strange_values_do_no_harm(message: dict[str, Any]) -> None:
    meaning = parse(json.dumps(message).encode())
    assert meaning is None or isinstance(meaning, Piece | Trouble)


@given(JSON, st.integers(min_value=100, max_value=599))
def test_any_refusal_has_words_without_the_key(body: object, status: int) -> None:
    assert str(status) in str(refusal(status, body))
    ended = SocketEnded("refused", status=status, body=json.dumps(body))
    assert str(broken(ended)).startswith("ElevenLabs: ")
    assert "sk_key" not in str(failure("sk_key is bad, sk_key", secret="sk_key"))
