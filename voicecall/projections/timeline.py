"""One call in time: who spoke when, what of it was heard, and what came between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from attrs import define, evolve, field, frozen

from voicecall.core.speech import MS_PER_CHARACTER
from voicecall.events import AnyEffect, EffectId, Entry, Instant, effects_of
from voicecall.events import facts as fact
from voicecall.events.base import EPOCH
from voicecall.events.effects import SendDigits, Speak, StopSpeaking
from voicecall.projections.latency import Punctuality, TurnLatency, punctuality, stream_openings, turn_latencies


@frozen(kw_only=True)
class Span:
    """Somebody speaks. ``heard_until`` is as far as the person heard it, for the caller its end.

    ``purpose`` is that of ``speak``, "" for the caller. ``estimated``: nobody measured when it began or ended.
    """

    voice: Literal["caller", "agent"]
    begins_at: Instant
    ends_at: Instant
    heard_until: Instant
    text: str
    purpose: str = ""
    interrupted: bool = False
    estimated: bool = False


MarkKind = Literal["interruption", "voice", "keys", "media", "machine", "failure", "end"]


@frozen(kw_only=True)
class Mark:
    """Something that happened at one moment; ``interruption`` is a caller's voice that cut ours off."""

    at: Instant
    kind: MarkKind
    text: str


@frozen(kw_only=True)
class Timeline:
    """A call from its answer (its beginning, if nobody answered) to its end, or as far as it has come."""

    begins_at: Instant
    ends_at: Instant
    placed_at: Instant
    title: str
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]
    turns: tuple[TurnLatency, ...]
    openings: tuple[Instant, ...]
    """When each media stream opened: where the recording of that stream begins."""
    punctuality: Punctuality


def timeline(entries: Iterable[Entry]) -> Timeline:
    """What is to be drawn of a call; ``entries`` are not empty."""
    known = list(entries)
    openings = stream_openings(known)
    story = _Story(openings=iter(openings))
    for entry in known:
        story.apply(entry)
    last = Instant(max([story.ended_at or known[-1].at, *(one.ends_at for one in story.spans)]))
    story.break_off(last)
    begins = min([at for at in (story.answered_at, *openings) if at], default=known[0].at)
    return Timeline(
        begins_at=begins,
        ends_at=max(last, begins),
        placed_at=known[0].at,
        title=story.title,
        spans=tuple(sorted(story.spans, key=lambda one: one.begins_at)),
        marks=tuple(sorted((one for one in story.marks if one.at >= begins), key=lambda one: one.at)),
        turns=tuple(turn_latencies(known)),
        openings=tuple(openings),
        punctuality=punctuality(known),
    )


@define
class _Story:
    """What has been folded so far."""

    openings: Iterator[Instant]
    title: str = ""
    answered_at: Instant = EPOCH
    ended_at: Instant = EPOCH
    spans: list[Span] = field(factory=list[Span])
    marks: list[Mark] = field(factory=list[Mark])
    _opened: Instant = EPOCH
    _stopped_at: Instant = EPOCH
    _voice_at: list[Instant] = field(factory=list[Instant])
    _decided: dict[int, Speak] = field(factory=dict[int, Speak])
    _begun: dict[int, Instant] = field(factory=dict[int, Instant])
    _effects: dict[EffectId, int] = field(factory=dict[EffectId, int])

    def apply(self, entry: Entry) -> None:
        event = entry.event
        match event:
            case fact.CallPlaced() | fact.CallOffered():
                self.title = f"{event.caller or 'unknown'} → {event.callee}, {event.carrier}"
            case fact.CallAnswered():
                self.answered_at = self.answered_at or entry.at
            case fact.CallEnded():
                self.ended_at = entry.at
                self._mark(entry.at, "end", f"ended: {event.reason}")
            case fact.MachineDetected():
                self._mark(entry.at, "machine", f"picked up: {event.result}")
            case fact.DigitsPressed():
                self._mark(entry.at, "keys", f"keys {event.digits}")
            case fact.EffectFailed():
                self._mark(entry.at, "failure", f"failed: {event.reason}")
                self._break_off(self._effects.get(event.settles, 0), entry.at)
            case _:
                self._hear(entry)
        for effect_id, effect in effects_of(entry):
            self._intend(entry, effect_id, effect)

    def _hear(self, entry: Entry) -> None:
        event = entry.event
        match event:
            case fact.MediaOpened():
                self._opened = next(self.openings)
                self._mark(self._opened, "media", "media stream opened")
            case fact.MediaClosed():
                self._mark(entry.at, "media", f"media stream closed: {event.reason}")
            case fact.CallerStarted():
                self._voice_at.append(self._at(event.offset_ms) or entry.at)
            case fact.CallerSaid():
                self._caller_said(entry.at, event)
            case fact.PlaybackStarted():
                self._begun[event.utterance] = self._at(event.offset_ms) or entry.at
            case fact.PlaybackFinished():
                self._finished(entry.at, event)
            case _:
                pass

    def break_off(self, last: Instant) -> None:
        """Nothing more is told: what still played played on, and a voice without words was just a voice."""
        for number in tuple(self._begun):
            self._break_off(number, last)
        self.marks += [Mark(at=at, kind="voice", text="a voice, no words") for at in self._voice_at]

    def _intend(self, entry: Entry, effect_id: EffectId, effect: AnyEffect) -> None:
        match effect:
            case Speak():
                self._effects[effect_id] = effect.utterance
                self._decided[effect.utterance] = effect
            case SendDigits():
                self._mark(entry.at, "keys", f"keys sent {effect.digits}")
            case StopSpeaking() if isinstance(entry.event, fact.CallerHeard | fact.CallerSaid):
                self._stopped_at = entry.at
            case _:
                pass

    def _break_off(self, number: int, at: Instant) -> None:
        """Nobody will tell what was heard of an utterance."""
        if number in self._begun and number in self._decided:
            self._say(number, at, heard_until=self._begun[number], estimated=True)

    def _caller_said(self, at: Instant, said: fact.CallerSaid) -> None:
        begins, ends = self._at(said.started_ms), self._at(said.ended_ms)
        estimated = not (begins and ends)
        if not ends:
            ends = at
        if not begins:
            begins = next(iter(self._voice_at), Instant(ends - MS_PER_CHARACTER * len(said.text)))
        before = [one.ends_at for one in self.spans if one.voice == "caller"]
        begins = min(Instant(max([begins, *before])), ends)
        self._voice_at = [one for one in self._voice_at if one > ends]
        if said.text.strip():
            span = Span(voice="caller", begins_at=begins, ends_at=ends, heard_until=ends, text=said.text)
            self.spans.append(evolve(span, estimated=estimated))

    def _finished(self, at: Instant, event: fact.PlaybackFinished) -> None:
        number = event.utterance
        if number not in self._decided or number not in self._begun:
            return
        first_heard = self._at(event.first_heard_ms)
        before = max((one.ends_at for one in self.spans if one.voice == "agent"), default=EPOCH)
        begins = self._begun[number] = max(first_heard or self._begun[number], before)
        if event.interrupted:
            onset = max((one for one in (*self._voice_at, self._stopped_at) if one >= begins), default=None)
            self._mark(onset or at, "interruption", "interrupted" if onset else "cut off")
        if event.told == "carrier":
            self._say(number, at, heard_until=at, interrupted=event.interrupted, estimated=True)
            return
        heard_until = Instant(begins + event.heard_ms)
        sent_until = Instant(begins + event.sent_ms)
        ends = max(min(sent_until, at) if event.interrupted else sent_until, heard_until)
        self._say(number, ends, heard_until=heard_until, interrupted=event.interrupted)

    def _say(
        self, number: int, ends: Instant, *, heard_until: Instant, interrupted: bool = False, estimated: bool = False
    ) -> None:
        begins, speak = self._begun.pop(number), self._decided.pop(number)
        span = Span(
            voice="agent",
            begins_at=begins,
            ends_at=max(ends, begins),
            heard_until=heard_until,
            text=speak.text,
            purpose=speak.purpose,
            interrupted=interrupted,
            estimated=estimated,
        )
        self.spans.append(span)

    def _at(self, offset_ms: int) -> Instant:
        return Instant(self._opened + offset_ms) if offset_ms and self._opened else EPOCH

    def _mark(
        self,
        at: Instant,
        kind: MarkKind,
        text: str,
    ) -> None:
        self.marks.append(Mark(at=at, kind=kind, text=text))
