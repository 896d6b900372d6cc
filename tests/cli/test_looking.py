"""``status``, ``tail`` and ``latency`` on journals that no server serves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from journal import Position
from tests.cli.shelf import FRIENDLY, NEVER_ANSWERS, doctor, on_terminal, past, shelve, text
from tests.system.street import PATIENCE_S, voicecall
from voicecall.__main__ import main

Capture = pytest.CaptureFixture[str]


def look(capsys: Capture, *arguments: str | Path) -> tuple[int, str, str]:
    """Run a command here: exit code, output, errors."""
    code = main([str(one) for one in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def seen(capsys: Capture, *arguments: str | Path) -> Any:
    """The JSON that a command prints."""
    code, out, err = look(capsys, *arguments)
    assert (code, err) == (0, "")
    return json.loads(out)


# --- status ----------------------------------------------------------------------------------------------------------


def test_without_a_server_a_call_in_progress_is_unfinished(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    (call,) = seen(capsys, "status", "--state", tmp_path)["calls"]
    assert (call["callId"], call["state"], call["to"], call["unfinished"]) == (
        past().ringing,
        "ringing",
        NEVER_ANSWERS,
        True,
    )
    record = seen(capsys, "status", "--state", tmp_path, "--call-id", past().ringing)
    assert (record["state"], record["unfinished"], record["transcript"]) == ("ringing", True, [])


def test_a_call_is_found_by_its_id_its_beginning_and_the_carriers_name(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    record = seen(capsys, "status", "--state", tmp_path, "--call-id", past().over)
    assert (record["endReason"], record["to"], "unfinished" in record) == ("hangup-user", FRIENDLY, False)
    for name in (past().over[:4], past().over[:30], record["providerCallId"]):
        assert seen(capsys, "status", "--state", tmp_path, "--call-id", name) == record


@pytest.mark.parametrize("name", ["nobody", "", "123", "x" * 36])
def test_an_unknown_call_is_an_answer_for_programs(tmp_path: Path, capsys: Capture, name: str) -> None:
    shelve(tmp_path)
    assert seen(capsys, "status", "--state", tmp_path, "--call-id", name) == {"found": False}


def test_any_journal_can_be_looked_into(tmp_path: Path, capsys: Capture) -> None:
    segment = shelve(tmp_path / "elsewhere")
    copy = tmp_path / "copy.txt"
    copy.write_bytes(segment.read_bytes())
    wanted = seen(capsys, "status", "--state", tmp_path / "elsewhere", "--call-id", past().over)
    for file in (segment, copy, segment.parent, tmp_path / "elsewhere"):
        assert seen(capsys, "status", "--state", tmp_path, "--file", file, "--call-id", past().over) == wanted
        assert look(capsys, "tail", "--no-follow", "--since", "2", "--file", file) == (
            0,
            text(past().lines[-2:]).decode(),
            "",
        )
        assert seen(capsys, "replay", past().over, "--file", file)["divergences"] == 0
        assert seen(capsys, "latency", "--file", file)["recordsScanned"] == 2


# --- tail ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("since", [0, 1, 25, 10_000])
def test_tail_prints_the_journals_lines_byte_for_byte(tmp_path: Path, since: int) -> None:
    segment = shelve(tmp_path)
    lines = segment.read_bytes().splitlines(keepends=True)
    command = [
        sys.executable,
        "-m",
        "voicecall",
        "tail",
        "--no-follow",
        "--since",
        str(since),
        "--state",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"".join(lines[-since:] if since else [])


def test_tail_of_one_call_has_its_lines_only(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    wanted = past().of(past().ringing)
    named = ("tail", "--no-follow", "--state", tmp_path, "--call-id", past().ringing[:8])
    assert look(capsys, *named)[1].encode() == text(wanted)
    assert look(capsys, *named, "--since", "2", "--json")[1].encode() == text(wanted[-2:])


def test_tail_follows_a_journal_that_another_process_writes(tmp_path: Path) -> None:
    first, rest = past().lines[:3], past().lines[3:6]
    segment = shelve(tmp_path, first)
    command = [sys.executable, "-m", "voicecall", "tail", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        assert [tail.stdout.readline() for _ in first] == text(first).splitlines(keepends=True)
        for line in rest:
            data = text([line])
            with segment.open("ab") as file:  # as a writer does it: the line may be there in halves
                file.write(data[:50])
                file.flush()
                file.write(data[50:])
            assert tail.stdout.readline() == data
        tail.send_signal(signal.SIGINT)
        assert (tail.wait(PATIENCE_S), tail.stderr.read()) == (130, b"")


@pytest.mark.parametrize("since", [1, 1_000], ids=["with nothing more to say", "in the middle of a line"])
def test_tail_ends_quietly_when_its_reader_has_enough(tmp_path: Path, since: int) -> None:
    shelve(tmp_path)
    command = [sys.executable, "-m", "voicecall", "tail", "--since", str(since), "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        assert tail.stdout.readline() == text(past().lines[-since:][:1])
        tail.stdout.close()
        assert (tail.wait(PATIENCE_S), tail.stderr.read()) == (0, b"")


def test_half_a_last_line_is_not_told_yet(tmp_path: Path, capsys: Capture) -> None:
    segment = shelve(tmp_path, past().lines[:3])
    os.truncate(segment, segment.stat().st_size - 10)
    assert look(capsys, "tail", "--no-follow", "--state", tmp_path) == (0, text(past().lines[:2]).decode(), "")


@pytest.mark.parametrize("command", [("tail", "--no-follow"), ("status",), ("latency",)])
def test_damage_is_refused_with_its_place(tmp_path: Path, capsys: Capture, command: tuple[str, ...]) -> None:
    segment = shelve(tmp_path, past().lines[:3])
    data = segment.read_bytes()
    segment.write_bytes(data.replace(b'"incarnation"', b'"incarNation"', 1))
    code, _, err = look(capsys, *command, "--state", tmp_path)
    assert code == 1
    assert segment.name in err
    assert "offset 0" in err
    assert err.count("\n") == 1


# --- what is not there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("status",), ("tail", "--no-follow"), ("latency",), ("replay", "5b0e")])
def test_a_journal_that_is_not_there_is_named(tmp_path: Path, capsys: Capture, command: tuple[str, ...]) -> None:
    code, out, err = look(capsys, *command, "--state", tmp_path)
    assert (code, out) == (1, "")
    assert err == f"no journal at {tmp_path / 'journal'}: start a server once, or name another --state\n"
    missing = tmp_path / "calls.jsonl"
    assert look(capsys, *command, "--file", missing) == (1, "", f"No log file at {missing}\n")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_journal_is_no_mistake(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path, [])
    assert seen(capsys, "status", "--state", tmp_path) == {"found": True, "calls": []}
    assert look(capsys, "tail", "--no-follow", "--state", tmp_path) == (0, "", "")
    assert seen(capsys, "latency", "--state", tmp_path)["recordsScanned"] == 0
    code, _, err = look(capsys, "replay", past().over, "--state", tmp_path)
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"no call {past().over!r} in this journal")


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text('{"callId":"c1","state":"completed"}\n' * 3)
    for command in (("status",), ("tail", "--no-follow"), ("latency",), ("replay", "c1")):
        words = f"--file: {file} is no journal: line 1: not a line of the journal\n"
        assert look(capsys, *command, "--file", file) == (1, "", words)


# --- latency ---------------------------------------------------------------------------------------------------------


def test_latency_counts_every_turn_once(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    report = seen(capsys, "latency", "--state", tmp_path)
    turns, waits = report["turnLatency"], report["listenWait"]
    assert (turns["count"], waits["count"]) == (2, 0)
    assert 0 < turns["minMs"] <= turns["p50Ms"] <= turns["p95Ms"] <= turns["maxMs"]
    assert set(waits.values()) == {0}
    newest = seen(capsys, "latency", "--state", tmp_path, "--last", "1")
    assert (newest["recordsScanned"], newest["turnLatency"]["count"]) == (1, 0)


def test_a_call_that_is_named_is_told_turn_by_turn(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    report = seen(capsys, "latency", past().over[:8], past().ringing, "--state", tmp_path)
    over, ringing = report["calls"]
    assert (over["callId"], ringing["callId"], ringing["turns"]) == (past().over, past().ringing, [])
    assert ringing["sound"] == {"frameLateP99Ms": None, "loopLagP99Ms": None, "loopLagMaxMs": None}
    assert [turn["turn"] for turn in over["turns"]] == [1, 2]
    for turn in over["turns"]:
        stages = [turn[f"{stage}Ms"] for stage in ("transcript", "token", "clause", "audio", "frame", "heard")]
        assert stages == sorted(stages)
        assert stages[0] > 0
        assert turn["stoppedAt"] > 0
    assert report["stages"]["heard"]["count"] == 2
    assert report["turnLatency"] == report["stages"]["frame"]
    assert "calls" not in seen(capsys, "latency", "--state", tmp_path)


def test_latency_of_the_calls_since_then(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    for since, count in (("2025-12-31", 2), ("2026-01-01T00:00:10+00:00", 1), ("2026-06-01", 0)):
        assert seen(capsys, "latency", "--since", since, "--state", tmp_path)["recordsScanned"] == count
    assert seen(capsys, "latency", "--since", "2025-12-31", "--last", "1", "--state", tmp_path)["recordsScanned"] == 1


def test_latency_of_a_call_that_is_not_there(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    code, out, err = look(capsys, "latency", "nobody", "--state", tmp_path)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("no call 'nobody' in this journal")


# --- on a terminal ---------------------------------------------------------------------------------------------------


def test_people_see_tables_and_colors(tmp_path: Path) -> None:
    shelve(tmp_path)
    status = on_terminal("status", "--state", tmp_path)
    assert status.code == 0
    for words in ("unfinished calls (no server is running)", past().ringing, NEVER_ANSWERS, "last known: ringing"):
        assert words in status.out
    assert "\x1b[33munfinished" in status.raw
    record = on_terminal("status", "--state", tmp_path, "--call-id", past().over[:8])
    for words in ("ended because", "hangup-user", "transcript", "Hello, this is Alex. How are you?", "they", "we"):
        assert words in record.out
    latency = on_terminal("latency", "--state", tmp_path)
    assert "latency over 2 calls, ms" in latency.out


def test_people_read_one_line_per_fact(tmp_path: Path) -> None:
    strange = doctor(past().lines[1], lambda entry: entry.update(v=99))
    note = evolve(past().lines[2], stream="note/1", body=b'{"any":"thing"}')
    end = past().lines[-1]
    last = evolve(end, position=Position(end.position + 1), stream="call/short")
    shelve(tmp_path, [past().lines[0], strange, note, *past().lines[3:], last])
    shown = on_terminal("tail", "--no-follow", "--since", "1000", "--state", tmp_path)
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert len(lines) == len(past().lines) + 1
    assert "actor.started" in lines[0]
    assert "a newer voicecall wrote it" in lines[1]
    assert 'note/1 {"any":"thing"}' in lines[2]
    assert past().over[:8] in lines[3]
    assert "call.ringing" in lines[-1]


def test_json_on_a_terminal_is_the_same_as_in_a_pipe(tmp_path: Path) -> None:
    shelve(tmp_path)
    shown = on_terminal("tail", "--no-follow", "--json", "--since", "3", "--state", tmp_path)
    assert shown.out.encode() == text(past().lines[-3:])
    piped = voicecall("status", "--state", tmp_path, "--call-id", past().over)
    assert on_terminal("status", "--json", "--state", tmp_path, "--call-id", past().over).out == piped.out
    assert piped.out.startswith('{\n  "callId": ')


def test_an_unknown_call_is_a_failure_for_people(tmp_path: Path) -> None:
    shelve(tmp_path)
    shown = on_terminal("status", "--state", tmp_path, "--call-id", "nobody")
    assert shown.code == 1
    assert "no call 'nobody' in this journal" in shown.out
    assert "at least 4 characters" in shown.out
