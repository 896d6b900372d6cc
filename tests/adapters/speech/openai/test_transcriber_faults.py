"""Hearing with OpenAI when the vendor refuses, breaks off, falls silent or has had enough."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import trio

from tests.adapters.speech.openai.stage import Caller, hearing, listen, open_openai, play
from voicecall.adapters.speech.openai import transcriber
from voicecall.adapters.speech.openai.fault import VendorFault
from voicecall.testing.vendors.openai_script import Fault, OpenAiScript

MODELS = ("gpt-transcribe", "gpt-live-transcribe")
every_model = pytest.mark.parametrize("model", MODELS)
FAULTS = ("429", "500", "cut", "late cut", "stall", "expired", "failed", "nonsense", "forgotten")
TEXTS = ["I would like to come on Thursday, at ten.", "Does that suit you?"]


async def conversation(caller: Caller) -> None:
    await caller.pause(400)
    for text in TEXTS:
        await caller.say(text)
        await caller.pause(1_200)
    await caller.until_said(len(TEXTS))


def after(faults: Iterable[Fault], model: str, **settings: float) -> tuple[Caller, OpenAiScript]:
    """A conversation during which connections have these fates, one after another."""
    script = OpenAiScript()
    script.faults += faults
    callers: list[Caller] = []

    async def story() -> None:
        async with open_openai(script) as url:
            callers.append(await listen(hearing(url, script, model=model, **settings), conversation))

    play(story)
    return callers[0], script


@every_model
@pytest.mark.parametrize(
    "fault", ["429", "500", "cut", "late cut", "stall", "expired", "failed", "nonsense", "forgotten"]
)
def test_nothing_is_lost_and_nothing_is_heard_twice(model: str, fault: Fault) -> None:
    caller, script = after([fault], model)
    assert caller.said == TEXTS
    for said, (_, started, ended) in zip(caller.finals, caller.spoken, strict=True):
        assert said.started_ms == pytest.approx(started, abs=150)
        assert said.ended_ms == pytest.approx(ended, abs=150)
    # A refused connection is none for the vendor.
    assert script.connections == (1 if fault.isdecimal() else 2)


@every_model
def test_several_faults_in_a_row_are_survived(model: str) -> None:
    caller, script = after(["500", "cut", "429", "late cut"], model)
    assert caller.said == TEXTS
    assert script.connections == 3


def test_an_error_that_is_no_reason_to_stop_does_not_stop() -> None:
    for model in MODELS:
        caller, script = after(["error"], model)
        assert "error" in [one["type"] for one in script.sent]
        assert (caller.said, script.connections) == (TEXTS, 1)


@every_model
def test_a_session_is_renewed_before_its_time_in_a_quiet_moment(model: str) -> None:
    caller, script = after([], model, renew_s=1.5)
    assert caller.said == TEXTS
    assert script.connections > 1
    kinds = [one["type"] for one in script.sent]
    ends = [at for at, kind in enumerate(kinds) if kind == "session.created"][1:]
    # No turn was under way: each was transcribed before the next session began.
    for end in ends:
        assert kinds[:end].count("input_audio_buffer.committed") == sum(
            kind.endswith("transcription.completed") for kind in kinds[:end]
        )


@every_model
def test_a_session_is_renewed_in_the_middle_of_a_word_when_it_must(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcriber, "GRACE_S", 0.3)
    caller, script = after([], model, renew_s=1.2)
    assert caller.said == TEXTS
    assert script.connections > 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("401", "refused: 401 "),
        ("400", "refused: 400 "),
        ("refused", "OpenAI refuses the session: invalid_model: Invalid model gpt-transcribe."),
    ],
)
def test_what_another_try_cannot_help_is_raised_at_once(fault: Fault, words: str) -> None:
    with pytest.raises(VendorFault) as caught:
        after([fault], "gpt-transcribe")
    assert words in str(caught.value)
    assert caught.value.final


def test_a_wrong_key_is_not_shown_not_even_the_half_that_the_vendor_shows() -> None:
    async def story() -> None:
        script = OpenAiScript()
        async with open_openai(script) as url:
            with pytest.raises(VendorFault) as caught:
                await listen(hearing(url, script, api_key="sk-somebody-elses"), conversation)
        assert "refused: 401 " in str(caught.value)
        assert "sk-" not in str(caught.value)

    play(story)


def test_after_five_failures_the_cause_is_raised() -> None:
    script = OpenAiScript()
    script.faults += ["500"] * 5

    async def story() -> None:
        began = trio.current_time()
        async with open_openai(script) as url:
            with pytest.raises(VendorFault, match="refused: 500 "):
                await listen(hearing(url, script), conversation)
        assert trio.current_time() - began >= 3.75

    play(story)
    assert not script.faults


def test_a_vendor_that_is_not_there_is_named() -> None:
    async def story() -> None:
        script = OpenAiScript()
        with pytest.raises(VendorFault, match=r"127\.0\.0\.1:1: ConnectionRefusedError|127\.0\.0\.1:1: OSError"):
            await listen(hearing("http://127.0.0.1:1/v1", script), conversation)

    play(story)


def test_whoever_stops_listening_leaves_nothing_open() -> None:
    async def story() -> None:
        script = OpenAiScript()
        async with open_openai(script) as url:
            with trio.move_on_after(1.0) as impatience:
                await listen(hearing(url, script), conversation)
            assert impatience.cancelled_caught
            await script.nobody_connected()

    play(story)
