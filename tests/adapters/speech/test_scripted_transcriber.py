"""A transcriber of simulated people: it hears their words in their voice, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import pairwise

import numpy as np
import pytest
import trio
import trio.testing
from attrs import define, field

from voicecall.adapters.speech.scripted import ScriptedTranscriber
from voicecall.audio.babble import say_ulaw
from voicecall.audio.g711 import ulaw_encode
from voicecall.audio.tap import Tap
from voicecall.events.facts import CallerHeard, CallerSaid
from voicecall.ports import CallerSpeech
from voicecall.testing.voice import SILENCE, beep, say

FRAME_S = 0.02
QUESTION = "Is there any way that you could come on Thursday instead?"


@define
class Listener:
    """A tap with a transcriber on it; ``told`` is what it reports, and when."""

    tap: Tap = field(factory=Tap)
    told: list[tuple[float, CallerSpeech]] = field(factory=list)
    done: bool = False

    async def listen(self, transcriber: ScriptedTranscriber) -> None:
        async with transcriber.listen(self.tap) as speech:
            async for event in speech:
                self.told.append((trio.current_time(), event))
        self.done = True

    async def hear(self, sound: bytes) -> None:
        """20 ms at a time, each when it is over."""
        for start in range(0, len(sound), 160):
            await trio.sleep(FRAME_S)
            self.tap.pour(sound[start : start + 160])

    @property
    def said(self) -> list[CallerSaid]:
        return [event for _, event in self.told if isinstance(event, CallerSaid)]


def play(story: Callable[[Listener], Awaitable[None]], *, recognition_ms: int = 100) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            listener = Listener()
            nursery.start_soon(listener.listen, ScriptedTranscriber(recognition_ms=recognition_ms))
            await story(listener)
            listener.tap.close()
            await trio.testing.wait_all_tasks_blocked()
            assert listener.done

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def quiet(ms: int) -> bytes:
    return SILENCE * (8 * ms)


@pytest.mark.parametrize("recognition_ms", [0, 100, 400])
def test_a_question_is_reported_after_it_was_asked(recognition_ms: int) -> None:
    async def story(listener: Listener) -> None:
        await listener.hear(quiet(1_000) + say(QUESTION))
        over = trio.current_time()
        await listener.hear(quiet(1_000))
        (said,) = listener.said
        assert said.text == QUESTION
        assert said.started_ms == pytest.approx(1_000, abs=30)
        assert said.ended_ms == pytest.approx(over * 1_000, abs=40)
        # Sound is drained 100 ms at a time.
        assert listener.told[-1][0] - over == pytest.approx(max(recognition_ms / 1_000, 0.05), abs=0.08)

    play(story, recognition_ms=recognition_ms)


def test_whole_words_are_reported_while_they_are_said_at_most_twice_a_second() -> None:
    async def story(listener: Listener) -> None:
        await listener.hear(say(QUESTION) + quiet(500))
        partials = [(at, event.text) for at, event in listener.told if isinstance(event, CallerHeard)]
        times = [at for at, _ in partials]
        assert min(after - before for before, after in pairwise(times)) >= 0.5
        assert 4 <= len(partials) <= 8
        words = QUESTION.split()
        heard = [text.split() for _, text in partials]
        assert all(one == words[: len(one)] for one in heard)
        assert sorted({len(one) for one in heard}) == [len(one) for one in heard]
        assert len(heard[-1]) < len(words)

    play(story)


def test_one_utterance_after_another_without_silence_in_between() -> None:
    async def story(listener: Listener) -> None:
        await listener.hear(say("Hello?") + say("Hello?") + quiet(200) + say("Anybody there?") + quiet(500))
        assert [said.text for said in listener.said] == ["Hello?", "Hello?", "Anybody there?"]
        ends = [said.ended_ms for said in listener.said]
        assert ends == pytest.approx([330, 690, 1_730], abs=60)

    play(story)


def test_where_silence_is_not_sent_the_times_are_right_all_the_same() -> None:
    async def story(listener: Listener) -> None:
        for text in ("Hello?", QUESTION):
            await trio.sleep(10)
            await listener.hear(say(text)[:-160])
            await trio.sleep(0.06)
            listener.tap.lull()
        await trio.sleep(1)
        assert [said.text for said in listener.said] == ["Hello?", QUESTION]
        assert [said.started_ms for said in listener.said] == pytest.approx([10_000, 20_400], abs=50)

    play(story)


def test_last_words_are_reported_at_once_when_the_media_closes() -> None:
    async def story(listener: Listener) -> None:
        await listener.hear(say("Good bye."))
        listener.tap.close()
        await trio.testing.wait_all_tasks_blocked()
        assert [said.text for said in listener.said] == ["Good bye."]

    play(story, recognition_ms=5_000)


def test_what_was_said_before_it_listened_is_heard() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            listener = Listener()
            await listener.hear(quiet(20_000) + say(QUESTION) + quiet(500))
            nursery.start_soon(listener.listen, ScriptedTranscriber())
            await trio.sleep(1)
            (said,) = listener.said
            assert said.text == QUESTION
            assert said.started_ms == pytest.approx(20_000, abs=30)
            listener.tap.close()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    "sound",
    [
        say_ulaw("This is another voice, and a longer sentence."),
        beep(3_000),
        ulaw_encode(np.random.default_rng(1).normal(0, 3_000, 40_000).astype(np.int16)),
        say("   "),
        say(QUESTION)[: 8 * 1_700],
    ],
    ids=["another voice", "a beep", "noise", "nothing at all", "half a question"],
)
def test_what_holds_no_words_is_not_reported(sound: bytes) -> None:
    async def story(listener: Listener) -> None:
        await listener.hear(sound + quiet(500))
        assert listener.said == []

    play(story)
