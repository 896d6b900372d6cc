"""The words a person types, and what is said when they are the wrong ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.system.street import PATIENCE_S, voicecall
from voicecall.__main__ import main
from voicecall.cli.app import app
from voicecall.cli.place import Place, explain
from voicecall.config import ConfigError

Capture = pytest.CaptureFixture[str]
COMMANDS = (
    "serve",
    "call",
    "start",
    "continue",
    "speak",
    "dtmf",
    "end",
    "drain",
    "status",
    "tail",
    "replay",
    "latency",
    "expose",
)


def run(capsys: Capture, *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    code = main([str(one) for one in arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example_that_parses(capsys: Capture, command: str) -> None:
    code, out, err = run(capsys, command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: voicecall {command}")
    examples = str(app[command].help_epilogue).splitlines()
    assert examples[0] == "Examples:"
    assert len(examples) > 1
    for line in examples[1:]:
        words = line.strip().split(" | ")[0]
        assert " ".join(words.split()) in " ".join(out.split())
        app.parse_args(words.removeprefix("voicecall "), exit_on_error=False, print_error=False)


def test_the_overview_names_every_command(capsys: Capture) -> None:
    code, out, _ = run(capsys)
    assert code == 0
    assert [name for name in COMMANDS if f"│ {name} " not in out] == []
    assert run(capsys, "--version")[1].strip().count(".") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], 'Unknown command "frobnicate"'),
        (["call"], "--message requires an argument"),
        (["call", "-m"], "-m requires an argument"),
        (["call", "-m", "Hi", "--mode", "shout"], 'Invalid value "shout" for --mode. Choose from: "notify", "conv'),
        (["call", "-m", "Hi", "--tooo", "+15550001001"], "Unknown option: --tooo"),
        (["start"], "--to requires an argument"),
        (["continue", "-m", "Hi"], "--call-id requires an argument"),
        (["speak", "--call-id", "c"], "--message requires an argument"),
        (["dtmf", "--call-id", "c"], "--digits requires an argument"),
        (["end"], "--call-id requires an argument"),
        (["replay"], "requires an argument"),
        (["replay", "c", "--until", "x"], 'Invalid value for --until: unable to convert "x" into int'),
        (["tail", "--since", "many"], 'Invalid value for --since: unable to convert "many" into int'),
        (["status", "extra"], "Unused Tokens: ['extra']"),
        (["expose", "--mode", "of"], 'Invalid value "of" for --mode. Choose from: "off", "serve", "funnel"'),
        (["serve", "--port", "http"], 'Invalid value for --port: unable to convert "http" into int'),
    ],
)
def test_wrong_usage_is_two_lines_and_code_2(capsys: Capture, arguments: list[str], words: str) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    first, second = err.splitlines()
    assert first.startswith("voicecall: ")
    command = f"{arguments[0]} " if arguments[0] in COMMANDS else ""
    assert second == f"Try `voicecall {command}--help`."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tail", "--since", "-1"], "--since: must be 0 or more, got -1"),
        (["latency", "--last", "0"], "--last: must be 1 or more, got 0"),
        (["latency", "--since", "1w"], "--since: must be like 24h, 7d or 2026-01-31T09:00, got '1w'"),
        (
            ["latency", "5b0e", "--since", "7d"],
            "--since: chooses among all calls, got it with '5b0e'; leave one of them out",
        ),
        (
            ["latency", "--plot", "call.svg"],
            "--plot: shows one call, got 0; name it: voicecall latency CALL --plot call.svg",
        ),
        (
            ["latency", "5b0e", "--plot", "call.png"],
            "--plot: must end in .svg, got 'call.png'; a browser shows an SVG and prints it as anything else",
        ),
        (["replay", "c", "--until", "0"], "--until: must be 1 or more, got 0"),
        (["serve", "--port", "65536"], "--port: must be between 0 (any free one) and 65535, got 65536"),
        (["serve", "--host-grace", "0"], "--host-grace: must be more than 0 seconds, got 0.0"),
        (["drain", "--within", "soon"], "--within: must be like 30s, 500ms or 5m, got 'soon'"),
        (["serve", "--clock-rate", "0"], "--clock-rate: must be more than 0, got 0.0"),
        (["serve", "--clock-rate", "nan"], "--clock-rate: must be more than 0, got nan"),
        (
            ["call", "-m", "H\udcff", "--to", "+15550001001"],
            "--message: is not UTF-8; check the encoding of the terminal",
        ),
    ],
)
def test_a_value_out_of_range_is_named(capsys: Capture, tmp_path: Path, arguments: list[str], words: str) -> None:
    code, out, err = run(capsys, *arguments, "--state", tmp_path / "state")
    assert (code, out, err) == (2, "", f"{words}\n")
    assert list(tmp_path.iterdir()) == []


def test_without_a_server_every_request_says_how_to_start_one(capsys: Capture, tmp_path: Path) -> None:
    words = f"no voicecall server is running for {tmp_path}: start it with `voicecall serve --state {tmp_path}`\n"
    for arguments in (
        ("call", "-m", "Hi", "--to", "+15550001001"),
        ("start", "--to", "+15550001001"),
        ("continue", "--call-id", "c", "-m", "Hi"),
        ("speak", "--call-id", "c", "-m", "Hi"),
        ("dtmf", "--call-id", "c", "--digits", "1"),
        ("end", "--call-id", "c"),
    ):
        assert run(capsys, *arguments, "--state", tmp_path) == (1, "", words)
    assert list(tmp_path.iterdir()) == []


# --- where -----------------------------------------------------------------------------------------------------------


def test_the_state_directory_is_looked_for_in_order(tmp_path: Path) -> None:
    config = tmp_path / "voicecall.json5"
    config.write_text("{ store: '~/calls', nonsense: 5 }  // not checked by a command that only looks")
    home = {"HOME": "/home/me"}
    given = {**home, "VOICECALL_STATE_DIR": "/var/calls", "VOICECALL_CONFIG": str(config)}

    def state(option: str | None, environment: dict[str, str], file: Path | None = None) -> Path:
        return Place.find(Path(option) if option else None, file, environment).state

    assert state("/here", given) == Path("/here")
    assert state("here", given) == Path.cwd() / "here"
    assert state(None, given) == Path("/var/calls")
    assert state(None, {**home, "VOICECALL_CONFIG": str(config)}) == Path("/home/me/calls")
    assert state(None, home, config) == Path("/home/me/calls")
    assert state(None, home) == Path("/home/me/.openclaw/voice-calls")
    assert Place.find(None, None, given).config == config


def test_a_configuration_that_cannot_be_read_is_code_2(capsys: Capture, tmp_path: Path) -> None:
    missing, broken, relative = tmp_path / "missing.json5", tmp_path / "broken.json5", tmp_path / "relative.json5"
    broken.write_text("{ store: ")
    relative.write_text("{ store: 'calls' }")
    for file, words in (
        (missing, f"{missing}: there is no such file; create it, or name another one"),
        (broken, f"{broken}: not JSON5: "),
        (relative, f'{relative}: store: expected an absolute path, or one that begins with "~/"'),
    ):
        for command in (("status",), ("call", "-m", "Hi"), ("serve",)):
            code, out, err = run(capsys, *command, "--config", file)
            assert (code, out) == (2, "")
            assert words in err
    with pytest.raises(ConfigError):
        Place.find(None, missing, {})


def test_an_error_of_the_system_names_the_path_and_the_fix() -> None:
    refused = PermissionError(13, "Permission denied", "/var/calls")
    assert explain(refused) == (
        "/var/calls: Permission denied; check the path and its permissions, or use another --state"
    )
    assert explain(OSError("a key is no key")) == "a key is no key"


# --- as a process ----------------------------------------------------------------------------------------------------


def test_the_console_script_and_the_module_are_the_same() -> None:
    script = Path(sys.executable).with_name("voicecall")
    done = subprocess.run([script, "--version"], capture_output=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout.decode()) == (0, voicecall("--version").out)
    assert voicecall("frobnicate").code == 2


def test_a_command_that_asks_imports_neither_server_nor_tables() -> None:
    heavy = ("numpy", "quart", "hypercorn", "httpx", "rich.table", "cattrs", "json5", "voicecall.system")
    code = (
        "import json, sys; from voicecall.__main__ import main; main(sys.argv[1:]); print(json.dumps([*sys.modules]))"
    )

    def imported(*arguments: str) -> set[str]:
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
        modules: Any = json.loads(done.stdout.splitlines()[-1])
        return set(modules)

    asked = imported("end", "--call-id", "c", "--state", "/nowhere")
    assert "voicecall.rpc.client" in asked
    assert asked & set(heavy) == set()
