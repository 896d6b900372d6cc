"""A number's settings of voices, laid over the general ones."""

from __future__ import annotations

from typing import Any

from voicecall.config import Config, Secret, parse
from voicecall.config.voices import tts_for

US = "+15550001111"
GENERAL = {
    "provider": "elevenlabs",
    "timeoutMs": 5_000,
    "providers": {
        "openai": {"apiKey": "k", "voice": "coral", "new": 1},
        "elevenlabs": {"voiceId": "v", "voiceSettings": {"stability": 0.1, "speed": 1.5}},
    },
}


def config(**differs: Any) -> Config:
    return parse({"tts": GENERAL, "numbers": {US: {"tts": differs}}}, {})


def test_what_a_number_does_not_say_is_as_everywhere() -> None:
    both = config(provider="openai", providers={"openai": {"voice": "alloy"}})
    tts = tts_for(both, US)
    assert (tts.provider, tts.timeout_ms) == ("openai", 5_000)
    assert (tts.providers.openai.voice, tts.providers.openai.api_key) == ("alloy", Secret("k"))
    assert tts.providers.openai.others == {"new": 1}
    assert tts.providers.elevenlabs == both.tts.providers.elevenlabs
    assert both.tts.providers.openai.voice == "coral"


def test_objects_are_merged_at_every_depth_and_a_secret_stays_one() -> None:
    eleven = {"apiKey": "own", "voiceSettings": {"stability": 0.9}, "more": 2}
    tts = tts_for(config(providers={"elevenlabs": eleven}), US)
    voice = tts.providers.elevenlabs
    assert (voice.api_key, voice.voice_id) == (Secret("own"), "v")
    assert (voice.voice_settings.stability, voice.voice_settings.speed) == (0.9, 1.5)
    assert voice.others == {"more": 2}


def test_older_and_newer_names_mean_the_same_for_a_number() -> None:
    assert tts_for(config(openai={"speakerVoice": "alloy"}), US).providers.openai.voice == "alloy"
