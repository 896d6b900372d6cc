"""How long the person waited, turn by turn: caller stopped → transcript → first token → first clause → first audio →
first frame out → heard; and how punctual the sound was.

Every stage is told by whoever knows it: the transcript by its own offsets, the token by the agent's lane, sound by the
media plane in milliseconds since its stream opened. What nobody tells stays None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve, frozen

from voicecall.events import Entry, Instant
from voicecall.events import facts as fact
from voicecall.events.base import EPOCH
from voicecall.events.effects import AskAgent, Speak

STAGES = ("transcript", "token", "clause", "audio", "frame", "heard")
"""What happens in a turn, in order. A ``TurnLatency`` has a figure for each."""


@frozen(kw_only=True)
class TurnLatency:
    """Milliseconds after the caller stopped; None: it never happened, or nobody tells.

    ``transcript_ms`` is None when nobody tells when the caller stopped: then ``stopped_at`` is when the turn was
    understood, and the other figures count from there. ``clause_ms`` is the first clause of the answer, ``audio_ms``
    its first sound as it was made, ``frame_ms`` as it was sent (or the text, as it was given to a carrier that speaks
    itself), ``heard_ms`` as it was played to the person.
    """

    turn: int
    stopped_at: Instant
    transcript_ms: int | None = None
    token_ms: int | None = None
    clause_ms: int | None = None
    audio_ms: int | None = None
    frame_ms: int | None = None
    heard_ms: int | None = None


@frozen(kw_only=True)
class Punctuality:
    """The worst of a call's reports, in milliseconds; None: nobody measured it.

    ``late_p99_ms`` is how late its frames were, ``lag_p99_ms`` and ``lag_max_ms`` how late the tick came.
    """

    late_p99_ms: float | None = None
    lag_p99_ms: float | None = None
    lag_max_ms: float | None = None


def turn_latencies(entries: Iterable[Entry]) -> list[TurnLatency]:
    """The agent's turns of one call."""
    known = list(entries)
    turns = _Turns(iter(stream_openings(known)))
    for entry in known:
        turns.apply(entry)
    return list(turns.found.values())


class _Turns:
    """The turns so far."""

    def __init__(self, openings: Iterable[Instant]) -> None:
        self.found: dict[int, TurnLatency] = {}
        self._openings = iter(openings)
        self._opened = self._keys_at = EPOCH
        self._utterances: dict[int, int] = {}

    def apply(self, entry: Entry) -> None:
        event = entry.event
        match event:
            case fact.MediaOpened():
                self._opened = next(self._openings)
            case fact.DigitsPressed():
                self._keys_at = entry.at
            case fact.AgentReplied():
                self._note(event.turn, "token", event.first_text_at)
                self._note(event.turn, "clause", entry.at)
            case fact.PlaybackStarted():
                turn = self._utterances.get(event.utterance, 0)
                self._note(turn, "audio", self._at(event.first_audio_ms))
                self._note(turn, "frame", self._at(event.offset_ms) or entry.at)
            case fact.PlaybackFinished():
                self._note(self._utterances.get(event.utterance, 0), "heard", self._at(event.first_heard_ms))
            case _:
                pass
        for effect in entry.effects:
            if isinstance(effect, Speak) and effect.turn:
                self._utterances[effect.utterance] = effect.turn
            elif isinstance(effect, AskAgent):
                self.found[effect.turn] = self._begin(effect.turn, entry)

    def _begin(self, turn: int, entry: Entry) -> TurnLatency:
        match entry.event:
            case fact.CallerSaid() as said:
                stopped = self._at(said.ended_ms)
            case fact.TimerFired(name="keys"):
                stopped = self._keys_at
            case _:
                stopped = EPOCH
        if not stopped:
            return TurnLatency(turn=turn, stopped_at=entry.at)
        stopped = min(stopped, entry.at)
        return TurnLatency(turn=turn, stopped_at=stopped, transcript_ms=entry.at - stopped)

    def _at(self, offset_ms: int) -> Instant:
        """An offset of the media stream as an instant; EPOCH when there is none."""
        return Instant(self._opened + offset_ms) if offset_ms and self._opened else EPOCH

    def _note(self, turn: int, stage: str, at: Instant) -> None:
        """The first time that a stage is reached counts."""
        one = self.found.get(turn)
        if one is not None and at and getattr(one, f"{stage}_ms") is None:
            self.found[turn] = evolve(one, **{f"{stage}_ms": max(at - one.stopped_at, 0)})


def stream_openings(entries: Iterable[Entry]) -> list[Instant]:
    """When each media stream opened: the origin of its offsets.

    Its fact comes a little later, because the stream is admitted first; whatever tells an offset tells also that the
    stream had been open for so long.
    """
    openings: list[Instant] = []
    for entry in entries:
        match entry.event:
            case fact.MediaOpened():
                openings.append(entry.at)
            case fact.AudioMeasured(offset_ms=offset_ms) | fact.PlaybackStarted(offset_ms=offset_ms):
                if openings and offset_ms:
                    openings[-1] = min(openings[-1], Instant(entry.at - offset_ms))
            case _:
                pass
    return openings


def punctuality(entries: Iterable[Entry]) -> Punctuality:
    """How punctual the sound of one call was."""
    reports = [entry.event for entry in entries if isinstance(entry.event, fact.AudioMeasured)]
    lag_max_ms = max((one.lag_max_ms for one in reports), default=0.0)
    return Punctuality(
        late_p99_ms=max((one.late_p99_ms for one in reports), default=None),
        lag_p99_ms=max(one.lag_p99_ms for one in reports) if lag_max_ms else None,
        lag_max_ms=lag_max_ms or None,
    )


def worst(calls: Sequence[Punctuality]) -> Punctuality:
    """The worst of several calls."""
    return Punctuality(
        late_p99_ms=_largest(one.late_p99_ms for one in calls),
        lag_p99_ms=_largest(one.lag_p99_ms for one in calls),
        lag_max_ms=_largest(one.lag_max_ms for one in calls),
    )


def _largest(figures: Iterable[float | None]) -> float | None:
    return max((one for one in figures if one is not None), default=None)


def stage_summaries(turns: Sequence[TurnLatency]) -> dict[str, dict[str, int]]:
    """For each stage the figures over all turns that reached it."""
    figures = {stage: [getattr(turn, f"{stage}_ms") for turn in turns] for stage in STAGES}
    return {stage: summary([one for one in some if one is not None]) for stage, some in figures.items()}


def percentile(values: Sequence[int], percent: int) -> int:
    """The nearest-rank percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(-(-percent * len(ordered) // 100) - 1, 0)] if ordered else 0


def summary(values: Sequence[int]) -> dict[str, int]:
    """Count and figures as the reference prints them, in milliseconds."""
    return {
        "count": len(values),
        "minMs": min(values, default=0),
        "maxMs": max(values, default=0),
        "avgMs": round(sum(values) / len(values)) if values else 0,
        "p50Ms": percentile(values, 50),
        "p95Ms": percentile(values, 95),
    }
