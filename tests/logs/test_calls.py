"""The calls in the log."""

from __future__ import annotations

import pytest
import structlog

from tests.core.story import Story, conversing, offered
from voicecall.events import CallId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.logs.calls import CallLog


def told(story: Story, *, transcripts: bool = False) -> list[dict[str, object]]:
    call_log = CallLog(transcripts=transcripts)
    with structlog.testing.capture_logs() as logged:
        for entry in story.entries:
            call_log.observe(CallId("c1"), entry)
    assert {one["call"] for one in logged} == {"c1"}
    return [{name: value for name, value in one.items() if name != "call"} for one in logged]


def whole() -> Story:
    story = conversing()
    story.says("Is Thursday free?")
    story.tell(fact.TranscriberFailed(detail="no network"))
    story.thought(reason="failed")
    story.fails(do.Speak)
    story.tell(fact.CallEnded(reason="hangup-user"))
    return story


def test_an_operator_is_told_how_each_call_goes_and_what_fails() -> None:
    assert [(one["log_level"], one["event"]) for one in told(whole())] == [
        ("info", "a call is placed"),
        ("info", "a call is answered"),
        ("warning", "nobody transcribes a call just now"),
        ("warning", "the agent failed"),
        ("info", "an effect failed"),
        ("info", "a call is over"),
    ]
    assert told(whole())[-1] == {"event": "a call is over", "log_level": "info", "reason": "hangup-user"}
    assert told(offered(verdict="not-allowed"))[0]["verdict"] == "not-allowed"


@pytest.mark.parametrize("transcripts", [False, True])
def test_words_are_told_only_where_they_are_asked_for(*, transcripts: bool) -> None:
    said = [(one["event"], one["text"]) for one in told(whole(), transcripts=transcripts) if "text" in one]
    greeting, question = ("we say", "Hello, this is us."), ("the person said", "Is Thursday free?")
    assert (said[:2] == [greeting, question]) is transcripts
    assert bool(said) is transcripts
