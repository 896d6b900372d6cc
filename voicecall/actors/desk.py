"""One call's desk: its mailbox, and the incarnations of its actor that sit at it one after the other.

A failing actor is restarted with back-off and then quarantined; whatever it does, its siblings do not notice.
"""

from __future__ import annotations

import trio
from attrs import define, field

from journal.api import Erased, Fenced, JournalError
from voicecall.actors.call import Attempt, CallActor, Observe
from voicecall.actors.mailbox import Failed, Mailbox
from voicecall.actors.quarantine import quarantine
from voicecall.actors.world import World
from voicecall.events import CallId
from voicecall.fault import Caught, describe, first, words
from voicecall.log import get_logger

BACKOFF_S = (0.0, 0.1, 0.5, 2.0, 5.0)
"""Pauses before the restarts of a failing actor; one more failure is quarantine."""
HEALTHY_S = 60.0
"""An actor that worked so long had recovered: its next failure is the first again."""

log = get_logger(__name__)


@define
class Desk:
    """A call that has an actor: its mailbox, and how often the actor has failed of late."""

    mailbox: Mailbox = field(factory=Mailbox)
    failures: int = 0


async def attend(world: World, call_id: CallId, desk: Desk, observe: Observe) -> None:
    """Run the call's actor, again and again if need be, until the call sleeps, is somebody else's or is quarantined.

    Never raises for what an actor does. The mailbox is closed afterwards, and everybody who waits is told.
    """
    unfinished: tuple[Attempt, ...] = ()
    reason = "the call's actor is gone"
    try:
        while True:
            actor = CallActor(
                world=world, call_id=call_id, mailbox=desk.mailbox, observe=observe, unfinished=unfinished
            )
            started = trio.current_time()
            with Caught() as caught:
                await actor.run()
            unfinished = actor.unfinished
            if caught.error is None:
                if len(desk.mailbox):
                    continue  # a letter came while the actor was leaving
                return
            cause = first(caught.error)
            reason = f"the call's actor failed: {_words(cause)}"
            if _is_lost(cause, actor):
                log.error("a call is somebody else's", call=call_id, error=_words(cause))
                return
            desk.failures = 1 if trio.current_time() - started >= HEALTHY_S else desk.failures + 1
            log.error("a call's actor failed", call=call_id, failures=desk.failures, error=_words(cause))
            if desk.failures > len(BACKOFF_S):
                await quarantine(world, call_id, reason=reason, observe=observe)
                return
            await trio.sleep(BACKOFF_S[desk.failures - 1])
    finally:
        for attempt in unfinished:
            attempt.letter.settle(Failed(reason=reason))
        desk.mailbox.close(reason)


def _is_lost(cause: BaseException, actor: CallActor) -> bool:
    """Whether the call belongs to somebody else now, or to nobody any more.

    ``Fenced`` at the claim may be our own earlier append that was late: the next incarnation finds out. Once the claim
    is durable it means that another writer has claimed the call since.
    """
    return isinstance(cause, Erased) or (isinstance(cause, Fenced) and actor.claimed)


def _words(cause: BaseException) -> str:
    """A journal's errors say what to do about them; other texts may quote what a stranger sent."""
    return words(cause) if isinstance(cause, JournalError) else describe(cause)
