"""Listening by document: words and keys, prompts cut by either, silence, and what was said before anybody listened."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.testing.desk import HOME, Desk, play
from voicecall.testing.voice import say

HEARD = "/heard"
BYE = "<End/>"


def wait(ms: int) -> dict[str, Any]:
    return {"do": "wait", "ms": ms}


def speak(text: str) -> dict[str, Any]:
    return {"do": "say", "text": text}


def listen(more: str = "", inner: str = "") -> str:
    wanted = "" if "for=" in more else "for='speech keys'"
    return f"<Listen action='{HEARD}' {wanted} {more}>{inner}</Listen><Keys digits='9'/>"


def test_words_are_told_and_a_prompt_is_cut_by_them() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(["answer", wait(2_000), speak("I would like a table.")], flow=f"{HOME}/answer")
        call = await desk.over()
        (heard,) = desk.told(HEARD)
        assert (heard["kind"], heard["speech"], heard["keys"]) == ("speech", "I would like a table.", "")
        (prompt,) = call["carrierSaid"]
        (said,) = call["said"]
        assert (prompt["whole"], prompt["endMs"]) == (False, pytest.approx(said["startMs"], abs=100))
        asked_at = next(at for at, path, _ in desk.asked if path == HEARD)
        answered_at = desk.asked[0][0]
        assert asked_at - answered_at == pytest.approx((said["endMs"] + 200) / 1000, abs=0.15)
        assert call["keysHeard"] == ""

    long = "<Say>Welcome to our restaurant, how may we help you on this beautiful evening?</Say>"
    play(story, answer=listen(inner=long), heard=BYE)


def test_an_utterance_goes_on_after_a_pause_that_is_shorter_than_the_patience() -> None:
    async def story(desk: Desk) -> None:
        steps = ["answer", wait(1_000), speak("A table"), wait(500), speak("for two."), "staySilent"]
        await desk.dial(steps, flow=f"{HOME}/answer")
        await desk.over()
        assert [one["speech"] for one in desk.told(HEARD)] == ["A table for two."]

    play(story, answer=listen("end='2'"), heard=BYE)


def test_keys_end_with_the_finish_key_the_last_of_many_or_a_pause() -> None:
    async def story(desk: Desk) -> None:
        for fragment, digits, keys in (("", "12#3", "12"), ("most='3'", "1234", "123"), ("finish=''", "1#", "1#")):
            desk.pages["/answer"] = listen(fragment)
            before = len(desk.told(HEARD))
            await desk.dial(["answer", wait(500), {"do": "press", "digits": digits}], flow=f"{HOME}/answer")
            await trio.sleep(20)
            assert [(one["kind"], one["keys"]) for one in desk.told(HEARD)[before:]] == [("keys", keys)]

    play(story, heard=BYE)


@pytest.mark.parametrize(("more", "asked", "keys"), [("", 0, "9"), ("empty='true'", 1, "")])
def test_silence_goes_on_with_the_next_verb_unless_it_is_to_be_told(more: str, asked: int, keys: str) -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(["answer", "staySilent"], flow=f"{HOME}/answer")
        call = await desk.over()
        assert [one["kind"] for one in desk.told(HEARD)] == ["nothing"] * asked
        assert call["keysHeard"] == keys
        # The patience begins after the prompt.
        (prompt,) = call["carrierSaid"]
        waited = next(one["atMs"] for one in reversed(call["timeline"]) if one["what"] in ("flow", "heard keys 9"))
        begin = next(one["atMs"] for one in call["timeline"] if one["what"] == "flow")
        assert waited - begin == pytest.approx(prompt["endMs"] + 4_000, abs=200)

    play(story, answer=listen(f"begin='4' {more}", "<Say>Anybody there?</Say>"), heard=BYE)


def test_of_an_utterance_under_way_only_the_rest_is_heard() -> None:
    text = "These words come much too early but these ones count"

    async def story(desk: Desk) -> None:
        await desk.dial(["answer", speak(text)], flow=f"{HOME}/answer")
        await desk.over()
        (heard,) = desk.told(HEARD)
        assert text.endswith(heard["speech"])
        missed = len(text.split()) - len(heard["speech"].split())
        assert missed == pytest.approx(len(text.split()) * 1_000 / (len(say(text)) / 8), abs=1)
        assert missed >= 2

    play(story, answer="<Pause length='2'/>" + listen(), heard=BYE)


def test_what_was_all_said_before_is_not_heard() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(["answer", speak("Hi.")], flow=f"{HOME}/answer")
        call = await desk.over()
        assert (desk.told(HEARD), call["keysHeard"]) == ([], "9")

    play(story, answer="<Pause length='4'/>" + listen(), heard=BYE)


def test_only_what_is_wanted_counts() -> None:
    async def story(desk: Desk) -> None:
        steps = ["answer", wait(500), speak("Seven."), {"do": "press", "digits": "7"}, "staySilent"]
        for wanted, result in (("keys", ("keys", "", "7")), ("speech", ("speech", "Seven.", ""))):
            desk.pages["/answer"] = listen(f"for='{wanted}'")
            before = len(desk.told(HEARD))
            await desk.dial(steps, flow=f"{HOME}/answer")
            await trio.sleep(20)
            (told,) = desk.told(HEARD)[before:]
            assert (told["kind"], told["speech"], told["keys"]) == result

    play(story, heard=BYE)


def test_partial_results_are_told_while_the_person_speaks() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(["answer", wait(500), speak("One two three four.")], flow=f"{HOME}/answer")
        await desk.over()
        assert [(one["text"], one["number"]) for one in desk.told("/partial")] == [("One two", 0)]
        assert desk.paths() == ["/answer", "/partial", HEARD]

    play(story, answer=listen("partial='/partial'"), heard=BYE)


def test_a_result_that_is_only_reported_does_not_change_the_document() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(["answer", wait(500), speak("Yes.")], flow=f"{HOME}/answer")
        call = await desk.over()
        assert [one["speech"] for one in desk.told(HEARD)] == ["Yes."]
        assert (call["keysHeard"], call["reason"]) == ("9", "completed")

    play(story, answer=listen("follow='false'"), heard="<Say>Never said.</Say>")


def test_a_person_who_hangs_up_while_asked_leaves_no_answer() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(["answer", wait(800), {"do": "press", "digits": "1"}, "hangUp"], flow=f"{HOME}/answer")
        call = await desk.over()
        assert (call["reason"], desk.paths()) == ("hangup-user", ["/answer"])

    play(story, answer=listen(), heard=BYE)
