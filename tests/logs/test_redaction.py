"""What no log may hold, and what it must go on holding."""

from __future__ import annotations

from typing import Any

import pytest

from voicecall.config import Secret, parse
from voicecall.config.secret import MASK
from voicecall.logs.redaction import NUMBER, Redaction, secrets_of


def shown(redaction: Redaction | None = None, **message: object) -> dict[str, Any]:
    return dict((redaction or Redaction())(None, "info", message))


@pytest.mark.parametrize(
    "number",
    [
        "+15550001234",
        "+1 555 000 1234",
        "+1 (555) 000-1234",
        "+44.20.7946.0958",
        "%2B15550001234",
        "15550001234",
        "tel:5550001234",
        "sip:5550123@example.com",
    ],
)
def test_telephone_numbers_are_taken_out(number: str) -> None:
    told = shown(event=f"somebody ({number}) has called, again {number}.")["event"]
    assert NUMBER in told
    assert not [digits for digits in ("555", "7946") if digits in told]


@pytest.mark.parametrize(
    "text",
    [
        "69d5f3df-3ff2-5a7d-9a20-123456789012",  # a call
        "CA0123456789abcdef0123456789abcdef",
        "2026-11-25T15:47:35.378933Z",
        "http://127.0.0.1:34901/voice/webhook",
        "call.py:247",
        "took 12.3456789012 ms",
        "position 123456789",
        "sha256:0123456789012345",
    ],
)
def test_what_only_looks_a_little_like_one_stays(text: str) -> None:
    assert shown(event=text)["event"] == text


def test_secrets_are_taken_out_however_they_are_quoted() -> None:
    redaction = Redaction()
    redaction.learn(["s3cret/value+", "s3cret/value+longer", "abc"])
    told = shown(redaction, event="key s3cret/value+longer", why="?key=s3cret%2Fvalue%2B&x=abc")
    assert told == {"event": f"key {MASK}", "why": f"?key={MASK}&x=abc"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Authorization: Bearer sk-abcdefgh12345", f"Authorization: Bearer {MASK}"),
        ("basic QUNhYmM6dG9rZW4=", f"basic {MASK}"),
        ("https://user:pass@example.com/x", f"https://{MASK}@example.com/x"),
        ("wss://example.com/voice/stream?token=abc.def&x=1", f"wss://example.com/voice/stream?token={MASK}&x=1"),
        ("?api_key=abc", f"?api_key={MASK}"),
        ("the basics of it", "the basics of it"),
    ],
)
def test_credentials_are_known_by_their_form(text: str, told: str) -> None:
    assert shown(event=text)["event"] == told


def test_everything_inside_is_looked_through_and_becomes_plain() -> None:
    told = shown(
        event="request failed",
        headers={"authorization": "anything", "host": "+15550001234.example", "n": 7, "+15550001234": None},
        peers=("+15550001234", 15550001234, True, Secret("hush hush"), b"+15550001234"),
        error=ValueError("+15550001234 said so"),
    )
    assert told == {
        "event": "request failed",
        "headers": {"authorization": MASK, "host": f"{NUMBER}.example", "n": 7, NUMBER: None},
        "peers": [NUMBER, 15550001234, True, MASK, f"b'{NUMBER}'"],
        "error": "ValueError",
    }


def test_what_is_said_is_told_only_where_it_is_asked_for() -> None:
    assert shown(event="we say", text="My number is +15550001234") == {"event": "we say", "text": "(25 characters)"}
    told = shown(Redaction(transcripts=True), event="we say", text="My number is +15550001234")
    assert told["text"] == f"My number is {NUMBER}"


def test_every_secret_of_a_configuration_is_known() -> None:
    config = parse(
        {
            "provider": "twilio",
            "fromNumber": "+15550000000",
            "publicUrl": "https://phone.example",
            "twilio": {"accountSid": "AC" + "0" * 32, "authToken": "secret-1"},
            "telnyx": {"apiKey": "secret-2"},
            "tunnel": {"ngrokAuthToken": "secret-3"},
            "tts": {
                "providers": {"elevenlabs": {"apiKey": "secret-4"}, "another": {"apiKey": "secret-5", "voice": "v"}}
            },
            "agent": {"providers": {"openrouter": {"baseUrl": "https://o.example", "apiKey": "secret-6"}}},
            "numbers": {"+15550000001": {"tts": {"providers": {"openai": {"apiKey": "secret-7"}}}}},
            "rpc": {"token": "secret-8"},
        },
        {"OPENAI_API_KEY": "secret-9"},
    )
    assert set(secrets_of(config)) == {f"secret-{number}" for number in range(1, 10)}
