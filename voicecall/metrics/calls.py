"""A projection of the facts of all calls: what is counted about them. Feed ``observe`` every entry once."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field, frozen

from voicecall.adapters.speech.chain import FAILED as VOICE_FAILED
from voicecall.core.fallback import NO_VOICE
from voicecall.core.state import Phase
from voicecall.events import CallId, EffectId, Entry, effects_of
from voicecall.events import facts as fact
from voicecall.events.effects import AskAgent, Speak, StartTimer
from voicecall.metrics.instruments import Instruments
from voicecall.metrics.meters import BEGUN, EFFECTS, ENDED, FAILURES, FRAMES, LASTED, LATE, TURN
from voicecall.projections.directory import Row
from voicecall.projections.latency import STAGES, turn_latencies

EARLIER = "earlier"
"""The kind of an effect that was decided before this process began."""

_TIMED = (
    fact.MediaOpened, fact.DigitsPressed, fact.AgentReplied, fact.PlaybackStarted, fact.PlaybackFinished,
    fact.AudioMeasured,
)  # fmt: skip
"""Facts that latencies are computed from."""


@define(eq=False)
class _Call:
    """``owed`` effects have no outcome yet; ``timed`` is what latencies are computed from."""

    owed: dict[EffectId, str] = field(factory=dict[EffectId, str])
    timed: list[Entry] = field(factory=list[Entry])


@frozen(kw_only=True)
class CallMetrics:
    """``row`` tells what the directory knows of a call, the present entry included."""

    instruments: Instruments
    row: Callable[[CallId], Row | None]
    _calls: dict[CallId, _Call] = field(factory=dict[CallId, _Call], init=False)

    @property
    def remembered(self) -> int:
        """Calls of which something is to come."""
        return len(self._calls)

    def observe(self, call_id: CallId, entry: Entry) -> None:
        """Count one entry."""
        row = self.row(call_id)
        if row is None:  # erased meanwhile
            self._calls.pop(call_id, None)
            return
        call = self._calls.setdefault(call_id, _Call())
        self._settle(call, entry)
        if part := _failed(entry.event, row):
            self.instruments.count(FAILURES, part)
        if isinstance(entry.event, _TIMED) or any(isinstance(one, AskAgent | Speak) for one in entry.effects):
            call.timed.append(entry)
        match entry.event:
            case fact.CallPlaced() | fact.CallOffered():
                self.instruments.count(BEGUN, row.direction, row.mode)
            case fact.AudioMeasured() as event:
                self._measured(event)
            case fact.CallEnded():
                self._end(row, call)
            case _:
                pass
        if row.ended_at:
            call.timed.clear()
            if not call.owed:
                del self._calls[call_id]

    def _settle(self, call: _Call, entry: Entry) -> None:
        settles = EffectId(getattr(entry.event, "settles", ""))
        if settles and not isinstance(entry.event, fact.TimerFired):
            self.instruments.count(EFFECTS, call.owed.pop(settles, EARLIER), _fate(entry.event))
        for name, effect in effects_of(entry):
            if not isinstance(effect, StartTimer):
                call.owed[name] = type(effect).kind

    def _measured(self, event: fact.AudioMeasured) -> None:
        self.instruments.count(FRAMES, "in", by=event.frames_in)
        self.instruments.count(FRAMES, "out", by=event.frames_out)
        if event.frames_out:
            self.instruments.observe(LATE, event.late_p99_ms / 1000)

    def _end(self, row: Row, call: _Call) -> None:
        self.instruments.count(ENDED, row.direction, row.mode, row.end_reason)
        if row.answered_at:
            self.instruments.observe(LASTED, (row.ended_at - row.answered_at) / 1000, row.direction, row.mode)
        for turn in turn_latencies(call.timed):
            for stage in STAGES:
                waited_ms: int | None = getattr(turn, f"{stage}_ms")
                if waited_ms is not None:
                    self.instruments.observe(TURN, waited_ms / 1000, stage)


def _fate(event: fact.AnyEvent) -> str:
    match event:
        case fact.EffectFailed(in_doubt=True):
            return "in-doubt"
        case fact.EffectFailed() | fact.AgentFinished(reason="failed"):
            return "failed"
        case _:
            return "succeeded"


def _failed(event: fact.AnyEvent, row: Row) -> str:
    match event:
        case fact.AgentFinished(reason="failed"):
            return "agent"
        case fact.TranscriberFailed():
            return "transcriber"
        case fact.VendorReported(status=status) if status == VOICE_FAILED:
            return "voice"
        case fact.EffectFailed(vendor_code=code) if code == NO_VOICE:
            return "no-voice"
        case fact.MediaClosed(reason="lost") if row.phase == Phase.LIVE.value:
            return "media"
        case fact.ActorQuarantined():
            return "actor"
        case _:
            return ""
