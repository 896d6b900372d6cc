"""Every link between pages leads somewhere, and every file that a page names is there."""

from __future__ import annotations

import re

from tests.checks.sources import ROOT

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
