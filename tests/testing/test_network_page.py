"""The page about the simulated phone network says what the network knows, and its examples work."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.testing.desk import HOME, Desk, play
from voicecall.testing import faults
from voicecall.testing.faults import load_faults
from voicecall.testing.network import read_options
from voicecall.testing.script import STEPS, load_script

PAGE = (Path(__file__).parents[2] / "docs" / "mock-carrier.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
RULES = [one for one in vars(faults).values() if isinstance(one, type) and issubclass(one, faults.Rule)]


def rows(head: str) -> list[list[str]]:
    """The cells of the table with this first line."""
    lines = PAGE.split(head + "\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def words(text: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", text)


def test_every_step_is_there_with_all_its_fields() -> None:
    table = {words(name)[0]: words(fields) for name, fields, _ in rows("| step | fields (usual value) | |")}
    assert table.keys() == STEPS.keys()
    for word, cls in STEPS.items():
        known = [re.sub(r"_(\w)", lambda found: found[1].upper(), one.name) for one in attrs.fields(cls)]
        assert sorted(table[word]) == sorted(known)


def test_every_fault_is_there() -> None:
    known = {one.__struct_config__.tag for one in RULES if one is not faults.Rule}
    assert {words(name)[0] for name, _ in rows("| `do` | |")} == known


def test_the_examples_can_be_loaded() -> None:
    steps, whole, script, webhook = EXAMPLES
    assert [step.do for step in load_script(steps).steps] == ["answer", "hear", "say", "hear", "hangUp"]
    assert load_script(whole).who == "fax"
    loaded = load_faults(script)
    assert (len(loaded.webhooks), len(loaded.rest), len(loaded.media)) == (5, 4, 2)
    assert {type(one) for one in (*loaded.webhooks, *loaded.rest, *loaded.media)} == set(RULES) - {faults.Rule}
    assert webhook["event"]["type"] == "call.answered"


def test_every_option_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options(["--help"])
    known = set(re.findall(r"(--[\w-]+)", capsys.readouterr().out)) - {"--help"}
    assert {option for name, _ in rows("| option | |") for option in re.findall(r"(--[\w-]+)", name)} == known


def test_every_field_of_a_reported_call_is_there() -> None:
    seen: list[dict[str, Any]] = []

    async def story(desk: Desk) -> None:
        await desk.dial(["answer", {"do": "wait", "ms": 500}, "hangUp"], url=f"{HOME}/events")
        seen.append(await desk.over())

    play(story)
    told = {word for name, _ in rows("| field | |") for word in words(name)}
    assert told == seen[0].keys()
