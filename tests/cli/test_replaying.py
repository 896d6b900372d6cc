"""``replay``: the same decisions, or the first that is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shelf import Plain, doctor, on_terminal, past, shelve
from voicecall.__main__ import main

Capture = pytest.CaptureFixture[str]


def replay(capsys: Capture, state: Path, *options: str) -> tuple[int, Any]:
    """The exit code and the report."""
    code = main(["replay", past().over, "--state", str(state), *options])
    out, err = capsys.readouterr()
    assert err == ""
    return code, json.loads(out)


def effects(entry: Plain) -> list[str]:
    return [effect["type"] for effect in entry.get("effects", [])]


def index_of(kind: str) -> int:
    """Where the finished call first has a fact of this kind."""
    return next(
        index for index, line in enumerate(past().of(past().over)) if json.loads(line.body)["event"]["type"] == kind
    )


def say_something_else(entry: Plain) -> None:
    """Another greeting than today's code would say."""
    (speak,) = [effect for effect in entry["effects"] if effect["type"] == "speak"]
    speak["text"] = "Something else."


def doctored(state: Path) -> int:
    """A journal in which another decision is on record; the seq of its entry."""
    lines = past().of(past().over)
    index = index_of("media.opened")
    shelve(state, [*lines[:index], doctor(lines[index], say_something_else), *lines[index + 1 :]])
    return index + 1


def test_a_call_is_decided_the_same_today(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    code, report = replay(capsys, tmp_path)
    assert code == 0
    entries = len(past().of(past().over))
    assert report == {"callId": past().over, "entries": entries, "divergences": 0, "first": None}


def test_the_first_difference_is_shown_with_the_state_before(tmp_path: Path, capsys: Capture) -> None:
    seq = doctored(tmp_path)
    code, report = replay(capsys, tmp_path)
    first = report["first"]
    assert (code, report["divergences"] >= 1, first["seq"]) == (1, True, seq)
    assert first["problem"] == "today's code decides something else"
    assert first["event"]["type"] == "media.opened"
    assert (first["before"]["phase"], first["before"]["media_asked"], "saying" in first["before"]) == (
        "live",
        True,
        False,
    )
    recorded, decided = first["recorded"], first["decided"]
    assert [one["text"] for one in recorded if one["type"] == "speak"] == ["Something else."]
    assert [one["text"] for one in decided if one["type"] == "speak"] == ["Hello, this is voicecall."]
    assert [one for one in recorded if one["type"] != "speak"] == [one for one in decided if one["type"] != "speak"]


def test_up_to_a_seq_there_may_be_none_yet(tmp_path: Path, capsys: Capture) -> None:
    seq = doctored(tmp_path)
    code, report = replay(capsys, tmp_path, "--until", str(seq - 1))
    assert (code, report["divergences"], report["entries"]) == (0, 0, seq - 1)
    assert report["state"]["phase"] == "live"
    code, report = replay(capsys, tmp_path, "--until", str(seq))
    assert (code, report["divergences"], report["entries"]) == (1, 1, seq)
    assert report["state"]["saying"][0]["text"] == "Something else."


def test_the_state_anywhere_in_a_call_can_be_looked_at(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    words = {}
    for kind in ("call.placed", "call.ringing", "call.answered", "call.ended"):
        code, report = replay(capsys, tmp_path, "--until", str(index_of(kind) + 1))
        assert code == 0
        words[kind] = report["state"]["phase"]
    assert words == {
        "call.placed": "dialing",
        "call.ringing": "ringing",
        "call.answered": "live",
        "call.ended": "ended",
    }
    assert replay(capsys, tmp_path, "--until", "1000")[1]["state"]["end_reason"] == "hangup-user"


def test_a_missing_entry_is_a_difference(tmp_path: Path, capsys: Capture) -> None:
    lines = past().of(past().over)
    shelve(tmp_path, [*lines[:4], *lines[5:]])
    code, report = replay(capsys, tmp_path)
    assert code == 1
    assert (report["first"]["seq"], report["first"]["decided"]) == (6, [])
    assert report["first"]["problem"] == "seq 6 follows seq 4: an entry is missing or out of order"


def test_an_entry_that_cannot_be_read_is_named(tmp_path: Path, capsys: Capture) -> None:
    lines = past().of(past().over)
    shelve(tmp_path, [*lines[:4], doctor(lines[4], lambda entry: entry.update(at="noon")), *lines[5:]])
    assert main(["replay", past().over, "--state", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "expected a whole number, got 'noon' @ $.at\n"


def test_people_see_both_decisions_side_by_side(tmp_path: Path) -> None:
    seq = doctored(tmp_path)
    shown = on_terminal("replay", past().over[:8], "--state", tmp_path)
    assert shown.code == 1
    for words in (
        f"at entry {seq}",
        "today's code decides something else",
        "state before",
        "recorded then",
        "decided today",
        '"text": "Something else."',
        '"text": "Hello, this is voicecall."',
    ):
        assert words in shown.out
    assert "\x1b[31mdivergence" in shown.raw
    shown = on_terminal("replay", past().over[:8], "--state", tmp_path, "--until", "3")
    assert shown.code == 0
    for words in ("dial.accepted", "state after entry 3", "dialing", "no divergence", "3 entries of"):
        assert words in shown.out
