"""What is now true: ``evolve`` for facts, ``intend`` for what we decided to do about them.

``evolve`` is total: a fact that makes no sense in a phase leaves the phase alone and counts as an anomaly. It ends in
``assert_never``, so a new kind of fact does not type-check until somebody has said what it means. ``intend`` folds the
*recorded* effects, never today's rules, so a journal written by older rules recovers to what really was decided.
"""

from __future__ import annotations

from typing import Literal, assert_never

from voicecall.core import dialing, fallback, speech
from voicecall.core.change import change
from voicecall.core.deadlines import is_due, silence_step
from voicecall.core.state import TRANSITIONS, UNANSWERED, CallState, Floor, Machine, Media, Owing, Phase
from voicecall.events import AnyEffect, AnyEvent, EffectId, EndReason, Instant
from voicecall.events import facts as fact
from voicecall.events.base import EPOCH, NO_EFFECT
from voicecall.events.effects import (
    Answer,
    AskAgent,
    Conclude,
    Dial,
    Hangup,
    Listen,
    OpenMedia,
    Reconcile,
    Reject,
    Speak,
    StartTimer,
    StopSpeaking,
)

RETURNING = frozenset({"lost", "restart"})
"""Reasons for a closed media stream that nobody meant to close: the carrier is asked to connect again."""
REOPEN_MS = 1_000
"""How long a carrier that could not open a media stream is left alone before it is asked once more."""
OURS_TO_SAY = frozenset({"completed", "hangup-bot", "unknown", "rejected"})
"""Carriers say these about an ending that we asked for; our own reason tells more."""


def evolve(state: CallState, event: AnyEvent) -> CallState:
    """The state after ``event``. ``state.now`` is already the entry's instant."""
    state, settled = _settle(state, getattr(event, "settles", NO_EFFECT))
    match event:
        case fact.CallPlaced():
            return _placed(state, event)
        case fact.CallOffered():
            return _offered(state, event)
        case fact.CallRinging():
            return _to(_known(state, event.vendor_call_id), Phase.RINGING)
        case fact.CallAnswered():
            return _answered(_known(state, event.vendor_call_id))
        case fact.CallEnded():
            return _ended(state, final_reason(state.end_reason, event), concluded=bool(event.settles))
        case fact.CallReconciled():
            return _reconciled(state, event)
        case fact.DialAccepted():
            return state if state.vendor_call_id else _known(state, event.vendor_call_id)
        case fact.MediaOpened():
            return _media_opened(state, event)
        case fact.MediaClosed():
            return _media_closed(state, event)
        case fact.MachineDetected() | fact.MachineFinished():
            return _machine(state, event)
        case fact.DigitsPressed():
            return speech.pressed(speech.taken_up(state), event)
        case fact.CallerStarted() | fact.CallerStopped() | fact.TranscriberFailed():
            return _voice(state, event)
        case fact.CallerHeard():
            return _heard_words(state) if event.text.strip() else state
        case fact.CallerSaid():
            return _said(state, event)
        case fact.SpeechChunk():
            return speech.made(state, event)
        case fact.PlaybackStarted():
            return speech.playing(state, event.utterance)
        case fact.PlaybackFinished():
            return speech.played(state, event)
        case fact.AgentReplied():
            return speech.drafted(state, event.turn, event.text)
        case fact.AgentFinished():
            return change(speech.finished(state, event), draft="" if event.turn == state.turn else state.draft)
        case fact.SayRequested() | fact.ListenRequested():
            return _wished(state, event)
        case fact.TimerFired():
            return _fired(state, event)
        case fact.ActorQuarantined():
            return change(_to(state, Phase.ENDING), quarantined=True)
        case fact.EffectFailed():
            return _failed(state, settled, event)
        case fact.FlowAsked():
            return _asked(state, event)
        case fact.EffectSucceeded() | fact.VendorReported() | fact.DigitsRequested() | fact.HangupRequested():
            return state
        case fact.AudioMeasured() | fact.ActorStarted() | fact.Unknown():
            return state
    assert_never(event)


def intend(state: CallState, effect_id: EffectId, effect: AnyEffect) -> CallState:
    """The state once ``effect`` is decided."""
    match effect:
        case StartTimer():
            armed = tuple(one for one in state.armed if one[0] != effect.name)
            return change(state, armed=(*armed, (effect.name, effect.due)))
        case Hangup() if state.phase is Phase.ENDED:
            state = change(state, concluded=False)
        case Hangup() | Reject():
            reason: EndReason = "rejected" if isinstance(effect, Reject) else effect.reason
            state = change(_to(state, Phase.ENDING), end_reason=state.end_reason or reason)
        case Conclude():
            state = change(_to(state, Phase.ENDING), end_reason=state.end_reason or effect.reason)
        case Reconcile():
            state = change(state, reconciling_since=state.now)
        case OpenMedia() | Answer():
            state = change(state, media_asked=True)
        case Speak():
            state = speech.intended(state, effect)
        case StopSpeaking():
            state = speech.stopped(state, effect.utterance)
        case AskAgent():
            state = change(speech.taken_up(state), turn=effect.turn, draft="")
        case Dial():
            state = change(state, detecting=effect.detect_machine)
        case Listen():
            state = change(state, listening=True)
        case _:
            pass
    return change(state, owed=(*state.owed, (effect_id, effect)))


def _settle(state: CallState, effect_id: EffectId) -> tuple[CallState, AnyEffect | None]:
    settled = state.owes(effect_id)
    if settled is None:
        return state, None
    return change(state, owed=tuple(one for one in state.owed if one[0] != effect_id)), settled


def _failed(state: CallState, effect: AnyEffect | None, event: fact.EffectFailed) -> CallState:
    match effect:
        case Speak():
            return fallback.failed(state, effect, event)
        case OpenMedia() | Answer():
            again_at = Instant(state.now + REOPEN_MS) if event.retryable else EPOCH
            return change(state, media_asked=False, media_again_at=again_at)
        case Reconcile():
            return change(state, reconciling_since=EPOCH)
        case Listen():
            return change(state, listening=False)
        case _:
            return state


def _placed(state: CallState, event: fact.CallPlaced) -> CallState:
    return _begun(state, event, phase=Phase.DIALING, direction="outbound")


def _offered(state: CallState, event: fact.CallOffered) -> CallState:
    return _begun(state, event, phase=Phase.OFFERED, direction="inbound", vendor_call_id=event.vendor_call_id)


def _begun(state: CallState, event: fact.CallPlaced | fact.CallOffered, *, phase: Phase, **more: str) -> CallState:
    """A call begins once."""
    if state.phase is not Phase.NEW:
        return _odd(state)
    return change(
        _to(state, phase),
        carrier=event.carrier,
        caller=event.caller,
        callee=event.callee,
        policy=event.policy,
        rules=event.rules,
        started_at=state.now,
        **more,
    )


def _answered(state: CallState) -> CallState:
    """The first of several signs that somebody picked up counts; the others change nothing. Nobody waits for us before
    our keys have been heard."""
    if state.phase not in UNANSWERED:
        return state
    ready_at = Instant(state.now + dialing.duration_ms(state.policy))
    state = change(_to(state, Phase.LIVE), answered_at=state.now, media_since=ready_at)
    return change(speech.owe(state, Owing.AGENT), owing_since=ready_at) if state.policy.greeting else state


def _reconciled(state: CallState, event: fact.CallReconciled) -> CallState:
    state = _known(change(state, reconciling_since=EPOCH), event.vendor_call_id)
    return _answered(state) if event.alive and event.answered and state.phase in UNANSWERED else state


def _media_closed(state: CallState, event: fact.MediaClosed) -> CallState:
    if state.media is not Media.OPEN or event.stream_id != state.stream_id:
        return state
    return change(
        state,
        media=Media.CLOSED,
        media_asked=False,
        media_since=state.now,
        stream_broke=event.reason in RETURNING,
        floor=Floor.NOBODY,
    )


def _asked(state: CallState, event: fact.FlowAsked) -> CallState:
    """The stream that was asked for is over, or never came: asking again is not asking twice.

    The first time it is asked for again at once; a carrier that cannot open it says so as often as it is asked.
    """
    asking = any(isinstance(effect, OpenMedia) for _, effect in state.owed)
    if event.after != "stream" or asking or state.media is Media.OPEN:
        return state
    again_at = Instant(state.now + REOPEN_MS) if state.media_refused else EPOCH
    return change(state, media_asked=False, media_refused=True, media_again_at=again_at)


def _media_opened(state: CallState, event: fact.MediaOpened) -> CallState:
    state = change(
        state,
        media=Media.OPEN,
        media_since=state.now,
        stream_id=event.stream_id,
        media_refused=False,
        media_again_at=EPOCH,
        tickets=(*state.tickets, event.ticket),
    )
    return _answered(state)


def _wished(state: CallState, event: fact.SayRequested | fact.ListenRequested) -> CallState:
    """Somebody wants something said; whoever wants an answer waits from now on, whatever is heard first."""
    if state.phase is not Phase.LIVE:
        return _odd(state)
    state = speech.owe(state, Owing.AGENT)
    if isinstance(event, fact.SayRequested):
        return state
    return change(state, waiting_since=state.now, waiting_for=state.utterance + 1)


def final_reason(ours: EndReason | Literal[""], event: fact.CallEnded) -> EndReason:
    """Why a call ended: the carrier's word, unless we asked for it and know better (``ours``)."""
    return ours if ours and (event.presumed or event.reason in OURS_TO_SAY) else event.reason


def _ended(state: CallState, reason: EndReason, *, concluded: bool) -> CallState:
    if state.phase in (Phase.ENDED, Phase.NEW):
        return _odd(state)
    return change(
        _to(state, Phase.ENDED),
        end_reason=reason,
        ended_at=state.now,
        concluded=concluded,
        floor=Floor.NOBODY,
        owing=Owing.NOBODY,
        waiting_since=EPOCH,
        keys="",
        keys_told=(),
    )


def _fired(state: CallState, event: fact.TimerFired) -> CallState:
    due = is_due(state, event)
    state = change(state, armed=tuple(one for one in state.armed if one != (event.name, event.due)))
    if not due:
        return state
    match event.name:
        case "silence":
            missed = state.owing is Owing.EAR and silence_step(state)[0] == "apology"
            return change(state, owing_stage=state.owing_stage + 1, misses=state.misses + missed)
        case "transcript":
            return change(state, waiting_since=EPOCH)
        case "keys":
            return speech.said(change(state, keys="", keys_told=()), speech.keys_text(state.keys))
        case "notify":
            return change(state, notified_at=EPOCH)
        case "beep":
            return change(state, machine=Machine.RECORDING)
        case _:
            return state


def _said(state: CallState, event: fact.CallerSaid) -> CallState:
    spoke = not state.streams and bool(event.text.strip())
    state = change(state, said_until=max(state.said_until, event.told_at))
    return speech.said(_took_the_floor(state) if spoke else state, event.text)


def _voice(state: CallState, event: fact.CallerStarted | fact.CallerStopped | fact.TranscriberFailed) -> CallState:
    """The caller's voice, and whether anybody listens to it."""
    if isinstance(event, fact.CallerStarted):
        return _took_the_floor(change(state, wordless=True, hushed_at=EPOCH))
    if isinstance(event, fact.CallerStopped):
        return speech.stopped_talking(change(state, hushed_at=state.now) if state.cut else state)
    return speech.gone_deaf(state)


def _took_the_floor(state: CallState) -> CallState:
    return speech.interrupted(change(state, floor=Floor.CALLER)) if state.phase is Phase.LIVE else state


def _heard_words(state: CallState) -> CallState:
    """The caller is saying something: where the carrier listens nobody tells that a voice started; its words do."""
    state = speech.taken_up(state)
    return state if state.streams else _took_the_floor(state)


def _machine(state: CallState, event: fact.MachineDetected | fact.MachineFinished) -> CallState:
    """A machine listens: nobody waits for us, what it says is not a caller's turn, and it has no message yet."""
    state = change(state, detecting=False)
    if state.policy.on_machine != "message":
        return state
    if isinstance(event, fact.MachineFinished):
        return change(state, machine=Machine.RECORDING) if state.machine is Machine.GREETING else state
    if event.result not in ("machine", "fax") or state.machine is not Machine.NONE:
        return state
    machine = change(speech.taken_up(state), machine=Machine.GREETING, machine_since=state.now, notified_at=EPOCH)
    return speech.owe(machine, Owing.NOBODY)


def _known(state: CallState, vendor_call_id: str) -> CallState:
    return change(state, vendor_call_id=vendor_call_id) if vendor_call_id else state


def _to(state: CallState, phase: Phase) -> CallState:
    if phase is state.phase:
        return state
    if phase not in TRANSITIONS[state.phase]:
        return _odd(state)
    return change(state, phase=phase, ending_since=state.now if phase is Phase.ENDING else state.ending_since)


def _odd(state: CallState) -> CallState:
    """A fact that makes no sense now: counted, otherwise left alone."""
    return change(state, anomalies=state.anomalies + 1)
