"""How long the person waited, turn by turn: caller stopped → transcript → first words → first sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve, frozen

from voicecall.events import Entry, Instant
from voicecall.events import facts as fact
from voicecall.events.effects import AskAgent, Speak


@frozen(kw_only=True)
class TurnLatency:
    """Milliseconds after the caller stopped (by the transcript's own offset where it has one), None: never happened."""

    turn: int
    stopped_at: Instant
    transcript_ms: int
    reply_ms: int | None = None
    playback_ms: int | None = None


def turn_latencies(entries: Iterable[Entry]) -> list[TurnLatency]:
    """The agent's turns of one call."""
    turns: dict[int, TurnLatency] = {}
    utterances: dict[int, int] = {}
    opened = Instant(0)
    for entry in entries:
        event = entry.event
        match event:
            case fact.MediaOpened():
                opened = entry.at
            case fact.AgentReplied(turn=turn) if turn in turns and turns[turn].reply_ms is None:
                turns[turn] = evolve(turns[turn], reply_ms=entry.at - turns[turn].stopped_at)
            case fact.PlaybackStarted(utterance=number) if (turn := utterances.get(number, 0)) in turns:
                if turns[turn].playback_ms is None:
                    turns[turn] = evolve(turns[turn], playback_ms=entry.at - turns[turn].stopped_at)
            case _:
                pass
        for effect in entry.effects:
            if isinstance(effect, Speak) and effect.turn:
                utterances[effect.utterance] = effect.turn
            elif isinstance(effect, AskAgent):
                stopped = entry.at
                if isinstance(event, fact.CallerSaid) and opened and event.ended_ms:
                    stopped = Instant(min(entry.at, opened + event.ended_ms))
                turns[effect.turn] = TurnLatency(turn=effect.turn, stopped_at=stopped, transcript_ms=entry.at - stopped)
    return list(turns.values())


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
