"""The voices of a configuration, with simulated vendors that fail, on real sockets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.speech.elevenlabs.kit import run, told, words
from tests.adapters.speech.test_chain import Heard
from voicecall.config import parse
from voicecall.events.facts import VendorReported
from voicecall.fault import Caught
from voicecall.talking import voice_of
from voicecall.testing.vendors.elevenlabs import KEY, ElevenLabs
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_script import Fault, OpenAiScript
from voicecall.testing.vendors.openai_voice import voice_app

TEXT = "This is said by somebody."
CARRIER = {
    "provider": "plivo",
    "fromNumber": "+15550000000",
    "plivo": {"authId": "MA0", "authToken": "t0"},
}


async def say(script: OpenAiScript, vendor: ElevenLabs, **tts: Any) -> Heard:
    """One utterance of a system that has keys for both."""
    heard = Heard()
    async with open_vendor(voice_app(script)) as openai_url, open_vendor(vendor.app()) as elevenlabs_url:
        openai = {"apiKey": script.api_key, "baseUrl": f"{openai_url}/v1"}
        elevenlabs = {"apiKey": KEY, "baseUrl": elevenlabs_url}
        config = parse({**CARRIER, "tts": {"providers": {"openai": openai, "elevenlabs": elevenlabs}, **tts}}, {})
        with Caught() as caught:
            async with voice_of(config) as voice, voice.speak(told(TEXT)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, VendorReported):
                        heard.steps.append((piece.status, piece.code))
                    elif isinstance(piece, bytes):
                        heard.sound += piece
    heard.error = "" if caught.error is None else str(caught.error)
    return heard


@pytest.mark.parametrize("fault", ["401", "429", "500", "silent", "slow"])
def test_elevenlabs_speaks_when_openai_cannot_begin(fault: Fault) -> None:
    async def story() -> None:
        script, vendor = OpenAiScript(), ElevenLabs()
        if fault == "slow":
            script.first_sound_s = 60.0
        else:
            script.faults.append(fault)
        heard = await say(script, vendor)
        assert (heard.steps, heard.error) == ([("voice failed", "openai")], "")
        assert words(heard.sound) == [TEXT]

    run(story)


def test_the_chosen_voice_is_asked_first_and_edge_is_skipped() -> None:
    async def story() -> None:
        for provider, spoken in (("elevenlabs", 1), ("edge", 1)):
            script, vendor = OpenAiScript(), ElevenLabs()
            heard = await say(script, vendor, provider=provider)
            assert (words(heard.sound), heard.steps) == ([TEXT], [])
            assert len(vendor.spoken) + len(script.requests) == spoken
            assert bool(vendor.spoken) is (provider == "elevenlabs")

    run(story)


def test_when_both_fail_every_reason_is_told() -> None:
    async def story() -> None:
        script, vendor = OpenAiScript(), ElevenLabs(voices=("another",))
        script.faults.append("401")
        heard = await say(script, vendor)
        assert heard.sound == b""
        assert heard.error.startswith("TTS conversion failed: openai: VendorFault: OpenAI speech: 401")
        assert "; elevenlabs: " in heard.error
        assert heard.error.endswith("; edge: unsupported for telephony")

    run(story)


def test_without_a_key_a_real_carriers_own_voice_is_left_to_speak() -> None:
    async def story() -> None:
        async with voice_of(parse(CARRIER, {})) as voice:
            assert voice.describe() == "no voice of ours"
        async with voice_of(parse({**CARRIER, "tts": {"provider": "offline"}}, {})) as voice:
            assert voice.describe() != "no voice of ours"
        async with voice_of(parse({}, {})) as voice:
            assert voice.describe() != "no voice of ours"

    run(story)
