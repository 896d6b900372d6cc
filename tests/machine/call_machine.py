"""One call and everything that may happen to it, without tasks: step and fold against an adversary.

The adversary plays the carrier, the agent, the media plane, the clock and the power supply. It may say anything at any
time, say it twice, say it in other words, lose what it was asked, and pull the plug between any two lines. What an
actor does around ``step`` and ``fold`` is done here in a few lines: dispatch, recover, resume.
"""

from __future__ import annotations

from itertools import count

from tests.machine.invariants import Notary, Violation, check_journal, hold
from voicecall.actors import recovery
from voicecall.core import admit as admitting
from voicecall.core import ledger as books
from voicecall.core.ledger import Again, Ledger
from voicecall.core.requests import OpenStream, Refused, Wish
from voicecall.core.state import CallState, Media, Phase
from voicecall.events import AnyEffect, AnyEvent, EffectId, Entry, Instant
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry, encode_entry

START_AT = 1_767_225_600_000
PEACE = 60
"""Wake-ups after which a call that nobody helps must have ended."""
SLACK_MS = 90_000
"""How much longer than it may ring and last such a call may take to be over: doubt, reconciliation, last words."""


class Lonely(Violation):
    """A call that nobody talks to any more does not end by itself."""


class Call:
    """The durable lines of a call, the incarnation that lives (if one does), and the world around it.

    ``sound`` is False once something has gone wrong: then nothing more is to be learned from it.
    """

    def __init__(self) -> None:
        self.disk: list[bytes] = []
        self.notary = Notary()
        self.live: Ledger | None = None
        self.writer = ""
        self.wall = START_AT
        self.todo: dict[EffectId, AnyEffect] = {}
        self.stream = ""
        self.held: dict[EffectId, do.Speak] = {}
        self.dialed = 0
        self.sound = True
        self._names = count(1)

    @property
    def state(self) -> CallState:
        """What the living incarnation takes for true."""
        assert self.live is not None
        return self.live.state

    def name(self, kind: str) -> str:
        """A name that nothing else has."""
        return f"{kind}{next(self._names)}"

    # --- the actor ---------------------------------------------------------------------------------------------------

    def happens(self, event: AnyEvent, key: str = "", *, dispatch: bool = True) -> Entry | None:
        """One letter: step, append, consume, dispatch. None when it is in the journal already."""
        assert self.live is not None
        self.sound = False
        entry = books.step(self.live, event, at=Instant(self.wall), writer=self.writer, key=key)
        if isinstance(entry, Again):
            self.sound = True
            return None
        self.disk.append(encode_entry(entry))
        self.notary.read(decode_entry(self.disk[-1]))
        self.live = books.fold(self.live, entry)
        hold(self.live == self.notary.shadow, "folding the log equals the live ledger", entry)
        if dispatch:
            self._dispatch(entry)
        self.sound = True
        return entry

    def asks(self, wish: Wish, key: str = "") -> Entry | None:
        """A request: refused, or a fact like any other."""
        event = admitting.admit(self.state, wish)
        return None if isinstance(event, Refused) else self.happens(event, key)

    def crash(self, *, plane_too: bool) -> None:
        """The incarnation is gone, and with it whatever it had not made durable."""
        self.live = None
        self.todo.clear()
        if plane_too:
            self.stream, self.held = "", {}

    def recover(self) -> None:
        """The next incarnation."""
        self.live, self.writer = self._fold(), self.name("w")
        left = recovery.inherit(self.live)
        claim = self.happens(fact.ActorStarted(incarnation=self.writer), dispatch=False)
        if self.state.phase is not Phase.ENDED and self.state.media is Media.OPEN and not self.stream:
            self.happens(fact.MediaClosed(stream_id=self.state.stream_id, reason=recovery.RESTART))
        for outcome in left.outcomes:
            self.happens(outcome)
        for effect_id, effect in left.abandon:
            if self.stream and isinstance(effect, do.Listen):
                self.todo[effect_id] = effect
            elif effect_id not in self.held:
                self.happens(recovery.given_up(effect_id, effect))
        self.todo.update(left.carry_out)
        if claim is not None:
            self._dispatch(claim)

    def quarantine(self) -> None:
        """The last resort of an actor that keeps failing: hang up, and say that it is over."""
        self.live, self.writer = self._fold(), "quarantine"
        if self.state.phase not in (Phase.NEW, Phase.ENDED):
            self.happens(fact.ActorQuarantined(reason="a test"), dispatch=False)
            self.happens(fact.CallEnded(reason="error", vendor_code="quarantine"), dispatch=False)
        self.crash(plane_too=True)

    def _fold(self) -> Ledger:
        ledger = Ledger()
        for body in self.disk:
            ledger = books.fold(ledger, decode_entry(body))
        return ledger

    def _dispatch(self, entry: Entry) -> None:
        for index, effect in enumerate(entry.effects):
            self.todo[EffectId(f"{entry.seq}.{index}")] = effect
            if isinstance(effect, do.AskAgent):
                self._supersede(effect.turn)

    def _supersede(self, turn: int) -> None:
        for effect_id, effect in tuple(self.todo.items()):
            if isinstance(effect, do.AskAgent) and effect.turn < turn:
                del self.todo[effect_id]
                self.happens(fact.AgentFinished(settles=effect_id, turn=effect.turn, reason="superseded"))

    # --- the clock ---------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The call's time."""
        assert self.live is not None
        return max(self.wall, self.live.at)

    def timers(self) -> list[tuple[int, EffectId, do.StartTimer]]:
        """What is armed, in due order."""
        found = [(one.due, name, one) for name, one in self.todo.items() if isinstance(one, do.StartTimer)]
        return sorted(found, key=lambda timer: timer[0])

    def fire(self, effect_id: EffectId, timer: do.StartTimer) -> None:
        """A timer's time has come."""
        del self.todo[effect_id]
        self.happens(fact.TimerFired(settles=effect_id, name=timer.name, due=timer.due))

    def ring(self) -> None:
        """Fire every timer that is due."""
        while (armed := self.timers()) and armed[0][0] <= self.now:
            self.fire(*armed[0][1:])

    def conclude(self) -> None:
        """Carry out what needs nobody else."""
        for effect_id, effect in tuple(self.todo.items()):
            if isinstance(effect, do.Conclude):
                del self.todo[effect_id]
                ended = fact.CallEnded(reason=effect.reason, vendor_code=effect.vendor_code, settles=effect_id)
                self.happens(ended)

    # --- the media plane ---------------------------------------------------------------------------------------------

    def open_media(self, ticket: str) -> None:
        """The carrier connects its stream."""
        stream = self.name("s")
        if not self.stream and self.asks(OpenStream(stream_id=stream, ticket=ticket)) is not None:
            self.stream = stream

    def close_media(self, reason: str) -> None:
        """The stream is gone; whatever played is over."""
        self.interrupt()
        stream, self.stream = self.stream, ""
        self.happens(fact.MediaClosed(stream_id=stream, reason=reason))

    def speak(self, effect_id: EffectId, effect: do.Speak) -> None:
        """The plane takes an utterance, if it has a stream."""
        if self.stream:
            self.held[effect_id] = effect
        else:
            self.happens(fact.EffectFailed(settles=effect_id, reason="no media stream is open"))

    def spell(self, spoken: do.Speak, *, ms_per_word: int) -> None:
        """The voice tells when the words of an utterance end, for the first time."""
        if spoken.utterance in self.notary.ends:
            return
        ends = [place for place in range(1, len(spoken.text) + 1) if spoken.text[place : place + 1] in ("", " ")]
        words = tuple((end, ms_per_word * number) for number, end in enumerate(ends, 1))
        self.happens(fact.SpeechChunk(utterance=spoken.utterance, index=0, duration_ms=500, words=words))

    def play(self, effect_id: EffectId, *, heard_ms: int, interrupted: bool = False) -> None:
        """An utterance is over."""
        spoken = self.held.pop(effect_id)
        self.happens(
            fact.PlaybackFinished(
                settles=effect_id,
                utterance=spoken.utterance,
                heard_ms=heard_ms,
                sent_ms=1_000,
                interrupted=interrupted,
            )
        )

    def interrupt(self, up_to: int | None = None, heard_ms: int = 300) -> None:
        """Silence what is being said."""
        for effect_id, spoken in tuple(self.held.items()):
            if up_to is None or spoken.utterance <= up_to:
                self.play(effect_id, heard_ms=heard_ms, interrupted=True)

    # --- the end -----------------------------------------------------------------------------------------------------

    def peace(self) -> None:
        """Nobody says or does anything any more: time alone must bring the call to its end, and soon enough."""
        if self.live is None:
            self.recover()
        policy, began = self.state.policy, self.now
        limit = began + policy.ring_timeout_ms + policy.max_duration_ms + SLACK_MS
        for _ in range(PEACE):
            self.conclude()
            armed = self.timers()
            if self.state.phase in (Phase.NEW, Phase.ENDED):
                return
            if not armed or armed[0][0] > limit:
                break
            self.wall = max(self.wall, armed[0][0])
            self.ring()
        raise Lonely(f"a call does not end by itself: {self.state.phase} owes {self.state.owed}")

    def check(self) -> None:
        """Everything that is true of the whole journal."""
        check_journal([decode_entry(body) for body in self.disk])
