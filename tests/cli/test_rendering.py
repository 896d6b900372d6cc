"""What people see, as text: what is not there is left out, what went wrong is in its color."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from voicecall.cli import rendering
from voicecall.events import Instant
from voicecall.logs.setting_up import Unfailing
from voicecall.projections.latency import TurnLatency

AT = 1_767_225_600_000
RECORD: dict[str, Any] = {
    "callId": "5b0e",
    "state": "no-answer",
    "from": "+15550000000",
    "to": "+15550001003",
    "direction": "outbound",
    "provider": "mock",
    "startedAt": AT,
    "transcript": [],
}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def lines(*things: RenderableType) -> list[str]:
    """What is printed, without the spaces that only fill."""
    console = Console(file=StringIO(), width=120)
    for thing in things:
        console.print(thing)
    assert isinstance(console.file, StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_a_call_that_nobody_took_has_no_answer_and_no_transcript() -> None:
    shown = lines(rendering.record_view(RECORD))
    assert "state no-answer" in shown
    assert "from → to +15550000000 → +15550001003 (outbound, mock)" in shown
    assert not any(line.startswith(("answered", "ended")) or "transcript" in line for line in shown)


def test_a_call_that_is_over_says_how_long_it_took() -> None:
    over = {"answeredAt": AT + 2_000, "endedAt": AT + 63_500, "endReason": "hangup-user", "state": "hangup-user"}
    shown = lines(rendering.record_view({**RECORD, **over}))
    assert any(line.startswith("answered 20") and line.endswith("(after 2.0 s)") for line in shown)
    assert any(line.startswith("ended 20") and line.endswith("(after 61.5 s)") for line in shown)
    assert "ended because hangup-user" in shown


def test_how_late_the_sound_was_is_shown_where_it_was_measured() -> None:
    measured = {**RECORD, "metadata": {"frameLateP99Ms": 0.4, "loopLagMaxMs": 7.5}}
    assert "late frames at most 0.4 ms (p99), the loop 7.5 ms" in lines(rendering.record_view(measured))
    assert not any(line.startswith("late") for line in lines(rendering.record_view(RECORD)))


def test_of_our_words_it_is_told_what_was_heard() -> None:
    said = [
        {"timestamp": AT, "speaker": "bot", "text": "Hello there."},
        {"timestamp": AT, "speaker": "user", "text": "[keys 1#] Stop!"},
        {"timestamp": AT, "speaker": "bot", "text": "As I said before", "heard": "As I"},
        {"timestamp": AT, "speaker": "bot", "text": "Never mind", "heard": ""},
    ]
    shown = lines(rendering.record_view({**RECORD, "transcript": said}))
    rows = [[cell.strip() for cell in line.split("│")[2:-1]] for line in shown if line.startswith("│")]
    assert rows == [
        ["we", "Hello there.", "all"],
        ["they", "[keys 1#] Stop!", ""],
        ["we", "As I said before", "As I"],
        ["we", "Never mind", "nothing"],
    ]


def test_a_strange_name_is_shown_as_it_is() -> None:
    shown = lines(rendering.calls_view([{**RECORD, "from": "[red]somebody[/]"}], server=True))
    assert any("[red]somebody[/]" in line for line in shown)
    assert "from → to [red]somebody[/] → +15550001003 (outbound, mock)" in lines(
        rendering.record_view({**RECORD, "from": "[red]somebody[/]"})
    )


def test_no_calls_are_said_in_words() -> None:
    assert lines(rendering.calls_view([], server=True)) == ["no calls in progress"]
    assert lines(rendering.calls_view([], server=False)) == ["no unfinished calls (no server is running)"]


@pytest.mark.parametrize(
    ("state", "style"),
    [
        ("hangup-bot", "green"),
        ("busy", "yellow"),
        ("failed", "red"),
        ("speaking", "bold cyan"),
        ("ringing", "bold cyan"),
    ],
)
def test_a_state_has_a_color(state: str, style: str) -> None:
    assert rendering.state_text({"state": state}).style == style
    unfinished = rendering.state_text({"state": state, "unfinished": True})
    assert (unfinished.plain, unfinished.style) == (
        f"unfinished (last known: {state}; no server is running)",
        "yellow",
    )


def test_a_turn_that_was_never_answered_has_no_figures() -> None:
    turn = TurnLatency(turn=2, stopped_at=Instant(AT), transcript_ms=210)
    shown = lines(rendering.turns_view([turn]))
    assert "│ 2 │ 210 │ - │ - │ - │ - │ - │" in shown
    assert not any("*" in line for line in shown)


def test_a_turn_that_counts_from_its_transcript_says_so() -> None:
    shown = lines(rendering.turns_view([TurnLatency(turn=1, stopped_at=Instant(AT), clause_ms=400)], of="5b0e"))
    assert shown[0] == "latency of 5b0e, ms after the caller stopped"
    assert "│ 1* │ - │ - │ 400 │ - │ - │ - │" in shown
    assert "* nobody tells when the caller stopped: counted from the transcript" in shown


def test_what_nobody_measured_is_a_dash() -> None:
    sound = {"frameLateP99Ms": 1.5, "loopLagP99Ms": None, "loopLagMaxMs": None}
    words = "frames late: p99 1.5 ms; the loop's lag: p99 - ms, worst - ms (in the worst five seconds)"
    assert lines(rendering.sound_text(sound)) == [words]


def test_a_log_that_nobody_reads_ends_no_call() -> None:
    class Gone(StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(text)

        def flush(self) -> None:
            raise OSError("the terminal is closed")

    log = Unfailing(Gone())
    log.write("a line")
    log.flush()
    kept = StringIO()
    kept.close()
    Unfailing(kept).write("a line")
    Unfailing(kept).flush()
    kept = StringIO()
    Unfailing(kept).write("a line")
    assert kept.getvalue() == "a line"
