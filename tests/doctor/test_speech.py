"""Keys of vendors, shown to simulated ones; voices by id and by name."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from quart_trio import QuartTrio

from tests.doctor.stage import Stage, play
from voicecall.testing.vendors.elevenlabs import KEY, ElevenLabs, Fault
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_models import add_models

OPENAI_KEY = "sk-right"
Story = Callable[[Stage, ElevenLabs], Awaitable[None]]


def play_speech(folder: Path, story: Story) -> None:
    """A stage whose calls are streamed, with OpenAI for everything and ElevenLabs' voice first."""

    async def staged(stage: Stage) -> None:
        app = QuartTrio("vendors")
        elevenlabs = ElevenLabs()
        elevenlabs.add_to(app)
        add_models(app, key=OPENAI_KEY)
        async with open_vendor(app) as url:
            openai = {"apiKey": OPENAI_KEY, "baseUrl": f"{url}/v1"}
            voice = {"apiKey": KEY, "baseUrl": url}
            stage.plain["streaming"] = {"enabled": True, "provider": "openai", "providers": {"openai": {**openai}}}
            stage.plain["tts"] = {"provider": "elevenlabs", "providers": {"openai": {**openai}, "elevenlabs": voice}}
            stage.plain["agent"] = {"provider": "openai", "providers": {"openai": {**openai}}}
            await story(stage, elevenlabs)

    play(folder, "twilio", staged)


def vendor(stage: Stage, section: str, name: str) -> dict[str, Any]:
    """The settings of one vendor, to be changed."""
    return stage.plain[section]["providers"][name]


def test_every_key_is_shown_to_its_vendor_once(tmp_path: Path) -> None:
    async def story(stage: Stage, elevenlabs: ElevenLabs) -> None:
        told = {one.id: one.message for one in await stage.findings()}
        assert await stage.complaints() == []
        assert told["openai"] == (
            "accepts tts.providers.openai.apiKey, streaming.providers.openai.apiKey, agent.providers.openai.apiKey for "
            "gpt-4o-mini-tts, gpt-4o-transcribe, gpt-4o-mini"
        )
        assert told["elevenlabs"].endswith("the voice pMsXgVXv3BLzUgSXRplE is called Serena - Pleasant")
        assert told["mode"].startswith("media streaming: openai listens, elevenlabs speaks; calls are in mode notify")
        vendor(stage, "tts", "elevenlabs")["voice"] = "serena"
        told = {one.id: one.message for one in await stage.findings()}
        assert told["elevenlabs"].endswith("the voice serena is pMsXgVXv3BLzUgSXRplE")

    play_speech(tmp_path, story)


def test_a_wrong_key_is_one_finding_that_does_not_hold_it(tmp_path: Path) -> None:
    async def story(stage: Stage, elevenlabs: ElevenLabs) -> None:
        for section in ("tts", "streaming", "agent"):
            vendor(stage, section, "openai")["apiKey"] = "sk-mistyped"
        (found,) = await stage.complaints()
        assert found.startswith("error openai: openai refuses tts.providers.openai.apiKey, streaming")
        assert "HTTP 401, invalid_api_key → set a key" in found
        assert "mistyped" not in found
        vendor(stage, "tts", "openai")["apiKey"] = OPENAI_KEY
        (found,) = await stage.complaints()
        assert found.startswith("error openai: openai refuses streaming.providers.openai.apiKey, agent.pro")

    play_speech(tmp_path, story)


def test_a_model_that_is_not_there_is_one_finding(tmp_path: Path) -> None:
    async def story(stage: Stage, elevenlabs: ElevenLabs) -> None:
        stage.plain["responseModel"] = "openai/gpt-9"
        (found,) = await stage.complaints()
        assert found.startswith("error openai: openai: this key has no model gpt-9 → see http")
        stage.plain["responseModel"] = "mine/gpt-9"
        stage.plain["agent"]["providers"]["mine"] = {"baseUrl": f"{elevenlabs_url(stage)}/v2"}
        (found,) = await stage.complaints()
        assert found.startswith("warn mine: mine: the key may not list models (HTTP 404)")

    play_speech(tmp_path, story)


def elevenlabs_url(stage: Stage) -> str:
    return str(vendor(stage, "tts", "elevenlabs")["baseUrl"])


def test_what_elevenlabs_refuses_is_one_finding(tmp_path: Path) -> None:
    async def story(stage: Stage, elevenlabs: ElevenLabs) -> None:
        voice = vendor(stage, "tts", "elevenlabs")
        voice["apiKey"] = "sk_mistyped"
        assert await stage.complaints() == [
            "error elevenlabs: ElevenLabs: 401 invalid_api_key: Invalid API key → check apiKey of the elevenlabs "
            "provider (or ELEVENLABS_API_KEY)"
        ]
        voice.update(apiKey=KEY, voiceId="n" * 20)
        (found,) = await stage.complaints()
        assert found.startswith("error elevenlabs: ElevenLabs: 404 voice_not_found: ")
        assert found.endswith("→ check tts.providers.elevenlabs.voiceId")
        voice["voice"] = "Sirena"
        assert await stage.complaints() == [
            'error elevenlabs: tts.providers.elevenlabs.voice: the account has no voice "Sirena" → did you mean '
            '"Serena"?'
        ]
        elevenlabs.faults = deque([Fault(kind="refuse", status=401, code="missing_permissions", message="no")])
        (found,) = await stage.complaints()
        assert found.startswith("warn elevenlabs: the key may not read voices")
        elevenlabs.faults = deque([Fault(kind="refuse", status=503, code="system_busy", message="later")])
        (found,) = await stage.complaints()
        assert found.startswith("warn elevenlabs: ElevenLabs: 503 system_busy: later → check the network")

    play_speech(tmp_path, story)


def test_without_a_voice_that_has_a_key_the_carrier_speaks(tmp_path: Path) -> None:
    async def story(stage: Stage, elevenlabs: ElevenLabs) -> None:
        stage.plain["tts"] = {}
        (found,) = await stage.complaints()
        assert found.startswith(
            "warn mode: media streaming, but no voice has a key: Twilio speaks with its own → set tts"
        )
        stage.plain["streaming"]["enabled"] = False
        told = {one.id: one.message for one in await stage.findings()}
        assert told["mode"].startswith("say and gather: streaming.enabled is false, so Twilio speaks and listens")

    play_speech(tmp_path, story)


def test_an_ear_of_elevenlabs_alone_is_asked_for_its_key(tmp_path: Path) -> None:
    async def story(stage: Stage, elevenlabs: ElevenLabs) -> None:
        url = elevenlabs_url(stage)
        ear = {"apiKey": "sk_mistyped", "baseUrl": url}
        stage.plain["streaming"] = {"enabled": True, "provider": "elevenlabs", "providers": {"elevenlabs": ear}}
        (found,) = await stage.complaints()
        assert found.startswith("error elevenlabs: ElevenLabs refuses streaming.providers.elevenlabs.apiKey: HTTP 401")

    play_speech(tmp_path, story)
