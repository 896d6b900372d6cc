"""The picture of a call: XML that needs nothing else, nothing outside it, no two writings on one another."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from attrs import evolve, frozen

from tests.checks.sources import ROOT
from tests.checks.test_golden import calls
from tests.core.story import conversing
from voicecall.cli.drawing import Envelope, draw, fitting, stacked, text_width, wrapped
from voicecall.cli.palette import LEGEND, MARK_SIGNS, STYLE, fill_of
from voicecall.events import Instant
from voicecall.projections.latency import Punctuality, TurnLatency
from voicecall.projections.timeline import Mark, Span, Timeline, timeline

SVG = "{http://www.w3.org/2000/svg}"
AT = 1_767_225_600_000
GOLDEN = sorted((ROOT / "tests/golden").glob("rules-*/*.jsonl"))


@frozen
class Writing:
    """A line of text where it stands."""

    text: str
    left: float
    base: float

    @property
    def right(self) -> float:
        return self.left + text_width(self.text)


@frozen
class Picture:
    """What was drawn."""

    root: ElementTree.Element

    def texts(self) -> list[Writing]:
        return [
            Writing(one.text or "", float(one.get("x", "")), float(one.get("y", "")))
            for one in self.root.iter(f"{SVG}text")
            if one.get("class") != "title"
        ]

    def titles(self) -> list[str]:
        return [one.text or "" for one in self.root.iter(f"{SVG}title")]

    def of(self, kind: str) -> list[ElementTree.Element]:
        return [one for one in self.root.iter() if kind in (one.get("class") or "").split()]

    def overlapping(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        texts = self.texts()
        for number, one in enumerate(texts):
            for other in texts[number + 1 :]:
                if abs(one.base - other.base) < 11 and one.left < other.right and other.left < one.right:
                    found.append((one.text, other.text))
        return found

    def outside(self) -> list[str]:
        _, _, width, height = map(float, self.root.get("viewBox", "").split())
        beyond = [one.text for one in self.texts() if one.left < 0 or one.right > width or not 0 < one.base < height]
        for one in self.root.iter(f"{SVG}rect"):
            x, y, wide, high = (float(one.get(name, "")) for name in ("x", "y", "width", "height"))
            if x < 0 or y < 0 or x + wide > width + 0.11 or y + high > height or wide < 0:
                beyond.append(ElementTree.tostring(one, "unicode"))
        for one in self.root.iter(f"{SVG}line"):
            if not all(0 <= float(one.get(name, "")) <= max(width, height) for name in ("x1", "x2", "y1", "y2")):
                beyond.append(ElementTree.tostring(one, "unicode"))
        return beyond


def picture(call: Timeline, *sound: Envelope, title: str = "call", subtitle: str = "") -> Picture:
    drawn = draw(call, sound, title=title, subtitle=subtitle)
    assert drawn.endswith("</svg>\n")
    return Picture(ElementTree.fromstring(drawn))


def empty(ms: int) -> Timeline:
    return Timeline(
        begins_at=Instant(AT),
        ends_at=Instant(AT + ms),
        placed_at=Instant(AT),
        title="",
        spans=(),
        marks=(),
        turns=(),
        openings=(Instant(AT),),
        punctuality=Punctuality(),
    )


def span(begin: int, end: int, *, heard: int | None = None, text: str = "Hello.", purpose: str = "reply") -> Span:
    until = end if heard is None else heard
    return Span(
        voice="agent" if purpose else "caller",
        begins_at=Instant(AT + begin),
        ends_at=Instant(AT + end),
        heard_until=Instant(AT + until),
        text=text,
        purpose=purpose,
    )


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_kind_of_call_can_be_drawn(path: Path) -> None:
    for entries in calls(path).values():
        drawn = picture(timeline(entries))
        assert (drawn.outside(), drawn.overlapping()) == ([], [])


def test_a_crowded_call_is_still_readable() -> None:
    marks = tuple(Mark(at=Instant(AT + 100 * one), kind="keys", text=f"keys {one}") for one in range(40))
    turns = tuple(
        TurnLatency(turn=one, stopped_at=Instant(AT + 300 * one), transcript_ms=100, frame_ms=700) for one in range(12)
    )
    late = (Mark(at=Instant(AT + 3_990), kind="end", text="ended: hangup-user"), *marks[-3:])
    drawn = picture(evolve(empty(4_000), marks=(*marks, *late), turns=turns))
    assert (drawn.outside(), drawn.overlapping()) == ([], [])


@pytest.mark.parametrize("ms", [0, 1, 999, 60_000, 3_600_000, 86_400_000])
def test_a_call_of_any_length_has_a_width_and_an_axis(ms: int) -> None:
    drawn = picture(empty(ms))
    assert 960 <= float(drawn.root.get("width", "")) <= 16_000
    assert drawn.of("grid")
    assert len(drawn.of("grid")) <= 270
    assert (drawn.outside(), drawn.overlapping()) == ([], [])


def test_what_was_not_heard_looks_different() -> None:
    drawn = picture(evolve(empty(20_000), spans=(span(1_000, 3_000, heard=1_800),)))
    legend, unheard = drawn.of("unheard")
    assert float(legend.get("height", "")) < float(unheard.get("height", ""))
    assert float(unheard.get("width", "")) == pytest.approx(1_200 * 60 / 1_000, rel=0.01)
    assert any("heard 800 ms" in title for title in drawn.titles())


def test_fillers_and_apologies_are_told_apart_by_class_and_by_tooltip() -> None:
    spans = (span(0, 900, purpose="filler"), span(1_000, 1_900, purpose="apology"), span(2_000, 2_900, purpose=""))
    drawn = picture(evolve(empty(4_000), spans=spans))
    for kind, words in (("filler", "we, filler: "), ("apology", "we, apology: "), ("caller", "caller: ")):
        assert len([one for one in drawn.of(kind) if one.tag == f"{SVG}rect"]) == 2  # and the legend's
        assert any(title.startswith(words) for title in drawn.titles())
    assert {fill_of(purpose)[0] for purpose in ("greeting", "reply", "say", "return")} == {"reply"}


def test_every_sign_is_explained_or_says_itself_what_it_is() -> None:
    drawn = picture(evolve(empty(9_000), marks=tuple(Mark(at=Instant(AT), kind=one, text=one) for one in MARK_SIGNS)))
    for kind, sign in MARK_SIGNS.items():
        assert f"{sign} {kind}" in [one.text for one in drawn.texts()]
    assert {name for name, _ in LEGEND} <= {one.text for one in drawn.texts()}


def test_the_stages_of_a_turn_follow_one_another() -> None:
    turn = TurnLatency(
        turn=7, stopped_at=Instant(AT), transcript_ms=200, token_ms=400, clause_ms=400, frame_ms=650, heard_ms=700
    )
    drawn = picture(evolve(empty(9_000), turns=(turn,)))
    stages = drawn.of("stage")
    assert [(one.get("class") or "").split()[1] for one in stages] == ["s1", "s2", "s5", "s6"]
    ends = [float(one.get("x", "")) + float(one.get("width", "")) for one in stages]
    assert ends[:-1] == pytest.approx([float(one.get("x", "")) for one in stages[1:]], abs=0.11)
    assert "turn 7: 700 ms" in [one.text for one in drawn.texts()]


def test_a_turn_that_was_not_answered_or_has_no_origin_says_so() -> None:
    turns = (
        TurnLatency(turn=1, stopped_at=Instant(AT), transcript_ms=200),
        TurnLatency(turn=2, stopped_at=Instant(AT + 4_000), frame_ms=500),
        TurnLatency(turn=3, stopped_at=Instant(AT + 8_000)),
    )
    drawn = picture(evolve(empty(9_000), turns=turns))
    for words in ("turn 1: no answer", "turn 2*: 500 ms", "turn 3*: no answer"):
        assert words in [one.text for one in drawn.texts()]
    assert "turn 3, after the transcript (nobody tells when they stopped): nothing" in drawn.titles()


def test_the_sound_of_both_sides_is_drawn_in_their_lanes() -> None:
    levels = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.0]])
    drawn = picture(empty(4_000), Envelope(begins_at=Instant(AT), step_ms=40, levels=levels))
    theirs, ours = drawn.of("wave")
    assert (theirs.get("class"), ours.get("class")) == ("wave caller", "wave reply")
    assert (theirs.get("d") or "").count("L") == 5
    outside = picture(empty(4_000), Envelope(begins_at=Instant(AT + 9_000), step_ms=40, levels=levels))
    assert outside.of("wave") == []


def test_a_title_is_no_wider_than_the_picture() -> None:
    drawn = picture(empty(1_000), title="call " + "W" * 500, subtitle="heard after " * 100)
    assert drawn.outside() == []
    (title,) = drawn.of("title")
    assert text_width(title.text or "") * 1.6 < 960


def test_what_people_say_cannot_break_the_picture() -> None:
    text = '<script>alert(1)</script> & "so" \x00\x07\ud800 日本語'
    drawn = picture(evolve(empty(60_000), spans=(span(0, 50_000, text=text),)), title=text, subtitle=text)
    assert not list(drawn.root.iter(f"{SVG}script"))
    assert any("<script>alert(1)</script>" in title for title in drawn.titles())


def test_the_picture_needs_nothing_from_anywhere() -> None:
    call = conversing()
    call.says("Hello?")
    drawn = draw(timeline(call.entries), [], title="call", subtitle="")
    assert re.findall(r"https?://[^\"' ]+", drawn) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"href|url\(|@import|<script|<image", drawn)
    assert "prefers-color-scheme:dark" in STYLE
    assert "var(" not in STYLE  # not everything that shows an SVG knows variables


def test_text_is_shortened_to_what_fits() -> None:
    assert fitting("Hello", 100) == "Hello"
    assert fitting("Hello, this is us", 60) == "Hello, t…"
    assert fitting("Hello", 15) == ""
    assert text_width(fitting("WWWWWWWWWWWW", 100)) <= 100
    assert text_width("日本語") > text_width("abc") > text_width("ill")


def test_text_is_broken_into_two_lines_at_most() -> None:
    assert wrapped("Is Thursday at ten good for you?", 100) == ["Is Thursday at", "ten good for y…"]
    assert wrapped("Hello", 100) == ["Hello"]
    assert wrapped("", 100) == []
    assert wrapped("Donaudampfschiff", 60) == ["Donaud…"]


def test_what_touches_goes_into_another_row() -> None:
    assert stacked([(0, 10), (5, 20), (12, 30), (20, 25), (40, 50)]) == [0, 1, 2, 0, 0]
    assert stacked([(0, 10), (14, 20)]) == [0, 0]
    assert stacked([]) == []
