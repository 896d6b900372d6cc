"""What is true of every journal of every call, whatever happened. Raises ``Violation``.

Nothing here trusts the ledger: what is owed, which keys are known, when the call was answered and how it ended is
computed from the entries by code of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import define, field

from voicecall.core import ledger as books
from voicecall.core import replay as replaying
from voicecall.core.ledger import Ledger
from voicecall.core.state import LIVING, CallState, Machine, Media, Owing, Phase
from voicecall.events import AnyEffect, EffectId, Entry, Instant, Mode
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry, encode_entry

SOON_MS = 120_000
"""Whoever waits for us is sure to hear something, or the end, by then (with the policies of these tests)."""
BRIDGING = frozenset({"silence", "playback", "media"})
"""Timers that bound a silence."""


class Violation(AssertionError):
    """An invariant does not hold."""


def hold(true: object, invariant: str, *evidence: object) -> None:
    """Raise ``Violation`` unless ``true``."""
    if not true:
        raise Violation(f"{invariant}: {', '.join(map(repr, evidence))}" if evidence else invariant)


@define
class Notary:
    """Reads a call's entries one by one and keeps books of its own."""

    seq: int = 0
    at: int = 0
    writer: str = ""
    writers: set[str] = field(factory=set)
    keys: set[str] = field(factory=set)
    owed: dict[EffectId, AnyEffect] = field(factory=dict)
    dials: int = 0
    presses: int = 0
    answered_at: int = 0
    greetings: set[int] = field(factory=set)
    greeted: bool = False
    endings: int = 0
    cleanups: int = 0
    mode: Mode = Mode.CONVERSATION
    asks_again: bool = False
    wordless: bool = False
    max_duration_ms: int = 0
    shadow: Ledger = field(factory=Ledger)
    texts: dict[int, str] = field(factory=dict)
    ends: dict[int, list[tuple[int, int]]] = field(factory=dict)

    def read(self, entry: Entry) -> None:
        """Check one more entry, and the state that it leads to."""
        hold(decode_entry(encode_entry(entry)) == entry, "every line survives being written and read", entry)
        self._envelope(entry)
        self._authorship(entry)
        self._bookkeeping(entry)
        self._story(entry)
        self._speech(entry)
        before, known = self.shadow.state.phase, len(self.shadow.state.remarks)
        self.shadow = books.fold(self.shadow, entry)
        if isinstance(entry.event, fact.PlaybackFinished) and len(self.shadow.state.remarks) > known:
            self._heard(entry.event, self.shadow.state.remarks[-1].text)
        hold(self.shadow.owed == self.owed, "what is owed is what was decided minus what is settled", entry)
        lasting = {name: one for name, one in self.owed.items() if not isinstance(one, do.StartTimer)}
        hold(dict(self.shadow.state.owed) == lasting, "the state owes what the ledger owes, timers aside", entry)
        hold(set(self.shadow.keys) == self.keys, "the ledger knows every key", entry)
        self._lifecycle(entry, before, self.shadow.state)
        self._silence(entry, self.shadow.state)

    def _envelope(self, entry: Entry) -> None:
        hold(entry.seq == self.seq + 1, "seq is dense", self.seq, entry)
        hold(entry.at >= self.at, "time never runs back", self.at, entry)
        self.seq, self.at = entry.seq, entry.at
        if entry.key:
            hold(entry.key not in self.keys, "keys are unique", entry)
            self.keys.add(entry.key)

    def _authorship(self, entry: Entry) -> None:
        if entry.writer == self.writer:
            return
        hold(entry.writer not in self.writers, "a writer that was replaced is silent", entry)
        claims = fact.ActorQuarantined if entry.writer == "quarantine" else fact.ActorStarted
        hold(isinstance(entry.event, claims), "the first line of every writer is its claim", entry)
        self.writer = entry.writer
        self.writers.add(entry.writer)

    def _bookkeeping(self, entry: Entry) -> None:
        settles = getattr(entry.event, "settles", "")
        if settles:
            hold(settles in self.owed, "an outcome settles what is owed, once", entry)
            del self.owed[EffectId(settles)]
        for index, effect in enumerate(entry.effects):
            self.owed[EffectId(f"{entry.seq}.{index}")] = effect

    def _story(self, entry: Entry) -> None:
        if self.endings:
            self.cleanups += len(entry.effects)
            clean = all(isinstance(effect, do.Hangup) for effect in entry.effects) and self.cleanups <= 1
            hold(clean, "after the end nothing is decided but to hang up, once", entry)
        match entry.event:
            case fact.CallPlaced() | fact.CallOffered():
                self.mode, self.max_duration_ms = entry.event.policy.mode, entry.event.policy.max_duration_ms
                self.asks_again = self.mode is Mode.CONVERSATION and bool(entry.event.policy.unheard)
            case fact.CallEnded():
                self.endings += 1
                hold(self.endings == 1, "a call ends once", entry)
            case fact.CallAnswered() | fact.MediaOpened():
                self.answered_at = self.answered_at or entry.at
            case fact.CallReconciled() if entry.event.alive and entry.event.answered:
                self.answered_at = self.answered_at or entry.at
            case _:
                pass
        for effect in entry.effects:
            if isinstance(effect, do.Dial):
                self.dials += 1
                hold(self.dials == 1, "nobody is rung twice", entry)
            if isinstance(effect, do.SendDigits) and not isinstance(entry.event, fact.DigitsRequested):
                self.presses += 1
                hold(self.presses == 1, "the keys that reach somebody are pressed once", entry)

    def _speech(self, entry: Entry) -> None:
        if isinstance(entry.event, fact.SpeechChunk):
            self.ends.setdefault(entry.event.utterance, []).extend(entry.event.words)
        if isinstance(entry.event, fact.PlaybackFinished) and entry.event.utterance in self.greetings:
            self.greeted = self.greeted or entry.event.heard_ms > 0
        for effect in entry.effects:
            if isinstance(effect, do.Speak):
                self.texts[effect.utterance] = effect.text
            if isinstance(effect, do.Speak) and effect.purpose == "greeting":
                again = self.greeted and self.mode is Mode.CONVERSATION
                hold(not again, "nobody hears the greeting twice", entry)
                self.greetings.add(effect.utterance)

    def _heard(self, event: fact.PlaybackFinished, heard: str) -> None:
        """Never is more heard than was said, and of what was cut off only what had been played."""
        text, length_ms = self.texts[event.utterance], event.length_ms or event.sent_ms
        hold(text.startswith(heard), "what was heard was said", event, heard)
        if not event.interrupted or event.heard_ms >= length_ms:
            return
        ends = self.ends.get(event.utterance, [])
        late = [end for end, end_ms in ends if end_ms > event.heard_ms]
        hold(all(len(heard) < end for end in late), "a word is heard when it has ended", event, heard, late)
        hold(ends or len(heard) * length_ms <= event.heard_ms * len(text), "words take their time", event, heard)

    def _lifecycle(self, entry: Entry, before: Phase, after: CallState) -> None:
        hold((after.phase is Phase.ENDED) == (self.endings == 1), "ended means that there is a terminal fact", entry)
        hold(not (before is Phase.ENDED and after.phase is not Phase.ENDED), "the end is final", entry)
        if after.phase in LIVING:
            waking = [one for one in self.owed.values() if isinstance(one, do.StartTimer | do.Conclude)]
            hold(waking, "in every living phase something will wake the call", entry)
        if after.phase is Phase.LIVE:
            hold(after.answered_at == self.answered_at, "a call is answered once", self.answered_at, entry)
            self._armed(entry, {"max_duration"}, by=self.answered_at + self.max_duration_ms)

    def _silence(self, entry: Entry, state: CallState) -> None:
        """Sound is under way, or we listen and owe nothing, or a deadline bounds the silence."""
        if state.phase is not Phase.LIVE:
            return
        if state.media is not Media.OPEN:
            self._armed(entry, {"media"}, by=entry.at + SOON_MS)
            return
        speaking = any(isinstance(one, do.Speak) for one in self.owed.values())
        thinking = any(
            isinstance(one, do.AskAgent) and one.turn == state.turn and one.turn > state.discarded_turn
            for one in self.owed.values()
        )
        match entry.event:
            case fact.CallerStarted():
                self.wordless = True
            case fact.CallerSaid() if entry.event.text.strip():
                self.wordless = False
            case _:
                pass
        # What keys say are words, too, and they come by a timer.
        stopped = isinstance(entry.event, fact.CallerStopped) and self.wordless and state.wordless
        lost = stopped and self.asks_again and state.machine is Machine.NONE
        if speaking or thinking or lost or state.owing is not Owing.NOBODY:
            self._armed(entry, BRIDGING, by=entry.at + SOON_MS)

    def _armed(self, entry: Entry, names: Iterable[str], *, by: int) -> None:
        timers = [one for one in self.owed.values() if isinstance(one, do.StartTimer) and one.name in names]
        hold(any(timer.due <= by for timer in timers), f"a timer ({'/'.join(sorted(names))}) is owed", timers, entry)


def check_journal(entries: Sequence[Entry]) -> Notary:
    """Everything that is true of a whole journal."""
    notary = Notary()
    for entry in entries:
        notary.read(entry)
    again = replaying.replay(entries)
    hold(not again.divergences, "replay decides the same", again.divergences[:1])
    hold(again.ledger == notary.shadow, "replay and recovery agree")
    return notary


def check_finished(entries: Sequence[Entry]) -> None:
    """A call that was left in peace long enough has ended and owes nothing."""
    notary = check_journal(entries)
    hold(notary.endings == 1, "every call ends", entries[-3:])
    left = [one for one in notary.owed.values() if not isinstance(one, do.StartTimer)]
    hold(not left, "after the end nothing is owed", left, entries[-3:])


def last_instant(entries: Sequence[Entry]) -> Instant:
    """When the last thing happened."""
    return entries[-1].at if entries else Instant(0)
