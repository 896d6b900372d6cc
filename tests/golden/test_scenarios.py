"""The stories behind the golden journals, played today: each ends as it should and shows what it is for."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.checks.sources import ROOT
from voicecall.core.replay import replay
from voicecall.events import RULES, Entry
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry

GOLDEN = ROOT / f"tests/golden/rules-{RULES}"
ENDS = {
    "notify": "hangup-bot",
    "conversation": "hangup-user",
    "barge_in": "hangup-user",
    "inbound": "hangup-user",
    "rejected": "rejected",
    "no_answer": "no-answer",
    "busy": "busy",
    "declined": "unknown",
    "dial_refused": "failed",
    "voicemail": "hangup-bot",
    "keys": "hangup-user",
    "asks": "hangup-bot",
    "operator": "hangup-bot",
    "max_duration": "timeout",
    "silence": "error",
    "unheard": "error",
    "agent_fails": "hangup-user",
    "speech_fails": "hangup-user",
    "media_lost": "hangup-bot",
    "restart": "hangup-user",
    "restart_ringing": "hangup-user",
    "dial_in_doubt_answered": "hangup-bot",
    "dial_in_doubt_unknown": "failed",
    "dial_in_doubt_late": "failed",
    "quarantine": "error",
}
TODAY = {"declined": "busy"}
"""Facts that a carrier's codec tells in other words since these journals were written."""
Shows = Callable[[list[Entry]], bool]


def decided(entries: list[Entry], kind: type[Any]) -> list[Any]:
    return [effect for entry in entries for effect in entry.effects if isinstance(effect, kind)]


def told(entries: list[Entry], kind: type[Any]) -> list[Any]:
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


def purposes(entries: list[Entry]) -> list[str]:
    return [one.purpose for one in decided(entries, do.Speak)]


SHOWS: dict[str, Shows] = {
    "notify": lambda call: [one.purpose for one in decided(call, do.Speak)] == ["greeting"],
    "conversation": lambda call: len(decided(call, do.AskAgent)) == 2,
    "barge_in": lambda call: any(0 < one.heard_ms < one.sent_ms for one in told(call, fact.PlaybackFinished)),
    "inbound": lambda call: isinstance(call[1].event, fact.CallOffered) and len(decided(call, do.AskAgent)) == 2,
    "rejected": lambda call: decided(call, do.Answer) == [] and len(decided(call, do.Reject)) == 1,
    "no_answer": lambda call: told(call, fact.CallAnswered) == [],
    "busy": lambda call: told(call, fact.CallRinging) == [],
    "declined": lambda call: told(call, fact.CallEnded)[0].vendor_code == "declined",
    "dial_refused": lambda call: told(call, fact.CallEnded)[0].vendor_code == "422",
    "voicemail": lambda call: told(call, fact.CallerStarted) != [],
    "keys": lambda call: [one.text for one in decided(call, do.AskAgent)] == ["[keys 123#]"],
    "asks": lambda call: len(told(call, fact.ListenRequested)) == 3,
    "operator": lambda call: [one.digits for one in decided(call, do.SendDigits)] == ["1w2"],
    "max_duration": lambda call: any(one.name == "max_duration" for one in told(call, fact.TimerFired)),
    # The word of progress came later.
    "silence": lambda call: purposes(call) in (["greeting", *["filler"] * 2], ["greeting", *["filler"] * 3]),
    "unheard": lambda call: purposes(call) == ["greeting", *["filler", "apology"] * 2, "filler", "filler"],
    "agent_fails": lambda call: purposes(call) == ["greeting", "apology", "apology"],
    "speech_fails": lambda call: [one.turn for one in decided(call, do.AskAgent) if "Alex" in one.text] == [1, 2],
    "media_lost": lambda call: "return" in purposes(call) and len(told(call, fact.MediaOpened)) == 2,
    "restart": lambda call: "return" in purposes(call) and len({entry.writer for entry in call}) == 2,
    "restart_ringing": lambda call: told(call, fact.CallReconciled)[0].alive,
    "dial_in_doubt_answered": lambda call: told(call, fact.CallReconciled)[0].answered,
    "dial_in_doubt_unknown": lambda call: not told(call, fact.CallReconciled)[0].alive,
    "dial_in_doubt_late": lambda call: (
        isinstance(call[-1].event, fact.VendorReported) and len(decided(call, do.Hangup)) == 1
    ),
    "quarantine": lambda call: len(told(call, fact.ActorQuarantined)) == 1,
}


@cache
def recorder() -> Any:
    """``scripts/record_golden.py``, imported the way it is when it runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        return import_module("record_golden")


def entries_of(journal: bytes) -> list[Entry]:
    return [decode_entry(json.dumps(json.loads(line)["b"]).encode()) for line in journal.splitlines()]


def test_every_scenario_has_its_journal_and_says_what_it_shows() -> None:
    names = list(recorder().SCENARIOS)
    assert sorted(path.stem for path in GOLDEN.glob("*.jsonl")) == sorted(names)
    assert list(ENDS) == list(SHOWS) == names


@pytest.mark.parametrize("name", ENDS)
def test_the_golden_journal_shows_it(name: str) -> None:
    check(name, (GOLDEN / f"{name}.jsonl").read_bytes(), ENDS[name])


@pytest.mark.parametrize("name", ENDS)
def test_the_story_plays_the_same_today(name: str) -> None:
    check(name, recorder().recorded(name), TODAY.get(name, ENDS[name]))


def check(name: str, journal: bytes, ends: str) -> None:
    entries = entries_of(journal)
    again = replay(entries)
    assert again.divergences == ()
    assert again.ledger.state.end_reason == ends
    assert SHOWS[name](entries)
    assert len(told(entries, fact.CallEnded)) == 1
    assert len(decided(entries, do.Dial)) <= 1


def test_a_journal_that_exists_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recorder(), "GOLDEN", tmp_path)
    assert recorder().main(["busy"]) == 0
    kept = (tmp_path / f"rules-{RULES}/busy.jsonl").read_bytes()
    assert entries_of(kept)[-1].event == fact.CallEnded(reason="busy", vendor_code="busy")
    assert recorder().main(["busy"]) == 1
    assert capsys.readouterr().err == "busy.jsonl exists, and is never overwritten\n"
    assert (tmp_path / f"rules-{RULES}/busy.jsonl").read_bytes() == kept


def test_all_means_what_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder(), "GOLDEN", tmp_path)
    monkeypatch.setattr(recorder(), "SCENARIOS", {name: recorder().SCENARIOS[name] for name in ("busy", "rejected")})
    assert recorder().main(["busy"]) == 0
    assert recorder().main(["--all"]) == 0
    assert sorted(path.stem for path in tmp_path.rglob("*.jsonl")) == ["busy", "rejected"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["flying"], "flying: there is no such scenario\n"), ([], "name a scenario, or use --all\n")],
)
def test_what_cannot_be_recorded_is_said(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recorder().main(arguments) == 1
    assert capsys.readouterr().err == message


def test_a_journal_can_be_looked_at_without_being_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recorder(), "GOLDEN", tmp_path)
    assert recorder().main(["--show", "busy"]) == 0
    assert entries_of(capsys.readouterr().out.encode())[1].event.__class__ is fact.CallPlaced
    assert list(tmp_path.iterdir()) == []
