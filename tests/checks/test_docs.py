"""Every link between pages leads somewhere, and every file and test that a page names is there."""

from __future__ import annotations

import re

from tests.checks.sources import ROOT, functions

FAULTS = ROOT / "docs/faults.md"
GRAVE = {
    *("P1", "P2", "P3", "P4", "P5", "P6", "P7"),
    *("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E9"),
    *("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10"),
    *("S11", "S12", "S13", "S14", "S15", "S16", "S17", "S18", "S20"),
    *("C1", "C2", "C3", "C5", "C6", "C7", "C8", "C9"),
    *("X1", "X2", "X3", "X5", "X9", "X11"),
    *("A1", "A3", "A5"),
}
"""Every fault of the plugin that somebody would notice."""
SLIGHT = {"A2", "X7"}
"""Others that have a row."""
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")
PATH = re.compile(r"`((?:docs|scripts|voicecall|journal|tests)/[\w./-]+\.\w+)`")


def test_every_link_leads_to_a_file() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    assert [
        f"{page.name}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ] == []


def test_every_file_that_a_page_names_exists() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    assert [
        f"{page.name}: {name}"
        for page in pages
        for name in PATH.findall(page.read_text(encoding="utf-8"))
        if not (ROOT / name).exists()
    ] == []


def test_every_test_that_is_said_to_catch_a_fault_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", FAULTS.read_text(encoding="utf-8"))
    assert len(named) > len(GRAVE)
    assert [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or name not in {node.name for node in functions(ROOT / path)}
    ] == []


def test_every_grave_fault_has_one_row_and_every_row_a_test() -> None:
    rows = re.findall(r"^\| ([A-Z]\d+) \| (high|med|low) \|(.*)\|$", FAULTS.read_text(encoding="utf-8"), re.MULTILINE)
    numbers = [number for number, _, _ in rows]
    assert sorted(set(numbers)) == sorted(numbers)
    assert set(numbers) == GRAVE | SLIGHT
    assert {number for number, weight, _ in rows if weight == "low"} == SLIGHT
    assert [number for number, _, cells in rows if "::test_" not in cells.rpartition("|")[2]] == []
