"""A call as a picture: an SVG that needs nothing else, in light and in dark, readable without its colors.

Time runs from left to right. From top to bottom: what happened, the caller, the turns (how long the person waited, and
for what), us. Whatever is drawn has a tooltip with the exact figures. Coordinates are pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from unicodedata import east_asian_width

import numpy as np
import svg
from attrs import frozen
from numpy.typing import NDArray

from voicecall.cli.palette import LEGEND, MARK_SIGNS, STAGE_FILLS, STYLE, fill_of
from voicecall.events import Instant
from voicecall.projections.latency import STAGES, TurnLatency
from voicecall.projections.timeline import Mark, Span, Timeline

LEFT, RIGHT = 84, 24
PX_PER_S = 60
NARROWEST, WIDEST = 960, 16_000
NARROW, USUAL, CAPITAL, WIDEST_CHARACTER = 4.4, 7.0, 8.6, 11.0
"""What a character of 11 px takes at most, in DejaVu Sans, a wide type."""
TITLE = 1.6
"""So much larger the title is."""
ROW, BAR, WAVE = 18, 34, 48
GAP = 14


@frozen(kw_only=True)
class Envelope:
    """How loud both sides were: levels 0..1, one row a side (caller, us), ``step_ms`` apart, from ``begins_at`` on."""

    begins_at: Instant
    step_ms: float
    levels: NDArray[np.float64]


@frozen(kw_only=True)
class Scale:
    """Time to pixels."""

    begins_at: Instant
    ends_at: Instant

    @property
    def width(self) -> float:
        """Of the whole picture."""
        wanted = (self.ends_at - self.begins_at) / 1000 * PX_PER_S + LEFT + RIGHT
        return round(min(max(wanted, NARROWEST), WIDEST), 1)

    @property
    def px_per_ms(self) -> float:
        return (self.width - LEFT - RIGHT) / max(self.ends_at - self.begins_at, 1)

    def x(self, at: float) -> float:
        """Where an instant is; what is outside the call is at its edge."""
        inside = min(max(at, self.begins_at), self.ends_at)
        return round(LEFT + (inside - self.begins_at) * self.px_per_ms, 1)

    def tick_ms(self) -> int:
        """The distance of the marks of the axis: at least 60 px."""
        steps = (1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000)
        return next((step for step in steps if step * self.px_per_ms >= 60), 3_600_000)


def text_width(text: str) -> float:
    """At most so many pixels."""
    return sum(map(_character_width, text))


def _character_width(one: str) -> float:
    if one in "ijltfr .,:;!'|()[]-":
        return NARROW
    if one in "mwMW@%…" or ord(one) > 0x2000 or east_asian_width(one) in "WF":
        return WIDEST_CHARACTER
    return CAPITAL if one.isupper() else USUAL


def fitting(text: str, width: float) -> str:
    """As much of the text as fits, or "" when nothing readable does."""
    if text_width(text) <= width:
        return text
    while text and text_width(text) + WIDEST_CHARACTER > width:
        text = text[:-1]
    return f"{text.rstrip()}…" if len(text) > 2 else ""


def wrapped(text: str, width: float) -> list[str]:
    """As much of the text as fits into two lines."""
    first = ""
    for word in text.split():
        longer = f"{first} {word}".strip()
        if text_width(longer) > width:
            break
        first = longer
    rest = fitting(text.strip()[len(first) :].strip(), width) if first else fitting(text, width)
    return [one for one in (first, rest) if one]


def clean(text: str) -> str:
    """Text as XML takes it."""
    return svg.escape("".join(one if one.isprintable() else " " for one in text))


def stacked(places: Sequence[tuple[float, float]]) -> list[int]:
    """For each stretch (from, to), in order of their beginnings, the first row in which it touches no other."""
    ends: list[float] = []
    rows: list[int] = []
    for begin, end in places:
        row = next((number for number, taken in enumerate(ends) if taken + 4 <= begin), len(ends))
        ends[row:] = [end, *ends[row + 1 :]]
        rows.append(row)
    return rows


def draw(call: Timeline, sound: Sequence[Envelope], *, title: str, subtitle: str) -> str:
    """The whole picture."""
    scale = Scale(begins_at=call.begins_at, ends_at=call.ends_at)
    parts: list[svg.Element] = []
    top = 96.0 + _legend(parts, scale.width)
    axis = top
    marks, y = _marks(call.marks, scale, top + GAP)
    caller, y = _voice("caller", call, sound, scale, y + GAP)
    turns, y = _turns(call.turns, scale, y + GAP)
    agent, y = _voice("agent", call, sound, scale, y + GAP)
    bottom = y + GAP
    parts += _axis(scale, axis, bottom)
    parts += [*marks.lines(bottom), *caller, *turns, *agent, *marks.labels]
    height = bottom + 20
    head = [
        svg.Title(text=clean(title)),
        svg.Desc(text=clean(subtitle)),
        svg.Style(text=STYLE),
        svg.Rect(x=0, y=0, width=scale.width, height=height, class_=["ground"]),
        svg.Text(x=16, y=30, class_=["title"], text=clean(fitting(title, (scale.width - 32) / TITLE))),
        svg.Text(x=16, y=50, class_=["quiet"], text=clean(fitting(subtitle, scale.width - 32))),
    ]
    whole = svg.SVG(
        width=scale.width,
        height=height,
        viewBox=svg.ViewBoxSpec(0, 0, scale.width, height),
        elements=[*head, *parts],
        extra={"role": "img", "font-family": "system-ui, 'DejaVu Sans', Arial, sans-serif"},
    )
    return whole.as_str() + "\n"


def _tip(text: str, *elements: svg.Element) -> svg.G:
    return svg.G(elements=[svg.Title(text=clean(text)), *elements])


def _legend(parts: list[svg.Element], width: float) -> float:
    """Draws it; how much higher it is than one row."""
    x, y = 16.0, 76.0
    for name, kind in LEGEND:
        wide = text_width(name) + 34
        if x + wide > width - RIGHT:
            x, y = 16.0, y + ROW
        if kind in MARK_SIGNS:
            parts.append(svg.Text(x=x + 2, y=y, class_=[kind], text=MARK_SIGNS[kind]))
        else:
            parts.append(svg.Rect(x=x, y=y - 10, width=14, height=11, rx=2, class_=kind.split()))
        parts.append(svg.Text(x=x + 20, y=y, class_=["label"], text=clean(name)))
        x += wide
    return y - 76.0


def _axis(scale: Scale, top: float, bottom: float) -> list[svg.Element]:
    drawn: list[svg.Element] = []
    step = scale.tick_ms()
    for ms in range(0, scale.ends_at - scale.begins_at + 1, step):
        x = scale.x(scale.begins_at + ms)
        label = f"{ms // 60_000}:{ms // 1000 % 60:02}"
        drawn.append(svg.Line(x1=x, y1=top + 4, x2=x, y2=bottom, class_=["grid"]))
        if x + text_width(label) <= scale.width:
            drawn.append(svg.Text(x=x, y=top, class_=["quiet"], text=label))
    return drawn


@frozen
class _Marks:
    """Labels of what happened, and where each hangs: (x, y, kind)."""

    labels: list[svg.Element]
    places: list[tuple[float, float, str]]

    def lines(self, bottom: float) -> list[svg.Element]:
        """From each label down through everything."""
        return [svg.Line(x1=x, y1=y, x2=x, y2=bottom, class_=["line", kind]) for x, y, kind in self.places]


def _marks(marks: Sequence[Mark], scale: Scale, top: float) -> tuple[_Marks, float]:
    labels: list[svg.Element] = []
    places: list[tuple[float, float, str]] = []
    texts = [fitting(f"{MARK_SIGNS[mark.kind]} {mark.text}", 220) for mark in marks]
    boxes = [_box(scale.x(mark.at), text_width(text), scale) for mark, text in zip(marks, texts, strict=True)]
    order = sorted(range(len(marks)), key=lambda one: boxes[one])
    rows = dict(zip(order, stacked([boxes[one] for one in order]), strict=True))
    for number, mark in enumerate(marks):
        y = top + rows[number] * ROW
        text = svg.Text(x=boxes[number][0], y=y + 12, class_=["label", mark.kind], text=clean(texts[number]))
        labels.append(_tip(f"{mark.text}, {_clock(mark.at, scale)}", text))
        places.append((scale.x(mark.at), y + 15, mark.kind))
    return _Marks(labels, places), top + (max(rows.values(), default=-1) + 1) * ROW


def _box(x: float, width: float, scale: Scale) -> tuple[float, float]:
    """A stretch of ``width`` that begins at ``x``, or as far left of it as the picture's edge asks for."""
    begin = round(max(min(x, scale.width - RIGHT - width), 0), 1)
    return begin, begin + width


def _voice(
    voice: str, call: Timeline, sound: Sequence[Envelope], scale: Scale, top: float
) -> tuple[list[svg.Element], float]:
    drawn: list[svg.Element] = [
        svg.Text(x=16, y=top + 14, class_=["lane"], text="caller" if voice == "caller" else "we"),
    ]
    for span in call.spans:
        if span.voice == voice:
            drawn.append(_span(span, scale, top))
    y = top + BAR
    if sound:
        drawn += [_wave(one, 0 if voice == "caller" else 1, scale, y + 4) for one in sound]
        y += 4 + WAVE
    return drawn, y


def _span(span: Span, scale: Scale, top: float) -> svg.G:
    begin, heard, end = (scale.x(at) for at in (span.begins_at, span.heard_until, span.ends_at))
    kind, ink = fill_of(span.purpose if span.voice == "agent" else "caller")
    heard = min(max(heard, begin), end)
    shapes: list[svg.Element] = []
    if end > heard:
        unheard = svg.Rect(x=heard, y=top, width=round(end - heard, 1), height=BAR, class_=["unheard", kind])
        shapes.append(unheard)
    solid = svg.Rect(x=begin, y=top, width=max(round(heard - begin, 1), 1), height=BAR, rx=2, class_=[kind])
    if span.estimated:
        solid.class_ = [kind, "estimated"]
    shapes.append(solid)
    for number, line in enumerate(wrapped(" ".join(span.text.split()), heard - begin - 8)):
        shapes.append(svg.Text(x=begin + 4, y=top + 14 + 14 * number, class_=["label", ink], text=clean(line)))
    return _tip(_span_words(span, scale), *shapes)


def _span_words(span: Span, scale: Scale) -> str:
    who = "caller" if span.voice == "caller" else f"we, {span.purpose}"
    words = f"{who}: “{span.text}”, {_clock(span.begins_at, scale)} for {span.ends_at - span.begins_at} ms"
    if span.heard_until < span.ends_at:
        words += f", heard {span.heard_until - span.begins_at} ms"
    if span.interrupted:
        words += ", interrupted"
    return f"{words} (nobody measured it)" if span.estimated else words


def _wave(sound: Envelope, side: int, scale: Scale, top: float) -> svg.Element:
    middle = top + WAVE / 2
    columns = [
        (scale.x(at), round(max(float(level), 0.01) * WAVE / 2, 1))
        for at, level in _columns(sound, side)
        if scale.begins_at <= at <= scale.ends_at
    ]
    if not columns:
        return svg.G()
    upper: Iterable[tuple[float, float]] = ((x, round(middle - half, 1)) for x, half in columns)
    lower = ((x, round(middle + half, 1)) for x, half in reversed(columns))
    points = " L".join(f"{x} {y}" for x, y in (*upper, *lower))
    return svg.Path(class_=["wave", "caller" if side == 0 else "reply"], extra={"d": f"M{points} Z"})


def _columns(sound: Envelope, side: int) -> Iterable[tuple[float, float]]:
    for number, level in enumerate(sound.levels[side]):
        yield sound.begins_at + number * sound.step_ms, level


def _turns(turns: Sequence[TurnLatency], scale: Scale, top: float) -> tuple[list[svg.Element], float]:
    """A row for each turn's number and how long it took, above its stages one after another."""
    drawn: list[svg.Element] = [svg.Text(x=16, y=top + 12, class_=["lane"], text="waiting")]
    texts = [_turn_text(turn) for turn in turns]
    boxes: list[tuple[float, float]] = []
    for turn, text in zip(turns, texts, strict=True):
        begin, end = _box(scale.x(turn.stopped_at), text_width(text), scale)
        last = scale.x(turn.stopped_at + max(reached_ms for _, reached_ms in _reached(turn)))
        boxes.append((begin, max(end, last)))
    order = sorted(range(len(turns)), key=lambda one: boxes[one])
    rows = dict(zip(order, stacked([boxes[one] for one in order]), strict=True))
    for number, turn in enumerate(turns):
        y = top + rows[number] * 30
        label = svg.Text(x=boxes[number][0], y=y + 12, class_=["label"], text=clean(texts[number]))
        drawn.append(_tip(_turn_words(turn), label, *_stages(turn, scale, y + 16)))
    return drawn, top + (max(rows.values(), default=0) + 1) * 30


def _reached(turn: TurnLatency) -> list[tuple[str, int]]:
    """The stages that a turn is known to have reached, and when, after its beginning."""
    found = [(stage, getattr(turn, f"{stage}_ms")) for stage in STAGES]
    return [("", 0), *((stage, ms) for stage, ms in found if ms is not None)]


def _stages(turn: TurnLatency, scale: Scale, y: float) -> list[svg.Element]:
    drawn: list[svg.Element] = []
    before = 0
    for stage, ms in _reached(turn)[1:]:
        begin, end = scale.x(turn.stopped_at + before), scale.x(turn.stopped_at + max(ms, before))
        if end > begin:
            drawn.append(
                svg.Rect(x=begin, y=y, width=round(end - begin, 1), height=10, class_=["stage", STAGE_FILLS[stage]])
            )
        before = max(ms, before)
    return drawn


def _turn_text(turn: TurnLatency) -> str:
    stage, ms = _reached(turn)[-1]
    star = "" if turn.transcript_ms is not None else "*"
    return f"turn {turn.turn}{star}: {ms} ms" if stage in ("heard", "frame") else f"turn {turn.turn}{star}: no answer"


def _turn_words(turn: TurnLatency) -> str:
    since = (
        "the caller stopped" if turn.transcript_ms is not None else "the transcript (nobody tells when they stopped)"
    )
    stages = ", ".join(f"{stage} {ms} ms" for stage, ms in _reached(turn)[1:])
    return f"turn {turn.turn}, after {since}: {stages or 'nothing'}"


def _clock(at: Instant, scale: Scale) -> str:
    return f"at {max(at - scale.begins_at, 0) / 1000:.3f} s"
