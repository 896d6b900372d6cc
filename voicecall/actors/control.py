"""The one piece of IO for all carriers: encode, send, interpret, post.

Strictly in order: the next effect starts when the one before has its outcome. Effects that say ``retry`` are tried
again with back-off while the carrier says "later"; the others get one attempt, because nobody knows what a second one
would do. Whatever goes wrong once a dial may have left us leaves it in doubt, never failed: somebody's phone may ring.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from voicecall.events import AnyEffect, AnyEvent, EffectId, OnRestart
from voicecall.events.effects import Dial, Hangup
from voicecall.events.facts import EffectFailed
from voicecall.fault import Caught, describe
from voicecall.ports import Carrier, Exchange, Fetch, HttpRequest, Leg, Post

BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses between attempts of an effect that may be repeated; after the last one it has failed."""
MAX_REQUESTS = 12
"""How many requests one attempt may need (a ringing Plivo call needs two, the search for one without a name more)."""


async def perform(
    effect_id: EffectId,
    effect: AnyEffect,
    *,
    carrier: Carrier,
    leg: Callable[[], Leg],
    fetch: Fetch,
    post: Post,
    ended: Callable[[], bool],
) -> AnyEvent:
    """Carry out one effect and post its outcome. Never raises for what the carrier or its codec does."""
    # That it has ended may be our own word only; a carrier to whom it is old news says so.
    if ended() and not isinstance(effect, Hangup):
        late = EffectFailed(settles=effect_id, reason="the call has ended")
        post(late)
        return late
    outcome = await _attempt(effect_id, effect, carrier=carrier, leg=leg, fetch=fetch)
    for pause in BACKOFF_S:
        again = isinstance(outcome, EffectFailed) and outcome.retryable and effect.on_restart is OnRestart.RETRY
        if not again or ended():
            break
        await trio.sleep(pause)
        outcome = await _attempt(effect_id, effect, carrier=carrier, leg=leg, fetch=fetch)
    post(outcome)
    return outcome


async def _attempt(
    effect_id: EffectId, effect: AnyEffect, *, carrier: Carrier, leg: Callable[[], Leg], fetch: Fetch
) -> AnyEvent:
    exchanges: tuple[Exchange, ...] = ()
    begun = 0
    with Caught() as caught:
        here = leg()
        request = carrier.encode(effect_id, effect, here)
        if request is None:
            return EffectFailed(settles=effect_id, reason=f"{carrier.name} cannot {type(effect).kind}")
        for _ in range(MAX_REQUESTS):
            begun += 1
            exchanges = (*exchanges, await fetch(request))
            outcome = carrier.interpret(effect_id, effect, exchanges, here)
            if not isinstance(outcome, HttpRequest):
                return outcome
            request = outcome
    reason = f"{carrier.name} asked for more than {MAX_REQUESTS} requests"
    if caught.error is not None:
        reason = f"{carrier.name}'s codec failed: {describe(caught.error)}"
    left = begun > len(exchanges) or any(exchange.sent for exchange in exchanges)
    return EffectFailed(settles=effect_id, reason=reason, in_doubt=left and isinstance(effect, Dial))
