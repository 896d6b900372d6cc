"""Speaking through OpenAI's speech endpoint on real sockets."""

from __future__ import annotations

from contextlib import aclosing

import pytest
import trio
from openai.types.audio.speech_create_params import SpeechCreateParams
from pydantic import TypeAdapter

from tests.adapters.speech.openai.stage import as_far_as_it_goes, open_openai, open_voice, play, spoken, told, words
from voicecall.adapters.speech.openai import Speaking, open_synthesizer
from voicecall.adapters.speech.openai.fault import VendorFault
from voicecall.testing import voice
from voicecall.testing.vendors.openai_script import Fault, OpenAiScript

TEXT = "Größer als 5 €? Is Thursday at ten good for you?"


def test_every_word_is_in_the_sound_and_one_request_is_sent_for_each_clause() -> None:
    async def story() -> None:
        script = OpenAiScript()
        async with open_voice(script, instructions="Cheerfully.") as synthesizer:
            assert synthesizer.describe() == "OpenAI gpt-4o-mini-tts, voice alloy"
            sound = await spoken(synthesizer, TEXT, " ", "Fine.")
        assert words(sound) == [TEXT, "Fine."]
        expected = len(voice.say(TEXT)) + len(voice.say("Fine."))
        # The narrower band costs two milliseconds at each end of a clause.
        assert len(sound) == pytest.approx(expected, abs=2 * 2 * 4 * 8)
        assert [request["input"] for request in script.requests] == [TEXT, "Fine."]
        for request in script.requests:
            TypeAdapter(SpeechCreateParams).validate_python(request, strict=True)
            assert request | {"input": ""} == {
                "model": "gpt-4o-mini-tts",
                "voice": "alloy",
                "input": "",
                "instructions": "Cheerfully.",
                "response_format": "pcm",
            }

    play(story)


def test_sound_comes_before_the_vendor_has_finished_and_leaving_closes_the_connection() -> None:
    async def story() -> None:
        script = OpenAiScript()
        script.faults.append("stall")
        async with open_openai(script) as url:
            settings = Speaking(api_key=script.api_key, base_url=url, timeout_s=500)
            async with (
                open_synthesizer(settings) as synthesizer,
                aclosing(told([TEXT])) as clauses,
                synthesizer.speak(clauses) as pieces,
            ):
                first = await anext(pieces.__aiter__())
                assert 0 < len(first) < len(voice.say(TEXT)) / 2
            # The next utterance works; the one that was left is not waited for.
            async with open_synthesizer(settings) as synthesizer:
                assert words(await spoken(synthesizer, "Fine.")) == ["Fine."]

    play(story)


def test_connections_are_used_again() -> None:
    async def story() -> None:
        script = OpenAiScript()
        async with open_voice(script) as synthesizer:
            for _ in range(3):
                await spoken(synthesizer, "Hello.")
                await trio.sleep(20)
        assert len(script.peers) == 1

    play(story)


@pytest.mark.parametrize(
    ("fault", "text", "final"),
    [
        ("400", "OpenAI speech: 400 Invalid value.", True),
        ("401", "OpenAI speech: 401 Incorrect API key provided: [secret].", True),
        ("429", "OpenAI speech: 429 Rate limit reached. Please try again later.", False),
        ("500", "OpenAI speech: 500 The server had an error. Sorry about that!", False),
    ],
)
def test_a_refusal_is_quoted_without_the_key_and_not_repeated(fault: Fault, text: str, final: bool) -> None:
    async def story() -> None:
        script = OpenAiScript()
        script.faults.append(fault)
        async with open_voice(script) as synthesizer:
            with pytest.raises(VendorFault) as caught:
                await spoken(synthesizer, "Hello.")
            assert (str(caught.value), caught.value.status, caught.value.final) == (text, int(fault), final)
            assert len(script.requests) == 1
            assert words(await spoken(synthesizer, "Hello.")) == ["Hello."]

    play(story)


def test_a_model_that_the_endpoint_does_not_know() -> None:
    async def story() -> None:
        async with open_voice(OpenAiScript(), model="gpt-5-talk") as synthesizer:
            with pytest.raises(VendorFault, match="OpenAI speech: 404 The model does not exist"):
                await spoken(synthesizer, "Hello.")

    play(story)


@pytest.mark.parametrize(
    ("fault", "text"),
    [("cut", "OpenAI speech: RemoteProtocolError: "), ("stall", "OpenAI speech: no answer within 8 s")],
)
def test_a_sound_that_breaks_off_is_given_as_far_as_it_goes(fault: Fault, text: str) -> None:
    async def story() -> None:
        script = OpenAiScript()
        script.faults.append(fault)
        async with open_voice(script, timeout_s=8) as synthesizer:
            sound, failure = await as_far_as_it_goes(synthesizer, TEXT)
        assert str(failure).startswith(text)
        assert len(voice.say(TEXT)) / 3 < len(sound) < len(voice.say(TEXT))

    play(story)


def test_a_vendor_that_is_not_there_is_named() -> None:
    async def story() -> None:
        async with open_synthesizer(Speaking(api_key="k", base_url="http://127.0.0.1:1/v1")) as synthesizer:
            with pytest.raises(VendorFault, match="OpenAI speech: ConnectError: "):
                await spoken(synthesizer, "Hello.")

    play(story)


def test_an_answer_without_sound_is_a_fault() -> None:
    async def story() -> None:
        script = OpenAiScript()
        script.faults.append("silent")
        async with open_voice(script) as synthesizer:
            with pytest.raises(VendorFault, match="there was no sound in the answer"):
                await spoken(synthesizer, "Hello.")

    play(story)
