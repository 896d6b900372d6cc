"""Every deadline of a call in one place: what is due when, as a function of the state.

A timer is only a wake-up. What is *due* is computed from the state, so a timer that fires early, late, twice or after
its reason is gone does no harm, and two places can never disagree about a deadline. In every living phase at least one
deadline exists, and while we owe the person sound one of them bounds the silence (the invariant tests prove both).
"""

from __future__ import annotations

from typing import Literal

from voicecall.core import dialing, speech
from voicecall.core.state import UNANSWERED, CallState, Machine, Media, Owing, Phase
from voicecall.events import Instant, Patience
from voicecall.events.effects import Conclude
from voicecall.events.facts import TimerFired

RECONCILE_LIMIT_MS = 30_000
"""How long the carrier's answer about a call in doubt is waited for."""
RING_GRACE_MS = 5_000
"""How long after the ring timeout the carrier is given to report it by itself."""
OFFER_LIMIT_MS = 15_000
"""How long after our answer the carrier is given to connect an inbound call."""
FIRST_SOUND_LIMIT_MS = 15_000
"""How long an utterance may take to its first sound before sound counts as broken."""
PLAYBACK_LIMIT_MS = 30_000
"""How long, besides its length, an utterance may take before sound counts as broken."""
SPEECH_MS_PER_CHARACTER = 120
"""A generous estimate of slow speech."""


def deadlines(state: CallState) -> dict[str, Instant]:
    """What is due when: timer name → instant. Empty only before the call exists and after it ended."""
    if state.phase in UNANSWERED:
        return _unanswered(state)
    if state.phase is Phase.LIVE:
        return _live(state)
    if state.phase is Phase.ENDING and not any(isinstance(effect, Conclude) for _, effect in state.owed):
        return {"ending": _after(state.ending_since, state.policy.hangup_grace_ms)}
    return {}


def is_due(state: CallState, event: TimerFired) -> bool:
    """Whether the deadline this timer was started for still stands and has come."""
    due = deadlines(state).get(event.name)
    return due is not None and due <= state.now


def _unanswered(state: CallState) -> dict[str, Instant]:
    policy = state.policy
    due: dict[str, Instant] = {}
    if state.reconciling_since:
        due["reconcile"] = _after(state.reconciling_since, RECONCILE_LIMIT_MS)
    elif state.direction == "inbound":
        due["answer"] = _after(state.started_at, OFFER_LIMIT_MS)
    else:
        grace = RING_GRACE_MS if state.vendor_call_id else policy.dial_doubt_ms
        due["ring"] = _after(state.started_at, policy.ring_timeout_ms + grace)
    if policy.stale_ms:
        due["stale"] = _after(state.started_at, policy.stale_ms)
    return due


def _live(state: CallState) -> dict[str, Instant]:
    policy = state.policy
    due = {"max_duration": _after(state.answered_at, policy.max_duration_ms), **_dialed(state)}
    if state.media is not Media.OPEN and state.streams:
        due["media"] = _after(state.media_since, policy.media_timeout_ms)
        if state.media_again_at and not state.media_asked:
            due["reopen"] = state.media_again_at
    elif state.saying:
        due["playback"] = _after(state.sound_at, _playback_limit(state))
    elif state.owing is not Owing.NOBODY:
        due["silence"] = _after(state.owing_since, silence_step(state)[1])
    if state.notified_at and not _busy(state):
        due["notify"] = _notified(state)
    if state.waiting_since and all(one.number != state.waiting_for for one in state.saying):
        due["transcript"] = _after(state.waiting_since, policy.transcript_timeout_ms)
    if state.machine is Machine.GREETING:
        due["beep"] = _after(state.machine_since, policy.beep_ms)
    if state.cut and state.hushed_at and state.media is Media.OPEN and not state.saying:
        due["resume"] = _after(state.hushed_at, policy.resume_ms)
    if state.keys:
        due["keys"] = _after(state.keys_at, policy.keys_gap_ms)
    return due


def _dialed(state: CallState) -> dict[str, Instant]:
    """When our keys have been heard, where the first words wait for that and for nothing else."""
    ready = state.media is Media.OPEN or not state.streams
    waits = state.policy.keys and ready and not state.utterance and speech.is_greeting_due(state)
    return {"dialed": dialing.over_at(state)} if waits else {}


def _notified(state: CallState) -> Instant:
    """When a message that was heard is the end of it; where a machine may have heard it, not before that is known."""
    due = _after(max(state.notified_at, state.sound_at), state.policy.notify_hangup_delay_ms)
    unknown = state.detecting and state.policy.on_machine == "message"
    return max(due, _after(state.answered_at, state.policy.detection_ms)) if unknown else due


def _busy(state: CallState) -> bool:
    """Whether somebody speaks or is waited for: a message that was heard is then not the end of it."""
    return bool(state.saying) or bool(state.waiting_since) or state.owing is not Owing.NOBODY


def _playback_limit(state: CallState) -> int:
    if not state.saying[0].started:
        return FIRST_SOUND_LIMIT_MS
    return PLAYBACK_LIMIT_MS + SPEECH_MS_PER_CHARACTER * sum(len(one.text) for one in state.saying)


Step = Literal["filler", "progress", "apology", "hangup"]
"""What breaks a silence, in this order."""


def silence_step(state: CallState) -> tuple[Step, int]:
    """What breaks the silence next, and how long after we began to owe the person sound, in milliseconds."""
    patience: Patience = state.policy.operator if state.owing is Owing.OPERATOR else state.policy.agent
    progress: tuple[tuple[Step, int], ...] = (("progress", patience.progress_ms),) if patience.progress_ms else ()
    steps: tuple[tuple[Step, int], ...] = (
        ("filler", patience.filler_ms),
        *progress,
        ("apology", patience.apology_ms),
        ("hangup", patience.hangup_ms),
    )
    return steps[min(state.owing_stage, len(steps) - 1)]


def _after(since: Instant, duration_ms: int) -> Instant:
    return Instant(since + duration_ms)
