"""What the README tells people to type does what it says, with the words that are there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from journal import Line
from journal.lines import parse
from tests.checks.sources import ROOT
from tests.system.street import PATIENCE_S, RATE, Child, Plain, reserved_port
from voicecall.cli.speech import KEYS
from voicecall.config import ConfigError
from voicecall.config import parse as parse_config
from voicecall.events.schema import decode_entry
from voicecall.testing.demo import SCENARIOS
from voicecall.testing.people import PEOPLE

README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO, LOOK_AGAIN, TEST, USE, CARRIER = (
    block.splitlines() for block in re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
)
SAMPLES = re.findall(r"^```json5\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")},
    "PATH": f"{BIN}:{os.environ['PATH']}",
}


def run(command: str, folder: Path, **environment: str) -> str:
    """Type a command; what it prints. It must succeed and complain about nothing."""
    words = shlex.split(command, comments=True)
    done = subprocess.run(
        words, cwd=folder, env={**ENVIRONMENT, **environment}, capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stderr.decode()) == (0, ""), f"{command}: {done.stdout.decode()[-2_000:]}"
    return done.stdout.decode()


def make(command: str) -> str:
    """A command of the Makefile, for what is installed here already."""
    return f"{command} --no-print-directory -C {ROOT} VENV={BIN.parent} -o {BIN.parent}/.installed"


@contextmanager
def started(command: str, folder: Path, **environment: str) -> Iterator[Child]:
    """Type a command that goes on; it says something at once, in JSON. In the end it is told to stop."""
    words = shlex.split(command.replace("&", ""), comments=True)
    with subprocess.Popen(words, cwd=folder, env={**ENVIRONMENT, **environment}, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield Child(process, json.loads(process.stdout.readline()))
        finally:
            process.terminate()


@pytest.mark.parametrize("command", [*DEMO, 'make demo ARGS="--scenario notify"'])
def test_the_demonstration_and_the_commands_that_it_ends_with(command: str, tmp_path: Path) -> None:
    assert command in README
    state = tmp_path / "demo-calls"
    scenario = command.partition('ARGS="')[2].rstrip('"')
    shown = run(make(f'make demo ARGS="{scenario} --clock-rate {RATE} --state {state}"'), tmp_path)
    call_id = shown.split()[-1]
    status, latency, replay = (one.replace(".venv/bin/", f"{BIN}/").replace("<id>", call_id) for one in LOOK_AGAIN)
    record = json.loads(run(status, tmp_path))
    ends = SCENARIOS[scenario.removeprefix("--scenario ") or "conversation"].ends
    assert (record["callId"], record["endReason"]) == (call_id, ends)
    assert json.loads(run(latency, tmp_path))["plot"] == "call.svg"
    assert (tmp_path / "call.svg").read_text(encoding="utf-8").startswith("<svg ")
    assert json.loads(run(replay, tmp_path))["divergences"] == 0


def test_every_scenario_is_named() -> None:
    told = README[README.index("make demo ARGS") :].partition("\n")[0]
    assert [name for name in SCENARIOS if name != "conversation" and name not in told] == []


def test_the_other_words_of_the_makefile(tmp_path: Path) -> None:
    for command in (*TEST, "make check", "make bench"):
        assert command in README
        assert f"{BIN}/python -m" in run(make(f"{command} -n"), tmp_path)
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_a_day_with_the_command_line(tmp_path: Path) -> None:
    serve, call, tail, status, end, replay = USE
    with reserved_port() as door, reserved_port() as network:
        settings: Plain = {
            "serve": {"port": door},
            "mock": {"apiUrl": f"http://127.0.0.1:{network}"},
            "outbound": {"notifyHangupDelaySec": 3_600},
        }
        (tmp_path / "voicecall.json5").write_text(json.dumps(settings))
        here = {"VOICECALL_CONFIG": "voicecall.json5", "VOICECALL_STATE_DIR": str(tmp_path / "state")}
        with started(serve, tmp_path, **here) as server:
            assert (server.ready["ready"], server.ready["port"]) == (True, door)
            call_id = json.loads(run(call, tmp_path, **here))["callId"]
            with started(tail, tmp_path, **here) as shown:
                assert shown.ready["s"] == f"call/{call_id}"
            living = json.loads(run(status, tmp_path, **here))
            assert [one["callId"] for one in living["calls"]] == [call_id]
            run(end.replace("<id>", call_id), tmp_path, **here)
            assert json.loads(run(replay.replace("<id>", call_id), tmp_path, **here))["divergences"] == 0
        assert server.process.returncode == 0


def test_the_configuration_for_a_carrier_needs_only_the_credentials_and_a_key_for_the_ear() -> None:
    sample = SAMPLES[0]
    for carrier in ("twilio", "telnyx", "plivo"):
        keys = re.findall(rf"`({carrier.upper()}_\w+)`", README)
        plain = sample.replace('provider: "twilio"', f'provider: "{carrier}"')
        assert parse_config(plain, dict.fromkeys([*keys, "OPENAI_API_KEY"], "x")).provider == carrier
        with pytest.raises(ConfigError, match=keys[0]):
            parse_config(plain, {})


def test_the_configuration_for_a_model_needs_nothing_more() -> None:
    config = parse_config(SAMPLES[1], {})
    assert (config.agent.provider, len(SAMPLES)) == ("openai", 2)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        parse_config({"agent": {"provider": "openai"}}, {})


def test_a_simulated_carrier_and_what_it_is_asked_about(tmp_path: Path) -> None:
    _, simulate, setup, why, pairing = CARRIER
    with reserved_port() as door, reserved_port() as network:
        settings: Plain = {
            "serve": {"port": door},
            "mock": {"apiUrl": f"http://127.0.0.1:{network}"},
            "inboundPolicy": "pairing",
        }
        (tmp_path / "voicecall.json5").write_text(json.dumps(settings))
        here = {"VOICECALL_CONFIG": "voicecall.json5", "VOICECALL_STATE_DIR": str(tmp_path / "state")}
        with started(simulate, tmp_path, **here) as server:
            assert server.ready["carrier"] == "twilio"
            assert json.loads(run(setup, tmp_path, **here))["ok"]
            assert json.loads(run(pairing, tmp_path, **here)) == {"waiting": [], "paired": []}
            stranger = httpx.post(f"http://127.0.0.1:{door}/voice/webhook", data={"CallSid": "CA1"}, trust_env=False)
            assert stranger.status_code == 401
            assert json.loads(run(why, tmp_path, **here))["carrier"] == "twilio"


def test_everybody_who_is_listed_lives_there() -> None:
    rows = dict(re.findall(r"^\| `(\+\d+)` \| (.+) \|$", README, re.MULTILINE))
    assert rows == {number: about for number, (about, _) in PEOPLE.items()}


def test_the_line_of_a_journal_is_one() -> None:
    (sample,) = re.findall(r"^```json\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    line = parse(sample.replace("\n ", "").encode())
    assert isinstance(line, Line)
    assert decode_entry(line.body).seq == 7


def test_every_place_on_the_map_is_there() -> None:
    rows = re.findall(r"^\| (`(?:voicecall|journal)/.*?`) \|", README, re.MULTILINE)
    places = [place for row in rows for place in re.findall(r"`([\w/.]+)`", row)]
    assert len(places) > 10
    assert [one for one in places if not (ROOT / one).exists() and not (ROOT / "voicecall" / one).exists()] == []


def test_every_speech_vendor_is_named_with_its_key() -> None:
    page = (ROOT / "docs/speech-vendors.md").read_text(encoding="utf-8")
    for name, (variable, *_) in KEYS.items():
        assert f"`{variable}`" in README
        assert f"| `{name}` | `{variable}` |" in page
        assert f"--speech {name}" in page
