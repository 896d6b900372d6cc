"""``expose``: what it prints, what it adds and removes, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tunnels.programs import HOST, Programs, programs
from voicecall.__main__ import main

DOOR = "http://127.0.0.1:3334"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Programs]:
    with programs(tmp_path / "bin", "tailscale") as found:
        yield found


def expose(capsys: Capture, *arguments: str, code: int = 0) -> tuple[Any, str]:
    """What it prints, and what it complains about."""
    assert main(["expose", *arguments]) == code
    out, err = capsys.readouterr()
    return json.loads(out) if out else None, err


def test_the_door_becomes_public_and_private_again(node: Programs, capsys: Capture) -> None:
    assert expose(capsys)[0] == {
        "ok": True,
        "mode": "funnel",
        "path": "/voice/webhook",
        "localUrl": f"{DOOR}/voice/webhook",
        "publicUrl": f"https://{HOST}/voice/webhook",
        "streamUrl": f"wss://{HOST}/voice/stream",
    }
    assert node.served() == {"/voice/webhook": f"{DOOR}/voice/webhook", "/voice/stream": f"{DOOR}/voice/stream"}
    assert node.funnels() == ["443"]
    assert expose(capsys)[0]["ok"]
    assert len(node.changes()) == 2
    for _ in range(2):
        assert expose(capsys, "--mode", "off")[0] == {"ok": True, "mode": "off", "path": "/voice/webhook"}
        assert (node.served(), len(node.changes())) == ({}, 4)


def test_options_count_before_the_configuration(node: Programs, capsys: Capture, tmp_path: Path) -> None:
    config = tmp_path / "voicecall.json5"
    needs = {"provider": "twilio", "serve": {"port": 4000, "path": "/hook"}, "streaming": {"streamPath": "/sound"}}
    config.write_text(json.dumps({**needs, "tailscale": {"port": 8443, "path": "/phone"}}))
    told = expose(capsys, "--mode", "serve", "--config", str(config))[0]
    assert told["publicUrl"] == f"https://{HOST}:8443/phone"
    assert node.served(8443) == {"/phone": "http://127.0.0.1:4000/hook", "/sound": "http://127.0.0.1:4000/sound"}
    node.web({})
    options = ("--path", "/a", "--serve-path", "/b", "--port", "5000")
    told = expose(capsys, "--mode", "serve", *options, "--config", str(config))[0]
    assert (told["path"], told["localUrl"]) == ("/a", "http://127.0.0.1:5000/b")
    assert node.served(8443) == {"/a": "http://127.0.0.1:5000/b", "/sound": "http://127.0.0.1:5000/sound"}


def test_what_is_not_allowed_yet_comes_with_the_page_that_allows_it(node: Programs, capsys: Capture) -> None:
    node.tailscale(not_enabled="ends")
    told, error = expose(capsys, code=1)
    assert (told["ok"], told["publicUrl"]) == (False, None)
    assert told["hint"]["enableUrl"] == "https://login.tailscale.com/f/funnel?node=nABC123CNTRL"
    assert error == told["hint"]["note"] + "\n"
    assert "Funnel is not enabled on your tailnet." in error


def test_it_is_all_or_nothing(node: Programs, capsys: Capture) -> None:
    node.tailscale(refuses="/voice/stream")
    assert "Another client is changing the serve config" in expose(capsys, code=1)[1]
    assert (node.served(), len(node.changes())) == ({}, 3)


def test_what_others_have_exposed_stays_in_both_directions(node: Programs, capsys: Capture) -> None:
    theirs = {"/voice/webhook": "http://127.0.0.1:8080/x"}
    node.web(theirs, funnel=True)
    assert "already leads to http://127.0.0.1:8080/x" in expose(capsys, code=1)[1]
    told, error = expose(capsys, "--mode", "off", code=1)
    assert told is None
    assert error == (
        f"--path: /voice/webhook leads to http://127.0.0.1:8080/x, not to {DOOR}/voice/webhook; name its --port and "
        "--serve-path, or remove it yourself: `tailscale funnel --set-path /voice/webhook off`\n"
    )
    assert (node.served(), node.changes()) == (theirs, [])


@pytest.mark.parametrize("mode", ["off", "serve"])
def test_without_tailscale_it_is_said_where_to_get_it(tmp_path: Path, capsys: Capture, mode: str) -> None:
    with programs(tmp_path / "bin"):
        assert "install it (https://tailscale.com/download)" in expose(capsys, "--mode", mode, code=1)[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "0"], "--port: must be between 1 and 65535, got 0\n"),
        (["--path", "phone"], "--path: must begin with /, got phone\n"),
        (["--serve-path", "hook"], "--serve-path: must begin with /, got hook\n"),
    ],
)
def test_an_option_that_cannot_be_is_named(capsys: Capture, arguments: list[str], words: str) -> None:
    assert expose(capsys, *arguments, code=2) == (None, words)
