"""What the next incarnation does with what the last one left."""

from __future__ import annotations

from voicecall.actors.recovery import given_up, inherit
from voicecall.core.ledger import Ledger
from voicecall.core.state import CallState, Phase
from voicecall.events import AnyEffect, EffectId, Instant
from voicecall.events import effects as do
from voicecall.events import facts as fact

DIAL = do.Dial(caller="+15550000000", callee="+15550001000", ring_timeout_ms=30_000)
TIMER = do.StartTimer(name="silence", due=Instant(5))


def ledger(*effects: AnyEffect, phase: Phase = Phase.LIVE, turn: int = 0, replied_turn: int = 0) -> Ledger:
    owed = {EffectId(f"{seq}.0"): effect for seq, effect in enumerate(effects, 1)}
    return Ledger(state=CallState(phase=phase, turn=turn, replied_turn=replied_turn), owed=owed)


def test_what_may_be_repeated_is_carried_out_again_in_the_order_it_was_decided() -> None:
    found = inherit(ledger(do.Answer(), TIMER, do.Hangup(), do.Conclude(reason="failed"), do.Reconcile()))
    assert [effect.kind for _, effect in found.carry_out] == [
        "answer",
        "start_timer",
        "hangup",
        "conclude",
        "reconcile",
    ]
    assert [name for name, _ in found.carry_out] == ["1.0", "2.0", "3.0", "4.0", "5.0"]
    assert (found.abandon, found.outcomes) == ((), ())


def test_what_must_not_be_repeated_is_given_up() -> None:
    effects = (
        DIAL,
        do.SendDigits(digits="1"),
        do.OpenMedia(),
        do.Speak(utterance=1, text="Hi"),
        do.StopSpeaking(utterance=1),
        do.Listen(),
        do.UnknownEffect(data={"type": "from.the.future"}),
    )
    found = inherit(ledger(*effects))
    assert found.carry_out == ()
    assert [effect for _, effect in found.abandon] == list(effects)


def test_a_dial_that_is_given_up_is_in_doubt_because_somebodys_phone_may_ring() -> None:
    name = EffectId("2.0")
    assert given_up(name, DIAL) == fact.EffectFailed(settles=name, reason="restart", in_doubt=True)
    assert given_up(name, do.OpenMedia()) == fact.EffectFailed(settles=name, reason="restart")


def test_the_agent_is_asked_again_unless_that_is_beside_the_point() -> None:
    ask = do.AskAgent(turn=2, text="?")
    assert [effect for _, effect in inherit(ledger(ask, turn=2)).carry_out] == [ask]
    replied = inherit(ledger(ask, turn=2, replied_turn=2))
    (outcome,) = replied.outcomes
    assert isinstance(outcome, fact.AgentFinished)
    assert (outcome.settles, outcome.turn, outcome.reason) == ("1.0", 2, "done")
    assert (replied.carry_out, replied.abandon) == ((), ())
    for late in (inherit(ledger(ask, turn=3)), inherit(ledger(ask, turn=2, phase=Phase.ENDED))):
        (outcome,) = late.outcomes
        assert isinstance(outcome, fact.AgentFinished)
        assert outcome.reason == "superseded"


def test_nobody_waits_for_the_timers_of_a_call_that_is_over_but_a_hangup_is_still_owed() -> None:
    found = inherit(ledger(TIMER, do.Hangup(), phase=Phase.ENDED))
    assert [effect.kind for _, effect in found.carry_out] == ["hangup"]
