"""One effect on its way to a carrier: sent, tried again or not, and exactly one outcome."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import trio
import trio.testing
from attrs import define, evolve, field

from tests.actors.props import Wire, lost, ok
from voicecall.actors import control
from voicecall.actors.control import BACKOFF_S, MAX_REQUESTS, SHORT_BACKOFF_S
from voicecall.events import AnyEffect, AnyEvent, CallId, EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Account, Exchange, HttpRequest, Leg

DIAL = do.Dial(caller="+15550000000", callee="+15550001000", ring_timeout_ms=30_000)
ID = EffectId("2.0")


@define
class Grumpy(Wire):
    """A codec that fails where it is told to, or never has enough."""

    fails_in: str = ""
    greedy: bool = False
    attempts: list[float] = field(factory=list)

    def encode(self, effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
        self.attempts.append(trio.current_time())
        if self.fails_in == "encode":
            raise KeyError(leg.callee)
        return None if self.fails_in == "no" else super().encode(effect_id, effect, leg)

    def interpret(
        self, effect_id: EffectId, effect: AnyEffect, exchanges: tuple[Exchange, ...], leg: Leg
    ) -> AnyEvent | HttpRequest:
        if self.fails_in == "interpret":
            raise KeyError(leg.callee)
        return exchanges[-1].request if self.greedy else super().interpret(effect_id, effect, exchanges, leg)

    async def fetch(self, request: HttpRequest) -> Exchange:
        if self.fails_in == "fetch":
            raise RuntimeError("a fetch must not do this")
        exchange = await super().fetch(request)
        return Exchange(request=request, response=exchange.response, error=exchange.error, sent=exchange.sent)


def perform(wire: Grumpy, effect: AnyEffect, *, ended: Callable[[], bool] = lambda: False) -> AnyEvent:
    outcomes: list[AnyEvent] = []

    async def main() -> None:
        await control.perform(ID, effect, carrier=wire, leg=leg, fetch=wire.fetch, post=outcomes.append, ended=ended)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    (outcome,) = outcomes
    return outcome


def leg() -> Leg:
    return Leg(
        call_id=CallId("c1"),
        caller="+15550000000",
        callee="+15550001000",
        account=Account(api_url="wire:"),
        webhook_url="http://127.0.0.1/",
        media_url="ws://127.0.0.1/",
    )


def test_what_the_carrier_took_has_one_outcome() -> None:
    wire = Grumpy()
    assert perform(wire, DIAL) == fact.DialAccepted(settles=ID, vendor_call_id="v-c1")
    assert wire.sent == [("dial", ID)]


def test_an_effect_that_may_be_repeated_is_tried_again_under_its_name_with_growing_pauses() -> None:
    wire = Grumpy(answers={"hangup": [ok(status=503), lost(), ok(status=503)]})
    assert perform(wire, do.Hangup()) == fact.EffectSucceeded(settles=ID)
    assert wire.sent == [("hangup", ID)] * 4
    pauses = [round(after - before - 0.01, 3) for before, after in pairwise(wire.attempts)]
    assert pauses == list(BACKOFF_S[:3])


def test_after_the_last_pause_it_has_failed() -> None:
    wire = Grumpy(answers={"hangup": [ok(status=503)] * 100})
    outcome = perform(wire, do.Hangup())
    assert isinstance(outcome, fact.EffectFailed)
    assert len(wire.sent) == 1 + len(BACKOFF_S)


def test_a_refusal_is_not_tried_again() -> None:
    wire = Grumpy(answers={"hangup": [ok(status=400)]})
    assert perform(wire, do.Hangup()) == fact.EffectFailed(settles=ID, reason="400")
    assert len(wire.sent) == 1


@pytest.mark.parametrize("refusal", [ok(status=429), lost(sent=False)], ids=["limited", "not sent"])
def test_what_somebody_waits_for_is_tried_a_few_times_where_nothing_was_done(refusal: Exchange) -> None:
    wire = Grumpy(answers={"open_media": [refusal] * 100})
    outcome = perform(wire, do.OpenMedia())
    assert isinstance(outcome, fact.EffectFailed)
    pauses = [round(after - before - 0.01, 3) for before, after in pairwise(wire.attempts)]
    assert pauses == list(SHORT_BACKOFF_S)
    assert perform(Grumpy(answers={"open_media": [refusal]}), do.OpenMedia()) == fact.EffectSucceeded(settles=ID)


@pytest.mark.parametrize("answer", [ok(status=503), lost()], ids=["fault", "lost"])
def test_what_may_have_been_done_is_not_done_twice(answer: Exchange) -> None:
    wire = Grumpy(answers={"open_media": [answer]})
    assert isinstance(perform(wire, do.OpenMedia()), fact.EffectFailed)
    assert len(wire.sent) == 1


@pytest.mark.parametrize(("wish", "pause"), [("3", 3.0), ("0", 0.5), ("86400", 8.0), ("Wed, 21 Oct", 0.5), ("-1", 0.5)])
def test_a_carrier_is_left_in_peace_as_long_as_it_asks_for_within_reason(wish: str, pause: float) -> None:
    later = ok(status=429)
    assert later.response is not None
    answer = evolve(later, response=evolve(later.response, headers={"retry-after": wish}))
    wire = Grumpy(answers={"hangup": [answer]})
    assert perform(wire, do.Hangup()) == fact.EffectSucceeded(settles=ID)
    before, after = wire.attempts
    assert round(after - before - 0.01, 3) == pause


def test_a_dial_gets_one_attempt_whatever_happens() -> None:
    for answer in (ok(status=503), ok(status=429), lost(), lost(sent=False)):
        wire = Grumpy(answers={"dial": [answer]})
        assert isinstance(perform(wire, DIAL), fact.EffectFailed)
        assert len(wire.sent) == 1


def test_nothing_but_a_hangup_is_sent_for_a_call_that_has_ended() -> None:
    wire = Grumpy()
    assert isinstance(perform(wire, do.Answer(), ended=lambda: True), fact.EffectFailed)
    assert wire.sent == []
    assert isinstance(perform(wire, do.Hangup(), ended=lambda: True), fact.EffectSucceeded)
    assert [kind for kind, _ in wire.sent] == ["hangup"]


def test_trying_stops_when_the_call_ends() -> None:
    wire = Grumpy(answers={"hangup": [ok(status=503)] * 100})
    outcome = perform(wire, do.Hangup(), ended=lambda: len(wire.sent) >= 2)
    assert isinstance(outcome, fact.EffectFailed)
    assert len(wire.sent) == 2


def test_what_a_carrier_cannot_do_fails_with_its_name() -> None:
    outcome = perform(Grumpy(fails_in="no"), do.SendDigits(digits="1"))
    assert outcome == fact.EffectFailed(settles=ID, reason="wire cannot send_digits")


@pytest.mark.parametrize(
    ("fails_in", "answer", "doubt"),
    [
        ("encode", ok(), False),
        ("fetch", ok(), True),
        ("interpret", ok(), True),
        ("interpret", lost(), True),
        ("interpret", lost(sent=False), False),
    ],
)
def test_a_dial_is_in_doubt_as_soon_as_it_may_have_left(fails_in: str, answer: Exchange, doubt: bool) -> None:
    outcome = perform(Grumpy(fails_in=fails_in, answers={"dial": [answer]}), DIAL)
    assert isinstance(outcome, fact.EffectFailed)
    assert outcome.in_doubt is doubt
    assert DIAL.callee not in outcome.reason


def test_a_codec_that_fails_fails_the_effect_and_nothing_else() -> None:
    outcome = perform(Grumpy(fails_in="interpret"), do.Hangup())
    assert isinstance(outcome, fact.EffectFailed)
    assert not outcome.in_doubt
    assert outcome.reason.startswith("wire's codec failed: KeyError at test_control.py")


def test_a_codec_that_never_has_enough_is_stopped_and_its_dial_is_in_doubt() -> None:
    wire = Grumpy(greedy=True)
    outcome = perform(wire, DIAL)
    assert isinstance(outcome, fact.EffectFailed)
    assert outcome.in_doubt
    assert len(wire.sent) == MAX_REQUESTS
