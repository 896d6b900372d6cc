"""No event or effect changes its shape silently: ``voicecall/events/schema.lock.json`` says what is in journals."""

from __future__ import annotations

import json

import pytest
from attrs import frozen

from scripts import schema_lock
from tests.checks.sources import ROOT
from voicecall.events.schema import EFFECTS, EVENTS, SCHEMA, UPCASTS

LOCK = ROOT / "voicecall/events/schema.lock.json"


def test_the_shapes_are_those_of_the_lock() -> None:
    locked = json.loads(LOCK.read_text(encoding="utf-8"))
    assert locked["schema"] == SCHEMA
    assert locked["shapes"] == schema_lock.shapes(), (
        "a shape changed. A new field with a default: run python scripts/schema_lock.py. "
        "Anything else: raise SCHEMA and add an upcast in voicecall/events/schema.py first"
    )


def test_every_older_version_has_an_upcast() -> None:
    assert sorted(UPCASTS) == list(range(1, SCHEMA))


def test_the_lock_holds_every_tag() -> None:
    named = set(json.loads(LOCK.read_text(encoding="utf-8"))["shapes"])
    assert {f"event {kind}" for kind in EVENTS} | {f"effect {kind}" for kind in EFFECTS} <= named


@pytest.mark.parametrize(
    ("change", "objection"),
    [
        ({"text": "str", "turn": "int"}, ""),
        ({"text": "str"}, "x.turn is gone"),
        ({"text": "int", "turn": "int"}, "x.text was str and is int"),
        ({"text": "str", "turn": "int", "late": "int"}, ""),
        ({"text": "str", "turn": "int", "needed": "int"}, "x.needed is new without a default"),
    ],
)
def test_the_lock_is_not_rewritten_over_a_change_that_breaks_old_journals(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str], objection: str
) -> None:
    @frozen(kw_only=True)
    class Changed:
        text: str
        turn: int
        needed: int
        late: int = 0

    monkeypatch.setitem(schema_lock.CLASSES, "x", Changed)
    found = schema_lock.objections({"x": {"text": "str", "turn": "int"}}, {"x": change})
    assert found == ([objection] if objection else [])


def test_a_tag_may_not_vanish() -> None:
    assert schema_lock.objections({"event call.rang": {}}, {}) == ["event call.rang is gone"]
