"""A call told fact by fact, without actors: what was decided, what is owed, and a clock that jumps to any timer."""

from __future__ import annotations

from typing import TypeVar, cast

from attrs import define, field

from voicecall.core.admit import admit
from voicecall.core.ledger import Again, Ledger, fold, step
from voicecall.core.replay import replay
from voicecall.core.requests import Refused, Wish
from voicecall.core.state import CallState, Phase
from voicecall.events import RULES, AnyEffect, AnyEvent, EffectId, Entry, Instant, Mode, Policy
from voicecall.events import effects as do
from voicecall.events import facts as fact

START = Instant(1_767_225_600_000)
US, THEM = "+15550000000", "+15550001000"
E = TypeVar("E")
Effects = tuple[AnyEffect, ...]


@define
class Story:
    """One call. Every ``tell`` is one journal entry; it gives the effects that were decided, timers aside."""

    ledger: Ledger = field(factory=Ledger)
    entries: list[Entry] = field(factory=list)
    now: Instant = START

    @property
    def state(self) -> CallState:
        return self.ledger.state

    @property
    def phase(self) -> Phase:
        return self.ledger.state.phase

    def tell(self, event: AnyEvent, *, after_ms: int = 0, key: str = "") -> Effects:
        self.now = Instant(self.now + after_ms)
        entry = step(self.ledger, event, at=self.now, writer="w1", key=key)
        assert not isinstance(entry, Again), f"{event} is in the journal already"
        self.entries.append(entry)
        self.ledger = fold(self.ledger, entry)
        return tuple(effect for effect in entry.effects if not isinstance(effect, do.StartTimer))

    def ask(self, wish: Wish, *, after_ms: int = 0) -> Effects | Refused:
        self.now = Instant(self.now + after_ms)
        event = admit(self.state, wish)
        return event if isinstance(event, Refused) else self.tell(event)

    # --- what is owed ------------------------------------------------------------------------------------------------

    def owed(self, kind: type[E]) -> EffectId:
        """The oldest effect of this kind that has no outcome."""
        return next(name for name, effect in self.ledger.owed.items() if isinstance(effect, kind))

    def timers(self) -> dict[str, int]:
        """Pending timers: name → milliseconds from now."""
        owed = self.ledger.owed.values()
        return {one.name: one.due - self.now for one in owed if isinstance(one, do.StartTimer)}

    def fire(self, name: str) -> Effects:
        """Jump to the pending timer of this name, and let it fire."""
        timers = [one for one in self.ledger.owed.items() if isinstance(one[1], do.StartTimer)]
        effect_id, timer = next(one for one in timers if cast("do.StartTimer", one[1]).name == name)
        due = cast("do.StartTimer", timer).due
        self.now = max(self.now, due)
        return self.tell(fact.TimerFired(settles=effect_id, name=name, due=due))

    def wait(self, ms: int) -> Effects:
        """Let ``ms`` pass; every timer that comes due on the way fires."""
        until = Instant(self.now + ms)
        decided: list[AnyEffect] = []
        while self.phase is not Phase.ENDED:
            pending = sorted((self.now + left, name) for name, left in self.timers().items())
            if not pending or pending[0][0] > until:
                break
            decided += self.fire(pending[0][1])
        self.now = max(self.now, until)
        return tuple(decided)

    # --- outcomes ----------------------------------------------------------------------------------------------------

    def done(self, kind: type[E]) -> Effects:
        return self.tell(fact.EffectSucceeded(settles=self.owed(kind)))

    def fails(self, kind: type[E], reason: str = "no", *, in_doubt: bool = False, vendor_code: str = "") -> Effects:
        name = self.owed(kind)
        return self.tell(fact.EffectFailed(settles=name, reason=reason, in_doubt=in_doubt, vendor_code=vendor_code))

    def starts(self, utterance: int) -> Effects:
        return self.tell(fact.PlaybackStarted(utterance=utterance))

    def finishes(
        self,
        utterance: int,
        *,
        heard_ms: int = 1_000,
        sent_ms: int = 1_000,
        interrupted: bool = False,
        length_ms: int = 0,
    ) -> Effects:
        name = next(
            name
            for name, effect in self.ledger.owed.items()
            if isinstance(effect, do.Speak) and effect.utterance == utterance
        )
        return self.tell(
            fact.PlaybackFinished(
                settles=name,
                utterance=utterance,
                heard_ms=heard_ms,
                sent_ms=sent_ms,
                interrupted=interrupted,
                length_ms=length_ms,
            )
        )

    def plays(self, utterance: int) -> Effects:
        """Said from its first to its last sound, and heard."""
        return self.starts(utterance) + self.finishes(utterance)

    def says(self, text: str) -> Effects:
        return self.tell(fact.CallerSaid(text=text))

    def replies(self, *texts: str, turn: int = 1) -> Effects:
        decided = [self.tell(fact.AgentReplied(turn=turn, index=index, text=text)) for index, text in enumerate(texts)]
        return tuple(effect for some in decided for effect in some)

    def thought(self, turn: int = 1, reason: str = "done") -> Effects:
        return self.tell(fact.AgentFinished(settles=self.owed(do.AskAgent), turn=turn, reason=reason))

    def decided_the_same_today(self) -> bool:
        return replay(self.entries).divergences == ()


def policy(**settings: object) -> Policy:
    return Policy(**({"greeting": "Hello, this is us."} | settings))


def placed(**settings: object) -> Story:
    """We called somebody; the dial is owed."""
    story = Story()
    story.tell(
        fact.CallPlaced(carrier="mock", caller=US, callee=THEM, policy=policy(**settings), rules=RULES), key="request:r"
    )
    return story


def dialed(**settings: object) -> Story:
    """The carrier took the dial."""
    story = placed(**settings)
    story.tell(fact.DialAccepted(settles=story.owed(do.Dial), vendor_call_id="v1"))
    return story


def offered(**settings: object) -> Story:
    """Somebody calls us."""
    story = Story()
    event = fact.CallOffered(
        carrier="mock", vendor_call_id="v1", caller=THEM, callee=US, policy=policy(**settings), rules=RULES
    )
    story.tell(event, key="offer")
    return story


def answered(**settings: object) -> Story:
    """The callee picked up; sound does not flow yet."""
    story = dialed(**settings)
    story.tell(fact.CallAnswered(by="human"), after_ms=4_000)
    return story


def open_media(story: Story, stream_id: str = "s1") -> Effects:
    decided = story.tell(fact.MediaOpened(stream_id=stream_id, ticket=stream_id), after_ms=200)
    if any(isinstance(effect, do.Listen) for effect in decided):
        story.done(do.Listen)
    return decided


def connected(**settings: object) -> Story:
    """Sound flows and the greeting is owed."""
    story = answered(**settings)
    if any(isinstance(effect, do.OpenMedia) for effect in story.ledger.owed.values()):
        story.done(do.OpenMedia)
    open_media(story)
    return story


def conversing(**settings: object) -> Story:
    """The greeting was heard; we listen."""
    story = connected(**settings)
    story.plays(1)
    return story


def notifying(**settings: object) -> Story:
    return connected(mode=Mode.NOTIFY, **settings)


def kinds(effects: Effects | Refused) -> list[str]:
    """The effects by name."""
    assert not isinstance(effects, Refused), effects
    return [type(effect).kind for effect in effects]


def spoken(effects: Effects | Refused) -> list[str]:
    """What was decided to be said."""
    assert not isinstance(effects, Refused), effects
    return [effect.text for effect in effects if isinstance(effect, do.Speak)]
