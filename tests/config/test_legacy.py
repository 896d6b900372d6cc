"""Older and newer shapes: what is written in them arrives where it belongs, with a notice that says where that is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.test_examples import look_up
from voicecall.config import ConfigError, parse
from voicecall.config.loading import understand

OPENAI = "streaming.providers.openai"


def notices(given: dict[str, Any]) -> list[str]:
    return [str(one) for one in understand(given, {}).notices]


@pytest.mark.parametrize(
    ("given", "path", "value"),
    [
        ({"provider": "log"}, "provider", "mock"),
        ({"twilio": {"from": "+15550001234"}}, "from_number", "+15550001234"),
        ({"streaming": {"sttProvider": "openai-realtime"}}, "streaming.provider", "openai"),
        ({"streaming": {"sttProvider": "elevenlabs"}}, "streaming.provider", "elevenlabs"),
        ({"streaming": {"openaiApiKey": "k"}}, f"{OPENAI}.api_key", "k"),
        ({"streaming": {"sttModel": "m"}}, f"{OPENAI}.model", "m"),
        ({"streaming": {"silenceDurationMs": 5}}, f"{OPENAI}.silence_duration_ms", 5),
        ({"streaming": {"vadThreshold": 0.1}}, f"{OPENAI}.vad_threshold", 0.1),
        ({"tts": {"openai": {"voice": "nova"}}}, "tts.providers.openai.voice", "nova"),
        ({"tts": {"elevenlabs": {"modelId": "m"}}}, "tts.providers.elevenlabs.model_id", "m"),
        ({"tts": {"edge": {"voice": "x"}}}, "tts.providers", {"edge": {"voice": "x"}}),
        ({"tts": {"microsoft": {"voice": "x"}}}, "tts.providers", {"microsoft": {"voice": "x"}}),
        ({"tts": {"voice": "nova"}}, "tts.providers.openai.voice", "nova"),
        ({"tts": {"model": "tts-1"}}, "tts.providers.openai.model", "tts-1"),
        ({"tts": {"instructions": "Softly."}}, "tts.providers.openai.instructions", "Softly."),
        (
            {"numbers": {"+15550001234": {"tts": {"openai": {"voice": "nova"}}}}},
            "numbers.+15550001234.tts",
            {"providers": {"openai": {"voice": "nova"}}},
        ),
        ({"realtime": {"agentContext": {"includeSystemPrompt": True}}}, "realtime.agent_context.enabled", False),
        ({"callbacks": {"enabled": True}}, "enabled", True),
        ({"voicemail": {"enabled": True}}, "enabled", True),
        ({"reports": {}}, "enabled", True),
        ({"live": {}}, "enabled", True),
    ],
)
def test_an_older_key_arrives_where_it_belongs_and_says_so_once(
    given: dict[str, Any], path: str, value: object
) -> None:
    loaded = understand(given, {})
    assert look_up(loaded.config, path) == value
    (notice,) = loaded.notices
    assert notice.message.startswith(f"{notice.path}: ")


def test_a_notice_names_both_places() -> None:
    assert notices({"twilio": {"from": "+15550001234"}}) == ["twilio.from: is now called fromNumber"]
    assert notices({"provider": "log"}) == ['provider: "log" is now called "mock"']
    whole = {"plugins": {"entries": {"voice-call": {"config": {"streaming": {"sttModel": "m"}}}}}}
    assert notices(whole) == [
        "plugins.entries.voice-call.config.streaming.sttModel: is now called streaming.providers.openai.model"
    ]


def test_the_canonical_key_wins_over_its_older_name() -> None:
    given = {"fromNumber": "+15550000001", "twilio": {"from": "+15550000002"}}
    assert parse(given, {}).from_number == "+15550000001"
    assert notices(given) == [
        "twilio.from: is now called fromNumber, which is set: twilio.from is not used",
    ]


def test_both_shapes_of_a_vendor_are_merged() -> None:
    given = {"tts": {"openai": {"voice": "nova", "model": "a"}, "providers": {"openai": {"model": "b"}}}}
    voice = parse(given, {}).tts.providers.openai
    assert (voice.voice, voice.model) == ("nova", "b")


@pytest.mark.parametrize(
    ("given", "path", "value"),
    [
        ({"openai": {"speakerVoice": "coral", "voice": "nova"}}, "openai.voice", "coral"),
        ({"openai": {"speakerVoiceId": "coral"}}, "openai.voice", "coral"),
        ({"elevenlabs": {"speakerVoiceId": "v"}}, "elevenlabs.voice_id", "v"),
        ({"elevenlabs": {"speakerVoice": "v", "speakerVoiceId": "w"}}, "elevenlabs.voice_id", "v"),
        ({"elevenlabs": {"model": "m"}}, "elevenlabs.model_id", "m"),
    ],
)
def test_newer_names_of_a_voice_are_as_good_as_ours(given: dict[str, Any], path: str, value: str) -> None:
    loaded = understand({"tts": {"providers": given}}, {})
    assert look_up(loaded.config, f"tts.providers.{path}") == value
    assert loaded.notices == ()


def test_a_newer_name_of_ours_wins_over_an_older_one_of_the_gateway() -> None:
    block = {"tts": {"providers": {"openai": {"speakerVoice": "coral"}}}}
    whole = {
        "messages": {"tts": {"openai": {"voice": "nova"}}},
        "plugins": {"entries": {"voice-call": {"config": block}}},
    }
    assert parse(whole, {}).tts.providers.openai.voice == "coral"


def test_a_mistake_is_named_by_the_key_that_was_written() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"streaming": {"silenceDurationMs": "x"}, "tts": {"openai": {"voice": 5}}, "twilio": {"from": "5"}}, {})
    assert str(caught.value).splitlines() == [
        'twilio.from: got "5": Expected E.164 format, e.g. +15550001234',
        'streaming.silenceDurationMs: got "x": expected a whole number of at least 1',
        "tts.openai.voice: got 5: expected a non-empty string",
    ]


@pytest.mark.parametrize(
    "given", [{"streaming": "x"}, {"tts": {"providers": []}}, {"tts": {"openai": "x"}}, {"tts": 1}]
)
def test_what_is_no_object_is_left_to_its_reader(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        parse(given, {})


def test_what_was_given_is_not_changed() -> None:
    given = {"tts": {"openai": {"voice": "nova"}}, "twilio": {"from": "+15550001234"}}
    parse(given, {})
    assert given == {"tts": {"openai": {"voice": "nova"}}, "twilio": {"from": "+15550001234"}}
