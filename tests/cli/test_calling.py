"""Commands that ask a running server, as the processes and on the terminals that people use."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.shelf import on_terminal, terminal
from tests.system.street import LISTENS, NEVER_ANSWERS, PATIENCE_S, Street, open_street, voicecall
from voicecall.__main__ import main
from voicecall.events import facts as fact


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """A street where nobody loses patience: a command takes a moment to start, and clocks are fast."""
    patience = {
        "ringTimeoutMs": 600_000,
        "transcriptTimeoutMs": 600_000,
        "staleCallReaperSeconds": 0,
        "maxDurationSeconds": 3_600,
        "outbound": {"notifyHangupDelaySec": 600},
    }
    with open_street(tmp_path_factory.mktemp("street"), maxConcurrentCalls=3, **patience) as street:
        yield street


def answers_once(street: Street) -> str:
    """Somebody who says one thing to the first thing said."""
    hear, answer = {"do": "hear", "limitMs": 600_000}, {"do": "say", "text": "Hello? [pause] I am listening."}
    return street.people("+15551110001", "answer", hear, answer, "staySilent")


def hang_up(street: Street, call_id: str) -> None:
    street.ask("end", callId=call_id)
    street.over(call_id)


def test_programs_get_the_references_json(street: Street) -> None:
    placed = street.cli("call", "--to", answers_once(street), "--message", "Hello.", "--mode", "conversation")
    call_id = placed.json["callId"]
    assert placed.out == json.dumps({"callId": call_id}, indent=2) + "\n"
    street.saw(call_id, fact.CallerSaid)
    assert street.cli("speak", "--call-id", call_id[:8], "--message", "One moment.").json == {"success": True}
    assert street.cli("dtmf", "--call-id", call_id, "--digits", "12#").json == {"success": True}
    assert street.cli("end", "--call-id", call_id).json == {"success": True}
    street.over(call_id)
    record = street.cli("status", "--call-id", call_id).json
    assert (record["callId"], record["endReason"]) == (call_id, "hangup-bot")
    assert street.cli("status").json == {"found": True, "calls": []}


def test_start_needs_no_words_and_continue_prints_the_answer(street: Street) -> None:
    call_id = street.cli("start", "--to", answers_once(street), "--mode", "notify").json["callId"]
    assert street.cli("status").json["calls"][0]["callId"] == call_id
    street.saw(call_id, fact.MediaOpened)
    answer = street.cli("continue", "--call-id", call_id, "--message", "Who is there?").json
    assert answer == {"success": True, "transcript": "Hello? [pause] I am listening."}
    hang_up(street, call_id)


def test_wait_stays_until_the_call_has_ended(street: Street) -> None:
    number = street.people("+15551110002", "answer", "hear", "hangUp")
    done = street.cli("call", "-t", number, "-m", "Your parcel is here.", "--mode", "notify", "--wait")
    assert (done.json["endReason"], done.json["metadata"]["mode"]) == ("hangup-user", "notify")


def test_tail_in_another_process_sees_a_call_go_on(street: Street) -> None:
    first = street.call(NEVER_ANSWERS)
    street.saw(first, fact.CallRinging)
    command = [sys.executable, "-m", "voicecall", "tail", "--since", "1", "--state", str(street.state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tail:
        assert tail.stdout is not None
        assert json.loads(tail.stdout.readline())["b"]["event"]["type"] == "call.ringing"  # it is there now
        second = street.call(LISTENS)
        live = [json.loads(tail.stdout.readline()) for _ in range(3)]
        assert [(one["s"], one["b"]["seq"]) for one in live] == [(f"call/{second}", seq) for seq in (1, 2, 3)]
        assert "endReason" not in street.record(second)
        hang_up(street, second)
        while (line := json.loads(tail.stdout.readline()))["b"]["event"]["type"] != "call.ended":
            assert line["s"] == f"call/{second}"
        tail.kill()
    hang_up(street, first)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("call", "-m", "Hi"), 2, "Missing --to and no toNumber configured"),
        (("call", "-m", "Hi", "--to", "911"), 2, "--to: expected E.164 format, e.g. +15550001234, got '911'"),
        (("call", "-m", " ", "--to", LISTENS), 2, "--message: message required"),
        (("call", "-m", "x" * 10_001, "--to", LISTENS), 2, "--message: at most 10000 characters, got 10001"),
        (("end", "--call-id", "nobody"), 1, "--call-id: Call not found: callId 'nobody'; "),
        (("speak", "--call-id", "nobody", "-m", "Hi"), 1, "--call-id: Call not found: callId 'nobody'; "),
        (("continue", "--call-id", "", "-m", "Hi"), 2, "--call-id: callId and message required"),
        (("dtmf", "--call-id", "nobody", "--digits", "1"), 1, "--call-id: Call not found: callId 'nobody'; "),
    ],
)
def test_a_refusal_is_one_line_that_names_the_option(
    street: Street, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert main([*arguments, "--state", str(street.state)]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(words)
    assert err.count("\n") == 1


def test_what_a_call_cannot_do_now_is_a_failure(street: Street) -> None:
    call_id = street.call(NEVER_ANSWERS)
    street.saw(call_id, fact.CallRinging)
    done = street.cli("speak", "--call-id", call_id, "-m", "Hi")
    assert (done.code, done.err) == (1, "Call not connected (state=ringing)\n")
    done = street.cli("dtmf", "--call-id", call_id, "--digits", "1")
    assert done.code == 1
    others = [street.call(LISTENS) for _ in range(2)]
    done = street.cli("call", "-m", "Hi", "--to", LISTENS)
    words = "Maximum concurrent calls (3) reached; end one of them, or raise maxConcurrentCalls\n"
    assert (done.code, done.out, done.err) == (1, "", words)
    for one in (call_id, *others):
        hang_up(street, one)


def test_keys_that_no_telephone_has_are_wrong_usage(street: Street) -> None:
    call_id = street.call(LISTENS)
    street.saw(call_id, fact.MediaOpened)
    done = street.cli("dtmf", "--call-id", call_id, "--digits", "call me")
    assert (done.code, done.err) == (2, "--digits: may only contain 0-9, *, #, A-D, w, p and comma, got 'call me'\n")
    hang_up(street, call_id)


def test_a_person_sees_it_ring_and_then_the_call(street: Street) -> None:
    number = street.people("+15551110003", {"do": "answer", "rings": 8}, "staySilent")
    with terminal("call", "--to", number, "-m", "Hello.", "--state", street.state) as screen:
        screen.until("ringing")
        shown = screen.finish()
    assert shown.code == 0
    call_id = street.ask("status")["calls"][0]["callId"]
    assert call_id in shown.out
    assert f"voicecall tail --call-id {call_id[:8]}" in shown.out
    asked = on_terminal("speak", "--call-id", call_id, "-m", "Are you there?", "--state", street.state)
    assert (asked.code, asked.out) == (0, "done\n")
    table = on_terminal("status", "--state", street.state)
    assert "calls in progress" in table.out
    assert call_id in table.out
    hang_up(street, call_id)


def test_a_person_reads_the_answer(street: Street) -> None:
    call_id = str(street.ask("start", to=answers_once(street), mode="notify")["callId"])
    street.saw(call_id, fact.MediaOpened)
    asked = on_terminal("continue", "--call-id", call_id, "-m", "Who is there?", "--state", street.state)
    assert asked.code == 0
    assert "waiting for the answer" in asked.out
    assert asked.out.splitlines()[-1] == "Hello? [pause] I am listening."
    hang_up(street, call_id)


def test_a_person_may_stop_waiting(street: Street) -> None:
    call_id = street.call(LISTENS)
    street.saw(call_id, fact.PlaybackFinished)
    with terminal("continue", "--call-id", call_id, "-m", "Well?", "--state", street.state) as screen:
        screen.until("waiting for the answer")
        street.saw(call_id, fact.ListenRequested)
        screen.type("\x03")
        shown = screen.finish()
    assert shown.code == 130
    assert "Traceback" not in shown.out
    hang_up(street, call_id)


def test_a_server_that_dies_meanwhile_is_told(street: Street) -> None:
    """Who waits for a person's answer waits on, see ``tests/system/test_hosts_and_clients.py``."""
    number = street.people("+15551110077", "answer", {"do": "staySilent"})
    command = [sys.executable, "-m", "voicecall", "call", "--wait", "--to", number, "-m", "Hi", "--state"]
    with subprocess.Popen([*command, str(street.state)], stderr=subprocess.PIPE) as asking:
        call_id = street.placed(number)
        assert street.server is not None
        street.server.kill()
        assert asking.wait(PATIENCE_S) == 1
        assert asking.stderr is not None
        words = f"the voicecall server of {street.state} went away before it answered; ask `voicecall status`\n"
        assert asking.stderr.read().decode() == words
    assert voicecall("status", "--state", street.state).json["calls"][0]["unfinished"]
    street.serve()
    hang_up(street, call_id)
