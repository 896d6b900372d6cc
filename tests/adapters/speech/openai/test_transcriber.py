"""Hearing with OpenAI on real sockets: models that find the turns and models that do not."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.adapters.speech.openai.stage import Caller, hearing, listen, open_openai, play
from voicecall.adapters.speech.openai import open_transcriber
from voicecall.testing.vendors.openai_script import OpenAiScript

MODELS = ("gpt-transcribe", "gpt-4o-transcribe", "gpt-live-transcribe", "gpt-realtime-whisper")
every_model = pytest.mark.parametrize("model", MODELS)


def session(script: OpenAiScript) -> dict[str, Any]:
    """The session that was asked for."""
    return script.received[0]["session"]["audio"]["input"]


@every_model
@pytest.mark.parametrize("refuses_pcmu", [False, True], ids=["pcmu", "pcm"])
def test_every_word_is_heard_once_in_order_and_in_its_place(model: str, refuses_pcmu: bool) -> None:
    async def talk(caller: Caller) -> None:
        await caller.pause(700)
        await caller.say("Größer als 5 €? 你好! 🎂")
        await caller.pause(1_500)
        await caller.say("Good morning, this is Alex.")
        await caller.until_said(2)
        await caller.pause(3_000)
        await caller.say("Bye.")
        await caller.until_said(3)

    async def story() -> None:
        script = OpenAiScript(refuses_pcmu=refuses_pcmu)
        async with open_openai(script) as url:
            caller = await listen(hearing(url, script, model=model), talk)
        assert caller.said == ["Größer als 5 €? 你好! 🎂", "Good morning, this is Alex.", "Bye."]
        for said, (text, started, ended) in zip(caller.finals, caller.spoken, strict=True):
            assert (said.text, said.started_ms, said.ended_ms) == (
                text,
                pytest.approx(started, abs=150),
                pytest.approx(ended, abs=150),
            )
        formats = [one["session"]["audio"]["input"]["format"] for one in script.received if "session" in one]
        assert formats == [{"type": "audio/pcmu"}, *([{"type": "audio/pcm", "rate": 24_000}] if refuses_pcmu else [])]
        assert script.connections == 1

    play(story)


def test_the_first_words_are_told_of_before_the_last() -> None:
    async def talk(caller: Caller) -> None:
        await caller.pause(500)
        await caller.say("I would like to know whether Thursday at ten is still free, because I am in town then.")
        await caller.until_said(1)

    async def story() -> None:
        for model in ("gpt-transcribe", "gpt-live-transcribe"):
            script = OpenAiScript(recognition_s=0.3)
            async with open_openai(script) as url:
                caller = await listen(hearing(url, script, model=model), talk)
            (final,) = caller.said
            assert len(caller.partials) >= (3 if model == "gpt-live-transcribe" else 1)
            assert all(final.startswith(partial) for partial in caller.partials)
            deltas = [one for one in script.sent if one["type"].endswith("transcription.delta")]
            assert len(caller.partials) < len(deltas) / 2

    play(story)


def test_the_vendor_is_told_what_is_configured() -> None:
    async def quiet(caller: Caller) -> None:
        await caller.pause(300)

    async def asked(**settings: Any) -> dict[str, Any]:
        script = OpenAiScript()
        async with open_openai(script) as url:
            await listen(hearing(url, script, **settings), quiet)
        return session(script)

    async def story() -> None:
        words: dict[str, Any] = {"languages": ("de", "en"), "keywords": ("Acme", "Zürich")}
        vad = {"type": "server_vad", "threshold": 0.7, "prefix_padding_ms": 200, "silence_duration_ms": 450}
        told = await asked(model="gpt-transcribe", threshold=0.7, prefix_ms=200, silence_ms=450, **words)
        assert told["turn_detection"] == vad
        new = {"languages": ["de", "en"], "keywords": ["Acme", "Zürich"]}
        assert told["transcription"] == {"model": "gpt-transcribe", **new}
        told = await asked(model="gpt-live-transcribe", **words)
        assert told["turn_detection"] is None
        assert told["transcription"] == {"model": "gpt-live-transcribe", **new}
        told = await asked(model="gpt-4o-transcribe", **words)
        assert told["transcription"] == {"model": "gpt-4o-transcribe", "language": "de", "prompt": "Acme, Zürich"}
        told = await asked(model="gpt-realtime-whisper", **words)
        assert told["transcription"] == {"model": "gpt-realtime-whisper", "language": "de"}
        told = await asked(model="gpt-transcribe", server_vad=False)
        assert (told["turn_detection"], told["transcription"]) == (None, {"model": "gpt-transcribe"})

    play(story)


@every_model
def test_what_was_said_before_somebody_listened_is_heard(model: str) -> None:
    async def talk(caller: Caller) -> None:
        await caller.until_said(1)

    async def story() -> None:
        script = OpenAiScript()
        caller = Caller()
        await caller.pause(300)
        await caller.say("Alex speaking.")
        async with open_openai(script) as url:
            await listen(hearing(url, script, model=model), talk, caller=caller)
        assert caller.said == ["Alex speaking."]
        assert caller.finals[0].started_ms == pytest.approx(300, abs=150)

    play(story)


@every_model
def test_the_last_words_before_the_media_closes_are_heard(model: str) -> None:
    async def talk(caller: Caller) -> None:
        await caller.pause(300)
        await caller.say("I have to go.")

    async def story() -> None:
        script = OpenAiScript(recognition_s=0.4)
        async with open_openai(script) as url:
            caller = await listen(hearing(url, script, model=model), talk)
        assert caller.said == ["I have to go."]

    play(story)


@every_model
def test_a_carrier_that_sends_nothing_for_silence_is_understood(model: str) -> None:
    async def talk(caller: Caller) -> None:
        for text in ("Hello?", "Is anybody there?"):
            await caller.say(text)
            await caller.send_nothing(4_000)

    async def story() -> None:
        script = OpenAiScript()
        async with open_openai(script) as url:
            caller = await listen(hearing(url, script, model=model), talk)
        assert caller.said == ["Hello?", "Is anybody there?"]
        for said, (_, started, ended) in zip(caller.finals, caller.spoken, strict=True):
            assert said.started_ms == pytest.approx(started, abs=150)
            assert said.ended_ms == pytest.approx(ended, abs=150)

    play(story)


@every_model
def test_transcripts_that_come_out_of_order_are_reported_in_order(model: str) -> None:
    async def talk(caller: Caller) -> None:
        for text in ("One.", "Two.", "Three."):
            await caller.pause(900)
            await caller.say(text)
        await caller.until_said(3)

    async def story() -> None:
        script = OpenAiScript(backwards=3)
        async with open_openai(script) as url:
            caller = await listen(hearing(url, script, model=model), talk)
        completed = [one["transcript"] for one in script.sent if one["type"].endswith("transcription.completed")]
        assert completed == ["Three.", "Two.", "One."]
        assert caller.said == ["One.", "Two.", "Three."]

    play(story)


@every_model
def test_a_noise_without_words_is_not_reported(model: str) -> None:
    async def talk(caller: Caller) -> None:
        await caller.pause(500)
        await caller.cough()
        await caller.pause(2_000)
        await caller.say("Excuse me.")
        await caller.until_said(1)

    async def story() -> None:
        script = OpenAiScript()
        async with open_openai(script) as url:
            caller = await listen(hearing(url, script, model=model), talk)
        completed = [one["transcript"] for one in script.sent if one["type"].endswith("transcription.completed")]
        assert completed == ["", "Excuse me."]
        assert caller.said == ["Excuse me."]

    play(story)


def test_what_takes_pcm_is_remembered() -> None:
    async def talk(caller: Caller) -> None:
        await caller.say("Hello.")
        await caller.until_said(1)

    async def story() -> None:
        script = OpenAiScript(refuses_pcmu=True)
        async with open_openai(script) as url, open_transcriber(hearing(url, script)) as transcriber:
            for _ in range(2):
                caller = Caller()
                async with trio.open_nursery() as nursery, transcriber.listen(caller.tap) as speech:
                    nursery.start_soon(talk, caller)
                    async for event in speech:
                        caller.heard.append(event)
                        if caller.said:
                            break
                    nursery.cancel_scope.cancel()
        formats = [one["session"]["audio"]["input"]["format"]["type"] for one in script.received if "session" in one]
        assert formats == ["audio/pcmu", "audio/pcm", "audio/pcm"]

    play(story)
