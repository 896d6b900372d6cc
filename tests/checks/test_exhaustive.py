"""A new event does not type-check until somebody says what it means; a new effect not until its lane is known."""

from __future__ import annotations

import ast
from typing import get_args

from tests.checks.sources import ROOT, classes, functions
from voicecall.events import AnyEffect, AnyEvent, Effect, Event, Lane, OnRestart
from voicecall.events.facts import Unknown

EVOLVE = ROOT / "voicecall/core/evolve.py"
EFFECTS = ROOT / "voicecall/events/effects.py"
FACTS = (ROOT / "voicecall/events/facts.py", ROOT / "voicecall/events/sound.py")


def test_evolve_matches_every_event_and_ends_in_assert_never() -> None:
    (evolve,) = [node for node in functions(EVOLVE) if node.name == "evolve"]
    assert ast.unparse(evolve.body[-1]).removeprefix("return ") == "assert_never(event)"
    cases = [case for node in ast.walk(evolve) if isinstance(node, ast.Match) for case in node.cases]
    assert not any(isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None for case in cases)
    named = {name for case in cases if case.guard is None for name in _classes_in(case.pattern)}
    assert {cls.__name__ for cls in get_args(AnyEvent)} - named == set()


def test_every_effect_says_where_it_is_carried_out_and_what_a_restart_does() -> None:
    for cls in classes(EFFECTS):
        declared = {ast.unparse(line.target) for line in cls.body if isinstance(line, ast.AnnAssign)}
        assert {"kind", "lane", "on_restart"} <= declared, cls.name
    for effect in get_args(AnyEffect):
        assert isinstance(effect.lane, Lane)
        assert isinstance(effect.on_restart, OnRestart)


def test_the_unions_hold_every_class_and_no_tag_twice() -> None:
    for paths, union, marker in (((EFFECTS,), AnyEffect, Effect), (FACTS, AnyEvent, Event)):
        members = get_args(union)
        assert {cls.__name__ for cls in members} == {cls.name for path in paths for cls in classes(path)}
        assert all(issubclass(cls, marker) and "kind" in vars(cls) for cls in members)
        assert len({cls.kind for cls in members}) == len(members)
    assert Unknown in get_args(AnyEvent)


def _classes_in(pattern: ast.pattern) -> set[str]:
    return {ast.unparse(node.cls).rpartition(".")[2] for node in ast.walk(pattern) if isinstance(node, ast.MatchClass)}
