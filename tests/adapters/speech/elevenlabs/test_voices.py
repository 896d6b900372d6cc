"""A voice that is named and not numbered: looked up once, through the vendor's own package."""

from __future__ import annotations

import json
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.adapters.speech.elevenlabs.kit import config, run, sound, told, voice_of, words
from tests.system.street import Done, voicecall
from voicecall.adapters.speech.elevenlabs import Misconfigured, open_synthesizer
from voicecall.adapters.speech.elevenlabs.voices import find_voice, match, name_of, open_client
from voicecall.testing.vendors.elevenlabs import ElevenLabs, Fault
from voicecall.testing.vendors.listening import open_vendor

SERENA = "pMsXgVXv3BLzUgSXRplE"
CROWD = {f"{index:020}": f"Voice {index}" for index in range(150)}
every_way = pytest.mark.parametrize("transport", ["http", "websocket"])


@every_way
@pytest.mark.parametrize("name", [{"voiceId": "serena"}, {"voice": "Serena - Pleasant"}, {"voice": SERENA}])
def test_a_voice_speaks_whose_name_is_given(transport: str, name: dict[str, str]) -> None:
    async def story() -> None:
        vendor = ElevenLabs()
        async with voice_of(vendor, transport=transport, **name) as synthesizer:
            for text in ("Hello there.", "Goodbye."):
                assert words(await sound(synthesizer, told(text))) == [text]
        assert vendor.count("voices") == (SERENA not in name.values())

    run(story)


def test_a_name_is_found_on_a_later_page() -> None:
    async def story() -> None:
        vendor = ElevenLabs(names={**CROWD, SERENA: "Serena"})
        async with open_vendor(vendor.app()) as url:
            keys = config(url, voice="SERENA").tts.providers.elevenlabs
            async with open_client(keys) as client:
                assert await find_voice(client, keys) == SERENA
                keys = config(url).tts.providers.elevenlabs
                assert await name_of(client, keys) == "Serena"
        assert vendor.count("voices") == 2

    run(story)


def test_a_whole_name_counts_before_a_beginning() -> None:
    names = [("Roger - Laid-Back", "a"), ("roger", "b"), ("Roger - Old", "c")]
    assert [match(name, names) for name in ("Roger", "Roger - old", " roger  - laid-back", "Rog")] == [
        "b",
        "c",
        "a",
        None,
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ({"voiceId": "Sirena"}, 'voiceId: the account has no voice "Sirena"; did you mean "Serena"?'),
        ({"voice": "Xyz"}, 'voice: the account has no voice "Xyz"; there are "Alba" or "Serena"'),
    ],
)
def test_a_name_that_nobody_has_is_answered_by_the_nearest(name: dict[str, str], words: str) -> None:
    async def story() -> None:
        vendor = ElevenLabs(names={SERENA: "Serena - Pleasant", "b" * 20: "Alba"})
        async with open_vendor(vendor.app()) as url:
            with pytest.raises(Misconfigured) as refused:
                async with open_synthesizer(config(url, **name).tts.providers.elevenlabs):
                    raise AssertionError("it must not open")
        assert str(refused.value) == f"tts.providers.elevenlabs.{words}"

    run(story)


def test_a_vendor_that_is_away_at_the_start_is_asked_again_by_the_next_utterance() -> None:
    async def story() -> None:
        vendor = ElevenLabs(faults=deque([Fault(kind="refuse", status=503, code="system_busy")]))
        async with voice_of(vendor, transport="websocket", voice="Serena") as synthesizer:
            assert vendor.count("voices") == 0
            assert words(await sound(synthesizer, told("Hello."))) == ["Hello."]
            assert vendor.count("voices") == 1

    run(story)


def test_a_server_says_which_voice_it_does_not_know(tmp_path: Path) -> None:
    done: list[Done] = []

    async def story() -> None:
        async with open_vendor(ElevenLabs().app()) as url:
            voice: dict[str, Any] = {"apiKey": "sk_simulated_elevenlabs", "baseUrl": url, "voice": "Sirena"}
            file = tmp_path / "voicecall.json5"
            tts = {"provider": "elevenlabs", "providers": {"elevenlabs": voice}}
            file.write_text(json.dumps({"tts": tts}))
            arguments = ["serve", "--port", "0", "--config", str(file), "--state", str(tmp_path / "state")]
            done.append(await trio.to_thread.run_sync(partial(voicecall, *arguments)))

    trio.run(story)
    assert done[0].code == 2
    assert 'did you mean "Serena"?' in done[0].err
