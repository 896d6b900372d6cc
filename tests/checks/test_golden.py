"""Journals that were written once are decided the same way for ever; only they catch a changed rule."""

from __future__ import annotations

import json
from pathlib import Path

from tests.checks.sources import ROOT
from voicecall.core.replay import replay
from voicecall.events import RULES, Entry
from voicecall.events.schema import decode_entry, encode_entry

GOLDEN = sorted((ROOT / "tests/golden").glob("rules-*/*.jsonl"))


def calls(path: Path) -> dict[str, list[Entry]]:
    """The entries of each call in a file of journal lines (``{"p", "s", "c", "b"}``) or of bare entries."""
    found: dict[str, list[Entry]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        plain = json.loads(line)
        stream, body = (plain["s"], plain["b"]) if "b" in plain else (path.stem, plain)
        found.setdefault(stream, []).append(decode_entry(json.dumps(body).encode()))
    return found


def test_there_is_a_journal_for_every_set_of_rules() -> None:
    assert {path.parent.name for path in GOLDEN} >= {f"rules-{number}" for number in range(1, RULES + 1)}


def test_every_golden_journal_replays_without_divergence() -> None:
    for path in GOLDEN:
        for stream, entries in calls(path).items():
            again = replay(entries)
            assert again.divergences == (), f"{path.name} {stream}: {again.divergences[0]}"
            assert again.entries == len(entries) > 0


def test_every_golden_line_survives_being_written_again() -> None:
    for path in GOLDEN:
        for entries in calls(path).values():
            assert [decode_entry(encode_entry(entry)) for entry in entries] == entries


def test_a_changed_decision_would_be_noticed() -> None:
    for path in GOLDEN:
        for entries in calls(path).values():
            deciding = next(entry for entry in entries if entry.effects)
            changed = [_without_effects(entry) if entry is deciding else entry for entry in entries]
            assert replay(changed).divergences != ()


def _without_effects(entry: Entry) -> Entry:
    plain = json.loads(encode_entry(entry))
    del plain["effects"]
    return decode_entry(json.dumps(plain).encode())
