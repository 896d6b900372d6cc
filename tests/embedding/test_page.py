"""The programs of docs/embedding.md, as they stand there, against the simulated phone network. Only ports, clocks and
the state directory are others."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import voicecall
from tests.checks.sources import ROOT
from tests.embedding.host import Host, run
from tests.system.street import open_street

PAGE = (ROOT / "docs/embedding.md").read_text(encoding="utf-8")
CALL, EVENTS, AGENT, ERRORS, ASYNCIO = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
RATE = 4
"""Two sides of a call in one process need time to listen to each other."""
Capture = pytest.CaptureFixture[str]


def program(state: Path, host: Host | None, *blocks: str) -> dict[str, Any]:
    """The names that blocks of code define, one after the other."""
    text = "\n\n".join(blocks).replace('"calls"', repr(str(state)))
    if host is not None:
        ours = host.config["mock"]["apiUrl"], str(host.config["serve"]["port"])
        for theirs, mine in zip(("http://127.0.0.1:3335", "3334"), ours, strict=True):
            assert theirs in text
            text = text.replace(theirs, mine)
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(text, "docs/embedding.md", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def fast_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voicecall, "open_system", partial(voicecall.open_system, clock_rate=RATE), raising=False)


def test_a_call(tmp_path: Path, capsys: Capture) -> None:
    async def story(host: Host) -> None:
        await program(tmp_path / "calls", host, CALL)["main"]()

    run(tmp_path, story, rate=RATE)
    said, ended = capsys.readouterr().out.splitlines()
    assert said == "they said: Hello? I am listening."
    assert ended.startswith("hangup-bot [")
    assert "'Hello! This is the bakery.'" in ended


def test_an_agent_and_whoever_watches(tmp_path: Path, capsys: Capture) -> None:
    async def story(host: Host) -> None:
        await program(tmp_path / "calls", host, CALL, EVENTS, AGENT)["talk"]()

    run(tmp_path, story, rate=RATE)
    out = capsys.readouterr().out
    assert "caller: Hello, this is Alex. How are you?" in out
    assert "You said:" in out
    assert "The bread is ready on Thursday." in out
    assert "is over: hangup-user" in out


def test_errors(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        remind = program(tmp_path, None, "import voicecall", ERRORS)["remind"]
        async with host.open() as system:
            assert await remind(system, "911") == (
                "to is wrong: to: expected E.164 format, e.g. +15550001234, got '911'"
            )
            placed = await remind(system, "+15550001003")
            assert (placed, len(placed)) == (await remind(system, "+15550001003"), 36)
            assert await remind(system, "+15550001004") == "later"

    run(tmp_path, story, rate=RATE, maxConcurrentCalls=1)


def test_every_name_of_the_package_that_it_mentions_exists() -> None:
    mentioned = set(re.findall(r"voicecall\.([A-Z]\w+)", PAGE))
    assert mentioned <= set(voicecall.__all__)
    for row in re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE):
        assert callable(getattr(voicecall.EmbeddedSystem, row))


def test_a_host_on_asyncio(tmp_path: Path, capsys: Capture) -> None:
    with open_street(tmp_path) as street:
        asyncio.run(program(street.state, None, ASYNCIO)["asyncio_main"]())
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "caller: Hello, this is Alex. How are you?"
    assert out[-1] == "hangup-user"
