"""Faults put into the code on purpose: the harness that does not find one of them is itself at fault.

A mutant is a function that patches the code through pytest's ``MonkeyPatch``. ``everywhere`` replaces a function in
every module that has imported it, as an edit of its source would.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from typing import Any

import attrs
import pytest
import trio

from voicecall.actors import call as acting
from voicecall.actors import recovery
from voicecall.actors.mailbox import Mailbox
from voicecall.core import deadlines as time_limits
from voicecall.core import decide as deciding
from voicecall.core import evolve as evolving
from voicecall.core import ledger as books
from voicecall.core import speech as speaking
from voicecall.core.change import change
from voicecall.core.ledger import Again, Ledger
from voicecall.core.state import CallState, Owing, Phase
from voicecall.events import AnyEffect, AnyEvent, Entry, Instant, OnRestart
from voicecall.events import effects as do
from voicecall.events import facts as fact

Mutant = Callable[[pytest.MonkeyPatch], None]


def everywhere(patch: pytest.MonkeyPatch, original: object, replacement: object) -> None:
    """Replace ``original`` wherever it was imported by name."""
    for name, module in tuple(sys.modules.items()):
        if name.startswith(("voicecall.", "tests.machine.")) and module is not None and "mutants" not in name:
            for attribute, value in tuple(vars(module).items()):
                if value is original:
                    patch.setattr(module, attribute, replacement)


# --- the eleven ------------------------------------------------------------------------------------------------------


def no_dedupe_of_keys(patch: pytest.MonkeyPatch) -> None:
    """The ledger forgets what it has heard."""
    fold = books.fold

    def forgetful(ledger: Ledger, entry: Entry) -> Ledger:
        return attrs.evolve(fold(ledger, entry), keys={})

    everywhere(patch, fold, forgetful)


def dial_retried_after_restart(patch: pytest.MonkeyPatch) -> None:
    """Somebody's phone rings twice because a process restarted."""
    patch.setattr(do.Dial, "on_restart", OnRestart.RETRY)


def randomness_inside_decide(patch: pytest.MonkeyPatch) -> None:
    """A decision depends on something that is not in the journal."""
    decide, chance = deciding.decide, count()

    def moody(state: CallState, event: AnyEvent) -> tuple[AnyEffect, ...]:
        return tuple(_late(effect, next(chance) % 2) for effect in decide(state, event))

    everywhere(patch, decide, moody)


def _late(effect: AnyEffect, by_ms: int) -> AnyEffect:
    """Timers that are in nobody's books but the journal's."""
    late = isinstance(effect, do.StartTimer) and effect.name != "max_duration"
    return attrs.evolve(effect, due=Instant(effect.due + by_ms)) if late else effect


def no_max_duration_timer(patch: pytest.MonkeyPatch) -> None:
    """A call may last for ever."""
    deadlines = time_limits.deadlines

    def patient(state: CallState) -> dict[str, Instant]:
        return {name: due for name, due in deadlines(state).items() if name != "max_duration"}

    everywhere(patch, deadlines, patient)


def outcomes_do_not_settle_effects(patch: pytest.MonkeyPatch) -> None:
    """What was done is still owed."""
    fold = books.fold

    def unsettled(ledger: Ledger, entry: Entry) -> Ledger:
        folded = fold(ledger, entry)
        return attrs.evolve(folded, owed={**ledger.owed, **folded.owed})

    everywhere(patch, fold, unsettled)


def answered_not_guarded_by_phase(patch: pytest.MonkeyPatch) -> None:
    """A second "answered", in other words, answers the call again."""

    def unguarded(state: CallState) -> CallState:
        if state.phase not in (Phase.OFFERED, Phase.DIALING, Phase.RINGING, Phase.LIVE):
            return state
        state = change(state, phase=Phase.LIVE, answered_at=state.now, media_since=state.now)
        return evolving.speech.owe(state, Owing.AGENT) if state.policy.greeting else state

    everywhere(patch, evolving._answered, unguarded)


def recovery_forgets_what_is_owed(patch: pytest.MonkeyPatch) -> None:
    """A new incarnation starts with empty hands."""

    def forgetful(ledger: Ledger) -> recovery.Inheritance:
        return recovery.Inheritance()

    everywhere(patch, recovery.inherit, forgetful)


def no_cancel_point_before_dispatch(patch: pytest.MonkeyPatch) -> None:
    """A dying actor starts what it can no longer finish."""

    async def reckless() -> None:
        return

    patch.setattr(trio.lowlevel, "checkpoint_if_cancelled", reckless)


def time_may_run_backwards(patch: pytest.MonkeyPatch) -> None:
    """The wall clock is believed."""
    step = books.step

    def credulous(ledger: Ledger, event: AnyEvent, *, at: Instant, **more: Any) -> Entry | Again:
        entry = step(ledger, event, at=at, **more)
        return entry if isinstance(entry, Again) else attrs.evolve(entry, at=at)

    everywhere(patch, step, credulous)


def claim_not_written_after_restart(patch: pytest.MonkeyPatch) -> None:
    """An incarnation acts before it has said that it is there."""
    write = acting.CallActor._write

    async def silent(self: acting.CallActor, letter: Any, event: AnyEvent) -> acting.Consumed | None:
        if isinstance(event, fact.ActorStarted) and self._position:
            await trio.lowlevel.checkpoint()
            return None
        return await write(self, letter, event)

    patch.setattr(acting.CallActor, "_write", silent)


def a_rule_changed(patch: pytest.MonkeyPatch) -> None:
    """We wait a second longer before we say something: as sound as before, but not what was decided then."""
    deadlines = time_limits.deadlines

    def slower(state: CallState) -> dict[str, Instant]:
        return {name: Instant(due + 1_000 * (name == "silence")) for name, due in deadlines(state).items()}

    everywhere(patch, deadlines, slower)


# --- and some that the actors once had -------------------------------------------------------------------------------


def what_was_cut_off_counts_as_heard(patch: pytest.MonkeyPatch) -> None:
    """The agent believes that the person heard what it had said."""
    patch.setattr(speaking, "words_heard", lambda one, event: one.text if event.heard_ms else "")


def unfinished_letters_are_lost(patch: pytest.MonkeyPatch) -> None:
    """A letter whose append failed is forgotten with the incarnation that took it."""
    patch.setattr(Mailbox, "put_back", lambda self, letter: None)


def letters_are_put_back_too_early(patch: pytest.MonkeyPatch) -> None:
    """A line that the disk still holds is taken for lost, and its letter is written twice."""
    recover = acting.CallActor._recover

    async def hasty(self: acting.CallActor) -> None:
        await recover(self)
        self._put_back()

    patch.setattr(acting.CallActor, "_recover", hasty)


def nobody_hears_of_late_lines(patch: pytest.MonkeyPatch) -> None:
    """A line that was written although its append failed never reaches the directory."""
    patch.setattr(acting, "_same", lambda entry, attempted: False)


def timers_wait_for_the_wall_clock(patch: pytest.MonkeyPatch) -> None:
    """After the wall clock was set back, a call freezes until it has caught up."""
    start = acting.Lanes.__init__

    def frozen(self: Any, **parts: Any) -> None:
        start(self, **{**parts, "ahead_ms": 0})

    patch.setattr(acting.Lanes, "__init__", frozen)
