"""The machine: one call against an adversary who is carrier, agent, media plane, clock and power supply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.machine.call_machine import Call
from tests.machine.invariants import hold
from tests.machine.profile import machine
from voicecall.core.requests import Ask, EndCall, PlaceCall, PressDigits, Say
from voicecall.core.state import Media, Phase
from voicecall.events import RULES, AnyEffect, AnyEvent, EffectId, Mode, Patience, Policy
from voicecall.events import effects as do
from voicecall.events import facts as fact

VENDOR = "v1"
TEXTS = st.sampled_from(["Hello?", "Is Thursday free?", "One two three four five six seven.", "Yes.", "No.", "  "])
REASONS = st.sampled_from(["completed", "hangup-user", "busy", "no-answer", "failed", "unknown"])
NAMES = st.sampled_from(["", VENDOR])
POLICIES = st.builds(
    Policy,
    mode=st.sampled_from([Mode.CONVERSATION, Mode.CONVERSATION, Mode.NOTIFY]),
    greeting=st.sampled_from(["Hello, this is voicecall.", "Hello, this is voicecall.", ""]),
    verdict=st.sampled_from(["accept"] * 7 + ["not-allowed"]),
    stale_ms=st.sampled_from([0, 20_000, 120_000]),
    ring_timeout_ms=st.sampled_from([5_000, 30_000]),
    max_duration_ms=st.sampled_from([20_000, 300_000]),
    transcript_timeout_ms=st.sampled_from([5_000, 180_000]),
    agent=st.sampled_from([Patience(), Patience(progress_ms=5_500)]),
    unheard=st.sampled_from(["", "Pardon?"]),
    keys=st.sampled_from(["", "", "", "1w2,"]),
    resume_ms=st.sampled_from([0, 2_000]),
)
SAYINGS: st.SearchStrategy[AnyEvent] = st.one_of(
    st.builds(fact.CallRinging, vendor_call_id=NAMES),
    st.builds(fact.CallAnswered, by=st.sampled_from(["human", "machine"]), vendor_call_id=NAMES),
    st.builds(fact.DigitsPressed, digits=st.sampled_from(["1", "23#"])),
    st.builds(fact.CallerSaid, text=TEXTS),
    st.builds(fact.VendorReported, status=st.just("queued")),
)
"""What a carrier may say in a webhook, whether it makes sense or not."""

ENDINGS = st.builds(fact.CallEnded, reason=REASONS, vendor_code=st.sampled_from(["", "16"]))
LATE = 12
"""So many steps pass before the rules that end calls have their turn: most of what can go wrong needs a living one."""


def when(true: Callable[[CallMachine], object]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A rule for machines with a living incarnation of which something is true."""
    return precondition(lambda self: self.call.live is not None and bool(true(self)))


living = when(lambda self: True)
dead = precondition(lambda self: self.call.live is None)


class CallMachine(RuleBasedStateMachine):
    """A failure prints as a short program of these rules."""

    def __init__(self) -> None:
        super().__init__()
        self.call = Call()
        self.said: list[tuple[str, AnyEvent]] = []
        self.steps = 0

    @initialize(policy=POLICIES, inbound=st.booleans(), far=st.sampled_from(["begun", "talking", "greeted"]))
    def begin(self, policy: Policy, inbound: bool, far: str) -> None:
        call = self.call
        call.recover()
        if inbound:
            offered = fact.CallOffered(
                carrier="mock", vendor_call_id=VENDOR, caller="+15550001000", callee="+1", policy=policy, rules=RULES
            )
            call.happens(offered, "offer")
            self.said.append(("offer", offered))
        else:
            call.asks(self._placement(policy), "request:r1")
        if far != "begun":
            self._reach(greeted=far == "greeted")

    def _reach(self, *, greeted: bool) -> None:
        """An honest carrier connects the call, and perhaps the greeting is heard."""
        call = self.call
        self.says(fact.CallAnswered(by="human", vendor_call_id=VENDOR))
        call.open_media("t0")
        for effect_id, effect in tuple(call.todo.items()):
            if isinstance(effect, do.StartTimer | do.Conclude):
                continue
            del call.todo[effect_id]
            match effect:
                case do.Dial():
                    call.dialed += 1
                    call.happens(fact.DialAccepted(settles=effect_id, vendor_call_id=VENDOR))
                case do.Speak():
                    call.speak(effect_id, effect)
                case _:
                    call.happens(fact.EffectSucceeded(settles=effect_id))
        for effect_id, spoken in tuple(call.held.items()) if greeted else ():
            call.happens(fact.PlaybackStarted(utterance=spoken.utterance))
            call.play(effect_id, heard_ms=1_000)

    def _placement(self, policy: Policy) -> PlaceCall:
        return PlaceCall(request_id="r1", carrier="mock", caller="+1", callee="+15550001000", policy=policy)

    # --- the carrier talks -------------------------------------------------------------------------------------------

    @living
    @rule(event=SAYINGS)
    def says(self, event: AnyEvent) -> None:
        key = self.call.name("k")
        self.said.append((key, event))
        self.call.happens(event, key)

    @when(lambda self: self.said)
    @rule(data=st.data())
    def says_again(self, data: st.DataObject) -> None:
        key, event = data.draw(st.sampled_from(self.said))
        known = key in self.call.notary.keys
        hold((self.call.happens(event, key) is None) == known, "the same message again changes nothing", key)

    @when(lambda self: self.said)
    @rule(data=st.data())
    def says_in_other_words(self, data: st.DataObject) -> None:
        _, event = data.draw(st.sampled_from(self.said))
        self.call.happens(event, self.call.name("k"))

    @when(lambda self: self.steps > LATE)
    @rule(event=ENDINGS)
    def says_that_it_is_over(self, event: AnyEvent) -> None:
        self.says(event)

    @living
    @rule(event=st.one_of(SAYINGS, ENDINGS))
    def loses_a_message(self, event: AnyEvent) -> None:
        self.said.append((self.call.name("k"), event))  # it may come later, or never

    # --- the carrier and the agent are asked -------------------------------------------------------------------------

    def _able(self) -> list[tuple[EffectId, AnyEffect]]:
        """What carrier and plane have been asked for."""
        elsewhere = do.StartTimer | do.AskAgent | do.Conclude
        return [(name, effect) for name, effect in self.call.todo.items() if not isinstance(effect, elsewhere)]

    def _asked(self) -> list[tuple[EffectId, do.AskAgent]]:
        """What the agent has been asked."""
        return [(name, one) for name, one in self.call.todo.items() if isinstance(one, do.AskAgent)]

    @when(lambda self: self._able())
    @rule(data=st.data())
    def performs(self, data: st.DataObject) -> None:
        effect_id, effect = data.draw(st.sampled_from(self._able()))
        del self.call.todo[effect_id]
        self._perform(effect_id, effect, data)

    @when(lambda self: self._able())
    @rule(data=st.data())
    def performs_what_waits_longest(self, data: st.DataObject) -> None:
        effect_id, effect = self._able()[0]
        del self.call.todo[effect_id]
        self._perform(effect_id, effect, data)

    def _perform(self, effect_id: EffectId, effect: AnyEffect, data: st.DataObject) -> None:
        call = self.call
        match effect:
            case do.Speak():
                call.speak(effect_id, effect)
                return
            case do.StopSpeaking():
                call.interrupt(effect.utterance)
            case do.Dial():
                call.dialed += 1
                hold(call.dialed == 1, "nobody is rung twice", effect_id)
            case _:
                pass
        outcome = data.draw(self._outcomes(effect_id, effect))
        if outcome is None:
            self.loses_power_for_a_moment(plane_too=data.draw(st.booleans()))
        else:
            call.happens(outcome)

    def _outcomes(self, effect_id: EffectId, effect: AnyEffect) -> st.SearchStrategy[AnyEvent | None]:
        """What may become of an effect; None: it was carried out, but the power failed before anybody wrote it down."""
        name: dict[str, Any] = {"settles": st.just(effect_id)}
        done: st.SearchStrategy[AnyEvent | None] = st.builds(fact.EffectSucceeded, **name)
        reason, doubt = st.sampled_from(["no", "later"]), st.just(False)
        if isinstance(effect, do.Listen | do.StopSpeaking):
            return done
        if isinstance(effect, do.Dial):
            done, doubt = st.builds(fact.DialAccepted, **name, vendor_call_id=st.just(VENDOR)), st.booleans()
        if isinstance(effect, do.Reconcile):
            more = {"alive": st.booleans(), "answered": st.booleans(), "vendor_call_id": NAMES, "reason": REASONS}
            done = st.builds(fact.CallReconciled, **name, **more)
        return st.one_of(done, st.builds(fact.EffectFailed, **name, reason=reason, in_doubt=doubt), st.none())

    @when(lambda self: self._asked())
    @rule(text=TEXTS, reason=st.sampled_from(["", "", "done", "failed"]), data=st.data())
    def thinks(self, text: str, reason: Any, data: st.DataObject) -> None:
        effect_id, effect = data.draw(st.sampled_from(self._asked()))
        if reason:
            del self.call.todo[effect_id]
            self.call.happens(fact.AgentFinished(settles=effect_id, turn=effect.turn, reason=reason))
        else:
            self.call.happens(fact.AgentReplied(turn=effect.turn, index=0, text=text))

    @when(lambda self: any(isinstance(effect, do.Conclude) for effect in self.call.todo.values()))
    @rule()
    def concludes(self) -> None:
        self.call.conclude()

    # --- sound -------------------------------------------------------------------------------------------------------

    @when(lambda self: not self.call.stream)
    @rule(ticket=st.sampled_from(["t1", "t2", "t3", "t4"]))
    def connects(self, ticket: str) -> None:
        self.call.open_media(ticket)

    @when(lambda self: self.call.stream)
    @rule(reason=st.sampled_from(["lost", "stopped", "closed"]))
    def disconnects(self, reason: str) -> None:
        self.call.close_media(reason)

    @when(lambda self: self.call.stream)
    @rule(text=TEXTS)
    def caller_speaks(self, text: str) -> None:
        self.call.happens(fact.CallerStarted())
        self.call.happens(fact.CallerSaid(text=text))

    @when(lambda self: self.call.stream)
    @rule()
    def caller_starts_and_is_not_understood(self) -> None:
        self.call.happens(fact.CallerStarted())

    @when(lambda self: self.call.stream)
    @rule(fails=st.booleans())
    def caller_speaks_in_vain(self, fails: bool) -> None:
        self.call.happens(fact.CallerStarted())
        if fails:
            self.call.happens(fact.TranscriberFailed(detail="reset"))
        self.call.happens(fact.CallerStopped())

    @when(lambda self: self.call.held)
    @rule(heard_ms=st.sampled_from([0, 400, 1_000]), begun=st.booleans(), interrupted=st.booleans(), data=st.data())
    def plays(self, heard_ms: int, begun: bool, interrupted: bool, data: st.DataObject) -> None:
        effect_id = data.draw(st.sampled_from(list(self.call.held)))
        if begun:
            self.call.happens(fact.PlaybackStarted(utterance=self.call.held[effect_id].utterance))
        self.call.play(effect_id, heard_ms=heard_ms, interrupted=interrupted)

    @when(lambda self: self.call.held)
    @rule(data=st.data())
    def the_voice_spells(self, data: st.DataObject) -> None:
        spoken = data.draw(st.sampled_from(list(self.call.held.values())))
        self.call.spell(spoken, ms_per_word=data.draw(st.sampled_from([250, 700])))

    @when(lambda self: self.call.held)
    @rule()
    def everything_is_played(self) -> None:
        for effect_id, spoken in tuple(self.call.held.items()):
            self.call.happens(fact.PlaybackStarted(utterance=spoken.utterance))
            self.call.play(effect_id, heard_ms=1_000)

    # --- whoever drives the call -------------------------------------------------------------------------------------

    @living
    @rule(wish=st.sampled_from([Say(text="Hold on."), Ask(text="And then?"), PressDigits(digits="1w2")]))
    def wishes(self, wish: Say | Ask | PressDigits) -> None:
        self.call.asks(wish)

    @when(lambda self: self.steps > LATE)
    @rule()
    def is_to_end(self) -> None:
        self.call.asks(EndCall())

    @living
    @rule()
    def is_placed_again(self) -> None:
        hold(self.call.asks(self._placement(Policy())) is None, "a call is placed once")

    # --- time and power ----------------------------------------------------------------------------------------------

    @living
    @rule(ms=st.sampled_from([100, 500, 1_600, 3_000, 9_000, 31_000]))
    def waits(self, ms: int) -> None:
        self.call.wall += ms
        self.call.ring()

    @rule(ms=st.sampled_from([1, 5_000, 3_600_000]))
    def wall_clock_jumps_back(self, ms: int) -> None:
        self.call.wall -= ms

    @living
    @rule(event=SAYINGS, written=st.booleans(), plane_too=st.booleans())
    def loses_power(self, event: AnyEvent, written: bool, plane_too: bool) -> None:
        key = self.call.name("k")
        self.said.append((key, event))
        if written:
            self.call.happens(event, key, dispatch=False)
        self.call.crash(plane_too=plane_too)

    @living
    @rule(plane_too=st.booleans())
    def loses_power_for_a_moment(self, plane_too: bool) -> None:
        self.call.crash(plane_too=plane_too)
        self.call.recover()

    @dead
    @rule()
    def recovers(self) -> None:
        self.call.recover()

    @precondition(lambda self: self.call.live is None and self.steps > LATE)
    @rule()
    def is_quarantined(self) -> None:
        self.call.quarantine()
        self.call.recover()

    @invariant()
    def takes_a_step(self) -> None:
        self.steps += 1

    def teardown(self) -> None:
        call = self.call
        if not call.sound:
            return
        call.peace()
        call.check()
        if call.state.phase is Phase.ENDED:
            hold(call.state.media is not Media.OPEN or call.stream or not call.held, "nothing plays after the end")


def test_whatever_happens_to_a_call_its_journal_is_sound_and_it_ends() -> None:
    run_state_machine_as_test(CallMachine, settings=machine(200, stateful_step_count=50))
