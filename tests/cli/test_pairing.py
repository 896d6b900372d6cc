"""``voicecall pairing``: a stranger calls a real server, and the operator lets them in and shuts them out again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shelf import on_terminal
from tests.system.street import Street, open_street
from voicecall.__main__ import main
from voicecall.core.pairing import STREAM, Approved, Requested, Revoked, decode_fact
from voicecall.events import facts as fact

STRANGER, ANOTHER, NOBODY = "+15550002000", "+15550002001", "+15550009999"


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with open_street(tmp_path_factory.mktemp("street"), inboundPolicy="pairing") as street:
        yield street


def told_a_code(street: Street, caller: str) -> str:
    """The code that a stranger hears."""
    call_id = street.offer(caller)
    street.over(call_id)
    (code,) = [one["code"] for one in street.cli("pairing", "list").json["waiting"] if one["number"] == caller]
    greeting = street.events(call_id, fact.CallOffered)[0].policy.greeting
    assert greeting.count(" ".join(code)) == 2
    return code


def test_a_stranger_is_let_in_and_shut_out_again(street: Street) -> None:
    code = told_a_code(street, STRANGER)
    before = street.cli("pairing", "list").json
    assert before["paired"] == []
    (waits,) = before["waiting"]
    assert (waits["number"], waits["code"], waits["expiresAt"] > 0) == (STRANGER, code, True)

    spaced = f"{code[:3]} {code[3:]}"
    done = street.cli("pairing", "approve", spaced, "--json")
    assert (done.code, done.json) == (0, {"number": STRANGER})
    after = street.cli("pairing", "list", "--json").json
    assert ([one["number"] for one in after["paired"]], after["waiting"]) == ([STRANGER], [])

    call_id = street.offer(STRANGER)
    assert street.events(call_id, fact.CallOffered)[0].policy.greeting == "Hello! How can I help you today?"
    street.over(call_id)

    assert street.cli("pairing", "revoke", STRANGER).json == {"number": STRANGER}
    assert street.cli("pairing", "list").json["paired"] == []
    assert told_a_code(street, STRANGER) != code

    facts = [decode_fact(line.body) for line in street.lines() if line.stream == STREAM]
    assert [type(one) for one in facts] == [Requested, Approved, Revoked, Requested]
    assert all(one.by == "cli" for one in facts if isinstance(one, Approved | Revoked))


def test_other_commands_know_that_the_journal_holds_more_than_calls(street: Street) -> None:
    call_id = street.offer(ANOTHER)
    street.over(call_id)
    assert STREAM in {line.stream for line in street.lines()}
    assert street.cli("replay", call_id).json["divergences"] == 0
    assert street.cli("status", "--call-id", call_id).json["callId"] == call_id
    assert "pairing.requested" in street.cli("tail", "--since", "1000", "--no-follow").out
    shown = on_terminal("tail", "--since", "1000", "--no-follow", "--state", street.state)
    assert (shown.code, "pairing.requested" in shown.out) == (0, True)
    assert street.cli("latency").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("approve", "000000"), 1, "code: nobody was told this code within the last hour; ask to call again"),
        (("approve", "12345"), 2, "code: expected the six digits that the caller was told, got '12345'"),
        (("approve", "abc123456"), 2, "code: expected the six digits that the caller was told, got 'abc123456'"),
        (("approve", " "), 2, "code required: the six digits that the caller was told"),
        (("revoke", NOBODY), 1, "number: is not paired; `voicecall pairing list` shows those that are"),
        (("revoke", "15550009999"), 2, "number: expected E.164 format, e.g. +15550001234, got '15550009999'"),
        (("revoke", ""), 2, "number required, e.g. +15550001234"),
    ],
)
def test_what_cannot_be_done_is_one_line_that_says_why(
    street: Street, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert main(["pairing", *arguments, "--state", str(street.state)]) == code
    assert capsys.readouterr() == ("", f"{words}\n")


@pytest.mark.parametrize("arguments", [("list",), ("approve", "123456"), ("revoke", STRANGER)])
def test_without_a_server_it_is_said_how_to_start_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert main(["pairing", *arguments, "--state", str(tmp_path)]) == 1
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert f"voicecall serve --state {tmp_path}" in error


def test_a_person_sees_a_table(street: Street) -> None:
    code = told_a_code(street, "+15550002002")
    shown = on_terminal("pairing", "list", "--state", street.state)
    assert shown.code == 0
    row = next(line for line in shown.out.splitlines() if "+15550002002" in line)
    assert code in row
    assert "waits" in row
    approved = on_terminal("pairing", "approve", code, "--state", street.state)
    assert (approved.code, approved.out) == (0, "+15550002002 may call now\n")
    shown = on_terminal("pairing", "list", "--state", street.state)
    assert "paired" in next(line for line in shown.out.splitlines() if "+15550002002" in line)
    revoked = on_terminal("pairing", "revoke", "+15550002002", "--state", street.state)
    assert (revoked.code, revoked.out) == (0, "+15550002002 is shut out\n")


def test_a_person_sees_that_there_is_nobody(tmp_path: Path) -> None:
    with open_street(tmp_path, inboundPolicy="pairing") as street:
        assert json.loads(street.cli("pairing", "list").out) == {"paired": [], "waiting": []}
        shown = on_terminal("pairing", "list", "--state", street.state)
        assert (shown.code, shown.out) == (0, "nobody is paired, and nobody waits\n")
