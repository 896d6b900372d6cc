"""Speaking through OpenAI's Realtime sockets: read aloud exactly, cut off at once, reported when reworded."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
import trio

from tests.adapters.speech.openai.stage import open_voice, play, spoken, told, words
from voicecall.adapters.speech.openai.fault import VendorFault
from voicecall.adapters.speech.openai.realtime_voice import RealtimeVoice
from voicecall.ports import Wording
from voicecall.testing import voice
from voicecall.testing.vendors.openai_script import Fault, OpenAiScript

MODEL = "gpt-realtime-2.1-mini"
TEXT = "Größer als 5 €? Is Thursday at ten good for you?"


def sent(script: OpenAiScript, kind: str) -> list[dict[str, Any]]:
    """The messages of one type that the vendor got."""
    return [one for one in script.received if one["type"] == kind]


def test_every_word_is_in_the_sound_and_each_clause_is_read_outside_of_any_conversation() -> None:
    async def story() -> None:
        script = OpenAiScript()
        async with open_voice(script, model=MODEL, voice="marin", instructions="Cheerfully.") as synthesizer:
            assert synthesizer.describe() == "OpenAI gpt-realtime-2.1-mini, voice marin"
            sound = await spoken(synthesizer, TEXT, " ", "Fine.")
        # The sound is passed on as it comes.
        assert sound == voice.say(TEXT) + voice.say("Fine.")
        asked = [one["response"] for one in sent(script, "response.create")]
        assert [one["input"][0]["content"][0]["text"] for one in asked] == [TEXT, "Fine."]
        assert {one["conversation"] for one in asked} == {"none"}
        assert {one["instructions"].endswith("Cheerfully.") for one in asked} == {True}
        output = {"format": {"type": "audio/pcmu"}, "voice": "marin"}
        assert [one["audio"]["output"] for one in asked] == [output, output]
        (update,) = sent(script, "session.update")
        assert update["session"]["audio"] == {"input": {"turn_detection": None}, "output": output}

    play(story)


def test_the_voice_that_is_asked_for_need_not_have_the_name_of_a_realtime_model() -> None:
    async def story() -> None:
        script = OpenAiScript()
        async with open_voice(script, model="house-voice", realtime=True) as synthesizer:
            assert words(await spoken(synthesizer, "Hello.")) == ["Hello."]
        assert (script.connections, script.requests) == (1, [])

    play(story)


def test_one_socket_serves_one_utterance_after_another_and_two_serve_two_at_a_time() -> None:
    async def story() -> None:
        script = OpenAiScript(first_sound_s=0.5)
        async with open_voice(script, model=MODEL) as synthesizer:
            for _ in range(3):
                await spoken(synthesizer, "Hello.")
            assert script.connections == 1
            sounds: dict[str, bytes] = {}

            async def speak(text: str) -> None:
                sounds[text] = await spoken(synthesizer, text)

            async with trio.open_nursery() as nursery:
                for text in ("One.", "Two."):
                    nursery.start_soon(speak, text)
            assert {text: words(sound) for text, sound in sounds.items()} == {"One.": ["One."], "Two.": ["Two."]}
            assert script.connections == 2

    play(story)


@pytest.mark.parametrize("first_sound_s", [0.0, 2.0], ids=["while it speaks", "before it speaks"])
def test_a_barge_in_cancels_the_response_and_the_next_utterance_is_not_disturbed(first_sound_s: float) -> None:
    async def story() -> None:
        script = OpenAiScript(first_sound_s=first_sound_s)
        async with open_voice(script, model=MODEL) as synthesizer:
            await spoken(synthesizer, "Hello.")
            script.first_sound_s = max(first_sound_s, 0.01)
            with trio.move_on_after(first_sound_s / 2 or 1) as interruption:
                async with aclosing(told([TEXT * 20])) as clauses, synthesizer.speak(clauses) as pieces:
                    async for _ in pieces:
                        break
                    else:
                        raise AssertionError("nothing was said")
            assert interruption.cancelled_caught == (first_sound_s > 0)
            assert words(await spoken(synthesizer, "Fine.")) == ["Fine."]
            await trio.sleep(5)
            statuses = [one["response"]["status"] for one in script.sent if one["type"] == "response.done"]
            assert sorted(statuses) == ["cancelled", "completed", "completed"]
            assert len(sent(script, "response.cancel")) == 1
            # The socket that has not confirmed yet is not waited for, and is used again when it has.
            assert script.connections == 2
            async with trio.open_nursery() as nursery:
                for text in ("One.", "Two."):
                    nursery.start_soon(spoken, synthesizer, text)
            assert script.connections == 2

    play(story)


def test_a_socket_on_which_a_cancellation_is_never_confirmed_is_given_up() -> None:
    async def story() -> None:
        script = OpenAiScript()
        script.faults.append("stall")
        async with open_voice(script, model=MODEL) as synthesizer:
            async with aclosing(told([TEXT])) as clauses, synthesizer.speak(clauses) as pieces:
                async for _ in pieces:
                    break
            for _ in range(2):
                await trio.sleep(1.5)
                assert words(await spoken(synthesizer, "Fine.")) == ["Fine."]
            await trio.sleep(1)
            assert (script.connections, script.open_now) == (2, 1)

    play(story)


def test_a_rewording_is_said_and_then_told() -> None:
    async def story() -> None:
        script = OpenAiScript(rewords={"At ten.": "Sure! At ten o'clock.", "Größer, ja?": "größer ja"})
        async with open_voice(script, model=MODEL) as synthesizer:
            async with aclosing(told(["At ten.", "Goodbye."])) as clauses, synthesizer.speak(clauses) as pieces:
                given = [piece async for piece in pieces]
            assert given.pop() == Wording(text="Sure! At ten o'clock. Goodbye.")
            sound = b"".join(piece for piece in given if not isinstance(piece, Wording))
            assert words(sound) == ["Sure! At ten o'clock.", "Goodbye."]
            # Capitals and pauses are no words.
            async with aclosing(told(["Größer, ja?"])) as clauses, synthesizer.speak(clauses) as pieces:
                given = [piece async for piece in pieces]
            assert not any(isinstance(piece, Wording) for piece in given)

    play(story)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("401", "refused: 401 "),
        ("429", "refused: 429 "),
        ("500", "refused: 500 "),
        ("refused", "OpenAI refuses the session: invalid_request_error: Invalid voice."),
        ("cut", "the vendor closed the socket: 1011"),
        ("stall", "OpenAI: no sound within 8 s"),
        ("failed", "OpenAI: the answer is failed: overloaded: Try again later."),
        ("error", "OpenAI: server_error: The server had an error."),
        ("nonsense", "OpenAI sent a message that makes no sense"),
        ("silent", "OpenAI: there was no sound in the answer"),
        ("expired", "OpenAI: the session has reached its limit"),
    ],
)
def test_a_fault_is_named_and_the_next_utterance_is_spoken(fault: Fault, text: str) -> None:
    async def story() -> None:
        script = OpenAiScript()
        script.faults.append(fault)
        async with open_voice(script, model=MODEL, timeout_s=8) as synthesizer:
            with pytest.raises(VendorFault) as caught:
                await spoken(synthesizer, TEXT)
            assert text in str(caught.value)
            assert "sk-" not in str(caught.value)
            assert words(await spoken(synthesizer, "Fine.")) == ["Fine."]

    play(story)


def test_an_old_socket_begins_no_utterance() -> None:
    async def story() -> None:
        script = OpenAiScript()
        async with open_voice(script, model=MODEL) as synthesizer:
            await spoken(synthesizer, "Hello.")
            assert isinstance(synthesizer, RealtimeVoice)
            (line,) = synthesizer.idle
            line.opened -= 54 * 60
            await spoken(synthesizer, "Hello.")
            assert script.connections == 1
            line.opened -= 2 * 60
            await spoken(synthesizer, "Hello.")
            assert script.connections == 2

    play(story)
