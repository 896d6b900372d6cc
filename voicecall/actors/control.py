"""The one piece of IO for all carriers: encode, send, interpret, post.

Strictly in order: the next effect starts when the one before has its outcome. Effects that say ``retry`` are tried
again with back-off while the carrier says "later". The others get one attempt, because nobody knows what a second one
would do, and a few more only where it is certain that nothing was done; a dial gets none. Whatever goes wrong once a
dial may have left us leaves it in doubt, never failed: somebody's phone may ring.
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
SHORT_BACKOFF_S = BACKOFF_S[:3]
"""The same for what somebody waits for on the line, and of which nothing was done."""
LONGEST_PAUSE_S = 8.0
"""However long a carrier says that it wants to be left in peace: somebody is on the line."""
RATE_LIMITED = 429
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
    outcome, last = await _attempt(effect_id, effect, carrier=carrier, leg=leg, fetch=fetch)
    for pause in BACKOFF_S if effect.on_restart is OnRestart.RETRY else SHORT_BACKOFF_S:
        if ended() or not _may_try_again(effect, outcome, last):
            break
        await trio.sleep(max(pause, _wished_pause_s(last)))
        outcome, last = await _attempt(effect_id, effect, carrier=carrier, leg=leg, fetch=fetch)
    post(outcome)
    return outcome


def _may_try_again(effect: AnyEffect, outcome: AnyEvent, last: Exchange | None) -> bool:
    if not isinstance(outcome, EffectFailed) or not outcome.retryable:
        return False
    if effect.on_restart is OnRestart.RETRY:
        return True
    return not isinstance(effect, Dial) and last is not None and _was_nothing_done(last)


def _was_nothing_done(last: Exchange) -> bool:
    return not last.sent if last.response is None else last.response.status == RATE_LIMITED


def _wished_pause_s(last: Exchange | None) -> float:
    """What the carrier asks for, where it does so in seconds."""
    wish = "" if last is None or last.response is None else last.response.headers.get("retry-after", "")
    return min(LONGEST_PAUSE_S, float(wish)) if wish.isascii() and wish.isdigit() else 0.0


async def _attempt(
    effect_id: EffectId, effect: AnyEffect, *, carrier: Carrier, leg: Callable[[], Leg], fetch: Fetch
) -> tuple[AnyEvent, Exchange | None]:
    """The outcome, and the exchange that it follows from."""
    exchanges: tuple[Exchange, ...] = ()
    begun = 0
    with Caught() as caught:
        here = leg()
        request = carrier.encode(effect_id, effect, here)
        if request is None:
            return EffectFailed(settles=effect_id, reason=f"{carrier.name} cannot {type(effect).kind}"), None
        for _ in range(MAX_REQUESTS):
            begun += 1
            exchanges = (*exchanges, await fetch(request))
            outcome = carrier.interpret(effect_id, effect, exchanges, here)
            if not isinstance(outcome, HttpRequest):
                return outcome, exchanges[-1]
            request = outcome
    reason = f"{carrier.name} asked for more than {MAX_REQUESTS} requests"
    if caught.error is not None:
        reason = f"{carrier.name}'s codec failed: {describe(caught.error)}"
    left = begun > len(exchanges) or any(exchange.sent for exchange in exchanges)
    return EffectFailed(settles=effect_id, reason=reason, in_doubt=left and isinstance(effect, Dial)), None
