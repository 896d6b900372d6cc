"""The commands of the reference (behaviour page, section 9), one row each: what its users type still works here, and
what its programs read is what ours print.

Three rows differ on purpose, because a slip must not call anybody: an unknown ``--mode`` of ``call``, ``start`` and
``expose`` is refused, where the reference takes its default.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen

from tests.cli.shelf import past, shelve
from tests.system.street import LISTENS, SAYS_ONE_THING, Street, open_street
from voicecall.__main__ import main
from voicecall.cli.app import app
from voicecall.events import facts as fact

Capture = pytest.CaptureFixture[str]


@frozen
class Row:
    """A command as the reference documents it: its line there, its options (with ``!``: required), its defaults."""

    command: str
    line: str
    options: str
    defaults: dict[str, Any] = field(factory=dict[str, Any])


SECTION_9 = (
    Row("call", "-m, --message required; -t, --to (toNumber); --mode", "!--message !-m --to -t --mode"),
    Row("start", "--to required; --message; --mode", "!--to --message --mode"),
    Row("continue", "--call-id, --message required", "!--call-id !--message"),
    Row("speak", "--call-id, --message required", "!--call-id !--message"),
    Row("end", "--call-id required", "!--call-id"),
    Row("status", "--call-id (M: optional; also --json)", "--call-id --json"),
    Row("tail", "--file, --since (25), --poll (250)", "--file --since --poll", {"--since": 25, "--poll": 250}),
    Row("latency", "--file, --last (200)", "--file --last"),
    Row(
        "expose",
        "--mode (funnel), --path, --port, --serve-path",
        "--mode --path --port --serve-path",
        {"--mode": "funnel"},
    ),
    Row("dtmf", "(M) --call-id, --digits required", "!--call-id !--digits"),
)


@pytest.mark.parametrize("row", SECTION_9, ids=[row.command for row in SECTION_9])
def test_every_option_of_the_reference_is_here(row: Row) -> None:
    arguments = {name: one for one in app[row.command].assemble_argument_collection() for name in one.names}
    wanted = {option.lstrip("!"): option.startswith("!") for option in row.options.split()}
    assert set(wanted) <= set(arguments), row.line
    assert {name: arguments[name].required for name in wanted} == wanted, row.line
    assert {name: arguments[name].field_info.default for name in row.defaults} == row.defaults, row.line


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    patience = {"ringTimeoutMs": 600_000, "transcriptTimeoutMs": 600_000, "outbound": {"notifyHangupDelaySec": 600}}
    with open_street(tmp_path_factory.mktemp("street"), toNumber=LISTENS, **patience) as street:
        yield street


Typed = Callable[..., Any]


@pytest.fixture
def typed(street: Street, capsys: Capture) -> Typed:
    """Types a command; the JSON that it prints, two spaces deep."""

    def type_it(*arguments: str) -> Any:
        assert main([*arguments, "--state", str(street.state)]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        read = json.loads(out)
        assert out == json.dumps(read, indent=2, ensure_ascii=False) + "\n"
        return read

    return type_it


def test_a_call_in_the_references_words(street: Street, typed: Typed) -> None:
    placed = typed("start", "--to", SAYS_ONE_THING, "--mode", "notify", "--message", "Hello.")
    call_id = placed["callId"]
    assert placed == {"callId": call_id}
    street.saw(call_id, fact.PlaybackStarted)
    answer = typed("continue", "--call-id", call_id, "--message", "Who is there?")
    assert answer == {"success": True, "transcript": "Hello? I am listening."}
    assert typed("speak", "--call-id", call_id, "--message", "One moment.") == {"success": True}
    assert typed("dtmf", "--call-id", call_id, "--digits", "1") == {"success": True}
    assert typed("status")["calls"][0]["callId"] == call_id
    assert typed("end", "--call-id", call_id) == {"success": True}
    street.over(call_id)
    record = typed("status", "--call-id", call_id, "--json")
    assert (record["callId"], record["endReason"], record["metadata"]["turnCount"]) == (call_id, "hangup-bot", 1)
    assert typed("status") == {"found": True, "calls": []}
    assert typed("status", "--call-id", "nobody") == {"found": False}


def test_a_call_without_a_number_goes_to_the_configured_one(street: Street, typed: Typed) -> None:
    call_id = typed("call", "-m", "Hello.")["callId"]
    assert street.record(call_id)["to"] == LISTENS
    typed("end", "--call-id", call_id)
    street.over(call_id)


SERIES = {"count", "minMs", "maxMs", "avgMs", "p50Ms", "p95Ms"}


def test_tail_and_latency_of_a_file(tmp_path: Path, capsys: Capture) -> None:
    segment = shelve(tmp_path)
    assert main(["tail", "--file", str(segment), "--since", "3", "--poll", "50", "--no-follow"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["p"] for line in lines] == [line.position for line in past().lines[-3:]]
    assert main(["latency", "--file", str(segment), "--last", "200"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["recordsScanned"] == 2
    assert (set(report["turnLatency"]), set(report["listenWait"])) == (SERIES, SERIES)


@pytest.mark.parametrize("command", [("tail",), ("latency",)])
def test_a_file_that_is_not_there(tmp_path: Path, capsys: Capture, command: tuple[str, ...]) -> None:
    missing = tmp_path / "calls.jsonl"
    assert main([*command, "--file", str(missing)]) == 1
    assert capsys.readouterr() == ("", f"No log file at {missing}\n")


@pytest.mark.parametrize("command", [("call", "-m", "Hi"), ("start", "--to", LISTENS), ("expose",)])
def test_a_mode_that_does_not_exist_does_nothing(street: Street, capsys: Capture, command: tuple[str, ...]) -> None:
    assert main([*command, "--mode", "loud", "--state", str(street.state)]) == 2
    assert 'Invalid value "loud" for --mode' in capsys.readouterr().err
    assert street.ask("status") == {"found": True, "calls": []}
