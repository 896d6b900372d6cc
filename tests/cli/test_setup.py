"""``setup`` and ``smoke``: what they print, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shelf import on_terminal
from tests.cli.test_serving import configure, ports
from tests.system.street import BUSY, LISTENS, Child
from voicecall.__main__ import main

Capture = pytest.CaptureFixture[str]
SAID = "This is a test call of voicecall. If you can hear this, everything works. Goodbye."


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no configuration comes from the environment."""
    for name in ("VOICECALL_CONFIG", "VOICECALL_STATE_DIR", "OPENAI_API_KEY", "ELEVENLABS_API_KEY", "XI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def run(capsys: Capture, *arguments: str | Path, code: int = 0) -> Any:
    """What it prints for programs."""
    assert main([str(one) for one in arguments]) == code
    return json.loads(capsys.readouterr().out)


def broken(folder: Path, door: int) -> Path:
    """A configuration with five mistakes."""
    file = folder / "broken.json5"
    plain = {"provider": "telnyx", "servee": 1, "serve": {"port": door}, "ringTimeoutMs": 0, "telnyx": {"apiKey": "K"}}
    file.write_text(json.dumps(plain))
    return file


def test_of_a_broken_configuration_every_problem_is_printed_once_with_its_fix(tmp_path: Path, capsys: Capture) -> None:
    with ports() as (door, _):
        file = broken(tmp_path, door)
        told = run(capsys, "setup", "--config", file, "--state", tmp_path / "state", "--json", code=1)
        assert not told["ok"]
        found = [(one["message"].partition(":")[0], one["fix"]) for one in told["checks"] if not one["ok"]]
        assert [path.split(" (or")[0] for path, _ in found] == [
            "ringTimeoutMs",
            "servee",
            "plugins.entries.voice-call.config.fromNumber is required",
            "plugins.entries.voice-call.config.telnyx.connectionId is required",
            "plugins.entries.voice-call.config.telnyx.publicKey is required",
        ]
        assert {fix for _, fix in found} == {
            f"change ringTimeoutMs in {file}",
            f"remove or rename servee in {file}",
            f"set fromNumber in {file}",
            f"set telnyx.connectionId in {file}",
            f"set telnyx.publicKey in {file}",
        }
        seen = on_terminal("setup", "--config", str(file), "--state", str(tmp_path / "state"))
        assert seen.code == 1
        for _, fix in found:
            assert "".join(seen.out.split()).count("".join(f"→ {fix}".split())) == 1
        assert "Voice Call setup: needs attention (5 to mend)" in seen.out


def test_a_configuration_that_cannot_be_read_is_a_finding_too(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "voicecall.json5"
    told = run(capsys, "setup", "--config", file, code=1)
    assert [(one["id"], one["ok"]) for one in told["checks"]] == [("provider-config", False)]
    assert told["checks"][0]["message"] == f"{file}: there is no such file"
    assert told["checks"][0]["fix"] == "create it, or name another one"
    file.write_text("{ store: 5, ")
    told = run(capsys, "setup", "--config", file, "--state", tmp_path / "state", code=1)
    assert [one["id"] for one in told["checks"]] == ["provider-config", "state", "space", "journal"]
    assert "not JSON5" in told["checks"][0]["message"]


def test_beside_a_server_that_runs_everything_is_in_order_and_a_call_can_be_made(
    tmp_path: Path, capsys: Capture
) -> None:
    with ports() as (door, network):
        options = configure(tmp_path, door, network)
        here = options[1:]
        server = Child.start("voicecall", "serve", "--clock-rate", "10", *options, log=tmp_path / "log")
        try:
            told = run(capsys, "setup", *here)
            assert {one["level"] for one in told["checks"]} == {"ok"}
            messages = {one["id"]: one["message"] for one in told["checks"]}
            assert messages["port"] == f"our server listens on 127.0.0.1 port {door}"
            assert messages["webhook-exposure"].startswith(f"http://127.0.0.1:{door}/voice/webhook leads here")
            wish = {"to": LISTENS, "message": SAID, "mode": "notify"}
            dry = run(capsys, "smoke", *here, "--to", LISTENS)
            assert dry == {"ok": True, "setup": dry["setup"], "liveCall": False, "wouldCall": wish}
            assert "wouldCall" not in run(capsys, "smoke", *here, "--yes")
            assert run(capsys, "status", *here)["calls"] == []
            live = run(capsys, "smoke", *here, "--to", LISTENS, "--yes")
            assert (live["ok"], live["liveCall"], live["call"]["endReason"]) == (True, True, "hangup-bot")
            assert live["call"]["callId"] == live["callId"]
            assert live["call"]["transcript"][0]["text"] == SAID
            refused = run(capsys, "smoke", *here, "--to", BUSY, "--yes", code=1)
            assert refused["error"] == "the call was not answered: busy"
        finally:
            server.stop()


def test_nobody_is_called_when_something_is_wrong_or_no_server_runs(tmp_path: Path, capsys: Capture) -> None:
    with ports() as (door, network):
        place = ("--config", broken(tmp_path, door), "--state", tmp_path / "state")
        told = run(capsys, "smoke", *place, "--to", LISTENS, "--yes", code=1)
        assert (told["ok"], told["liveCall"], told["setup"]["ok"]) == (False, False, False)
        options = configure(tmp_path / "fine", door, network)[1:]
        told = run(capsys, "smoke", *options, "--to", LISTENS, "--yes", code=1)
        assert (told["ok"], told["liveCall"], told["setup"]["ok"]) == (False, False, True)
        assert told["error"].startswith("no voicecall server is running for ")
        assert main(["smoke", "--to", "12"]) == 2
        assert capsys.readouterr().err == "--to: expected E.164 format, e.g. +15550001234, got '12'\n"
