"""What should be done about a fact. The one place where a call's behaviour is written.

Theory of operation
-------------------
``decide`` sees the state *before* the event, so that a guard can tell a transition from a repeat: the second
``call.answered`` finds a live call and changes nothing. It returns effects, never facts; whatever an effect brings
about comes back through the mailbox as another fact.

A decision is a function of (state, event) alone. The clock is ``state.now``, ids are counters in the state, and the
configuration came in with the first event, so that a journal decides the same way for ever (``replay`` checks it).

Timers come last and by themselves: ``react`` says what to do, then every deadline of the state *after* the event that
no armed timer covers gets one. Nobody cancels a timer. It fires, finds its deadline gone or moved, and is forgotten or
re-armed, so there is at most one pending timer per name.

Three rules keep the person from silence and from surprise:

* whoever owes the person sound has a deadline: filler, apology, hang-up (``deadlines.py``, "silence");
* a dial is never repeated, a hang-up always is until it is known to have worked;
* a call that is ending decides nothing more but how to end.
"""

from __future__ import annotations

import attrs

from voicecall.core import speech
from voicecall.core.change import change
from voicecall.core.deadlines import Step, deadlines, is_due, silence_step
from voicecall.core.evolve import RETURNING, evolve, intend
from voicecall.core.fallback import in_parts, said_again
from voicecall.core.state import UNANSWERED, CallState, Machine, Media, Owing, Phase
from voicecall.events import AnyEffect, AnyEvent, EffectId, EndReason, Mode
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.base import EPOCH


def decide(state: CallState, event: AnyEvent) -> tuple[AnyEffect, ...]:
    """The effects that ``event`` causes in ``state``, timers last."""
    if state.phase is Phase.ENDED:
        return _bury(state, event)
    if state.quarantined and not isinstance(event, fact.TimerFired):
        return ()
    wanted = react(state, event)
    after = evolve(state, event)
    for effect in wanted:
        after = intend(after, EffectId(""), effect)
    return (*wanted, *_timers(after))


def _bury(state: CallState, event: AnyEvent) -> tuple[AnyEffect, ...]:
    """A call that we declared ended without the carrier's word, and that rings or is answered after all, is hung up."""
    alive = isinstance(event, fact.CallRinging | fact.CallAnswered)
    return (do.Hangup(reason=state.end_reason or "error"),) if alive and state.concluded else ()


def _timers(state: CallState) -> tuple[AnyEffect, ...]:
    armed = dict(state.armed)
    return tuple(
        do.StartTimer(name=name, due=due)
        for name, due in sorted(deadlines(state).items(), key=lambda one: one[1])
        if name not in armed or armed[name] > due
    )


def react(state: CallState, event: AnyEvent) -> tuple[AnyEffect, ...]:
    """What to do about ``event``, deadlines aside."""
    match event:
        case fact.CallPlaced() if state.phase is Phase.NEW:
            return (_dial(event),)
        case fact.CallOffered() if state.phase is Phase.NEW:
            verdict = event.policy.verdict
            opening = _open(evolve(state, event)) if verdict == "accept" else ()
            return (do.Answer(), *opening) if verdict == "accept" else (_reject(verdict),)
        case fact.CallAnswered() if state.phase in UNANSWERED or state.phase is Phase.LIVE:
            return (*_lead_in(state), *_open(state))
        case fact.FlowAsked() if state.phase is Phase.LIVE:
            return _lead_in(evolve(state, event))
        case fact.MachineDetected() | fact.MachineFinished() if state.phase in UNANSWERED or state.phase is Phase.LIVE:
            return _on_machine(state, event)
        case fact.CallRinging() | fact.CallAnswered() if state.phase is Phase.ENDING:
            found = event.vendor_call_id and not state.vendor_call_id
            return (do.Hangup(reason=state.end_reason or "error"),) if found else ()
        case fact.MediaOpened() if state.phase in UNANSWERED or state.phase is Phase.LIVE:
            return (do.Listen(), *_greet(state)) if state.streams else ()
        case fact.MediaClosed() if state.phase is Phase.LIVE and state.streams and event.reason in RETURNING:
            return (do.OpenMedia(),) if event.stream_id == state.stream_id else ()
        case fact.CallerStarted() if state.phase is Phase.LIVE:
            return _make_way(state)
        case fact.CallerHeard() if state.phase is Phase.LIVE and not state.streams and event.text.strip():
            return _make_way(state)
        case fact.CallerSaid() if state.phase is Phase.LIVE:
            answer = _answer(state, event.text)
            voiced = not state.streams and bool(event.text.strip())
            return (*(_make_way(state) if voiced else _drop_reply(state, answer)), *answer)
        case fact.PlaybackFinished() if state.phase is Phase.LIVE and _is_deaf(state):
            return (do.Listen(),)
        case fact.AgentReplied() if state.phase is Phase.LIVE and state.streams:
            fresh = event.turn == state.turn and event.turn > state.discarded_turn
            return (_say(state, event.text, "reply", turn=event.turn),) if fresh and event.text.strip() else ()
        case fact.AgentFinished() if state.phase is Phase.LIVE and event.turn == state.turn:
            return _on_reply_end(state, event)
        case fact.SayRequested() | fact.ListenRequested() if state.phase is Phase.LIVE:
            return (_say(state, event.text, "say"),) if event.text.strip() else ()
        case fact.DigitsRequested() if state.phase is Phase.LIVE:
            return (do.SendDigits(digits=speech.dialed_keys(event.digits)),)
        case fact.HangupRequested() if state.phase not in (Phase.NEW, Phase.ENDING):
            return (do.Hangup(reason=event.reason),)
        case fact.TimerFired() if is_due(state, event):
            return _on_time(state, event.name)
        case fact.EffectFailed() | fact.EffectSucceeded():
            return _on_outcome(state, event)
        case fact.CallReconciled():
            return _on_reconciled(state, event)
        case fact.ActorStarted() if state.phase not in (Phase.NEW, Phase.ENDED):
            return (do.Reconcile(placed_at=state.started_at),) if state.vendor_call_id else ()
        case fact.ActorQuarantined():
            return (do.Hangup(reason="error"),)
        case _:
            return ()


def _reject(verdict: str) -> do.Reject:
    """Who calls while we stop hears the busy tone: a little later they are welcome."""
    return do.Reject(reason="busy" if verdict == "draining" else verdict)


def _dial(event: fact.CallPlaced) -> do.Dial:
    policy = event.policy
    return do.Dial(
        caller=event.caller,
        callee=event.callee,
        ring_timeout_ms=policy.ring_timeout_ms,
        detect_machine=policy.on_machine != "ignore",
    )


def _open(state: CallState) -> tuple[AnyEffect, ...]:
    """The beginning of a conversation where the carrier speaks and listens: its ear, so that the first words can be
    interrupted, then the first words."""
    policy = state.policy
    if state.streams or state.machine is not Machine.NONE:
        return ()
    greeting = (_greeting(state),) if speech.is_greeting_due(state) and not state.saying else ()
    return greeting if state.listening or policy.mode is Mode.NOTIFY else (do.Listen(), *greeting)


def _is_deaf(state: CallState) -> bool:
    """Whether a carrier that should listen to the person does not: it could not be asked."""
    policy = state.policy
    talks = policy.mode is Mode.CONVERSATION and state.machine is Machine.NONE
    return talks and not state.streams and not state.listening


def _on_machine(state: CallState, event: fact.MachineDetected | fact.MachineFinished) -> tuple[AnyEffect, ...]:
    """An answering machine: hang up, or be quiet until it records and then leave the message."""
    machine = isinstance(event, fact.MachineDetected) and event.result in ("machine", "fax")
    match state.policy.on_machine:
        case "hangup" if machine:
            return (do.Hangup(reason="voicemail"),)
        case "message" if machine and state.machine is Machine.NONE:
            return (do.StopSpeaking(utterance=state.utterance),) if state.saying else ()
        case "message" if isinstance(event, fact.MachineFinished) and state.machine is Machine.GREETING:
            return _leave_message(state)
        case _:
            return ()


def _leave_message(state: CallState) -> tuple[AnyEffect, ...]:
    text = state.policy.greeting
    return (_say(state, text, "greeting", interruptible=False),) if text else (do.Hangup(reason="voicemail"),)


def _on_reply_end(state: CallState, event: fact.AgentFinished) -> tuple[AnyEffect, ...]:
    """The agent is done: a carrier that speaks gets the whole reply at once; what failed is apologized for."""
    if state.draft and event.turn > state.discarded_turn:
        return in_parts(state, _say(state, state.draft, "reply", turn=event.turn))
    wanted = event.reason == "failed" and event.turn > state.discarded_turn
    return (_say(state, state.policy.apology, "apology"),) if wanted else ()


def _lead_in(state: CallState) -> tuple[AnyEffect, ...]:
    """Somebody picked up, or the carrier asks again where the sound should go."""
    missing = state.streams and state.media is not Media.OPEN
    wanted = missing and not state.media_asked and state.media_again_at <= state.now
    return (do.OpenMedia(),) if wanted else ()


def _greet(state: CallState) -> tuple[AnyEffect, ...]:
    if state.machine is Machine.GREETING:
        return ()
    if speech.is_greeting_due(state):
        return (_greeting(state),)
    back = state.stream_broke and state.policy.mode is not Mode.NOTIFY
    return (_say(state, state.policy.return_phrase, "return"),) if back else ()


def _greeting(state: CallState) -> do.Speak:
    """The first words; a notify call's message is not interrupted."""
    policy = state.policy
    words = _say(state, policy.greeting, "greeting", interruptible=policy.mode is not Mode.NOTIFY)
    return attrs.evolve(words, protected_ms=policy.protect_greeting_ms)


def _make_way(state: CallState) -> tuple[AnyEffect, ...]:
    """The caller speaks: the plane has cleared what played; this catches what was decided since."""
    last = max((one.number for one in speech.interruptible(state)), default=0)
    return (do.StopSpeaking(utterance=last),) if last else ()


def _drop_reply(state: CallState, answer: tuple[AnyEffect, ...]) -> tuple[AnyEffect, ...]:
    """Something new was said, although no voice was noticed: what is still to be said to something older is not."""
    last = max((one.number for one in speech.interruptible(state) if one.turn), default=0) if answer else 0
    return (do.StopSpeaking(utterance=last),) if last else ()


def _answer(state: CallState, text: str) -> tuple[AnyEffect, ...]:
    """The caller said something final: a waiting ``continue`` takes it, else the agent is asked."""
    if not text.strip() or state.waiting_since or state.policy.mode is Mode.NOTIFY:
        return ()
    if state.machine is not Machine.NONE:
        return ()
    return (do.AskAgent(turn=state.turn + 1, text=text),)


def _say(state: CallState, text: str, purpose: do.Purpose, *, turn: int = 0, interruptible: bool = True) -> do.Speak:
    return do.Speak(utterance=state.utterance + 1, text=text, turn=turn, purpose=purpose, interruptible=interruptible)


def _on_time(state: CallState, name: str) -> tuple[AnyEffect, ...]:
    match name:
        case "ring" | "answer":
            return (do.Reconcile(placed_at=state.started_at),)
        case "reconcile":
            return _give_up(state, "failed")
        case "stale":
            return (do.Hangup(reason="hangup-bot"),)
        case "max_duration":
            return (do.Hangup(reason="timeout"),)
        case "reopen":
            return _lead_in(state)
        case "media" | "playback":
            return (do.Hangup(reason="error"),)
        case "silence":
            return _break_silence(state)
        case "resume":
            return _resume(state)
        case "notify":
            return (do.Hangup(reason="hangup-bot"),)
        case "beep":
            return _leave_message(state)
        case "keys":
            answer = _answer(state, speech.keys_text(state.keys))
            return (*_drop_reply(state, answer), *answer)
        case "ending":
            return (do.Conclude(reason=state.end_reason or "unknown", vendor_code="no word from the carrier"),)
        case _:
            return ()


def _resume(state: CallState) -> tuple[AnyEffect, ...]:
    """Whoever interrupted us has said nothing: we go on where we were. An agent that had more to say is asked again."""
    asked = _last_words(state)
    if state.cut_thinking and asked:
        return (do.AskAgent(turn=state.turn + 1, text=asked),)
    if speech.is_greeting_due(state):
        return (_greeting(state),)
    return (_say(state, state.cut, "reply" if state.cut_turn else "say", turn=state.cut_turn),)


def _last_words(state: CallState) -> str:
    """What the caller has asked us."""
    return next((one.text for one in reversed(state.remarks) if one.speaker == "caller"), "")


def _break_silence(state: CallState) -> tuple[AnyEffect, ...]:
    """A filler, a word of progress, an apology, a hang-up; when nobody is at work on an answer any more, the apology is
    all there is."""
    policy = state.policy
    step, _ = silence_step(state)
    if step == "hangup":
        return (do.Hangup(reason="error"),)
    if speech.is_greeting_due(state):
        return (_greeting(state),)
    if state.owing is Owing.EAR:
        return _on_no_words(state, step)
    if state.owing is Owing.OPERATOR or speech.is_thinking(state):
        phrase = {"filler": policy.filler, "progress": policy.progress, "apology": policy.apology}[step]
        return (_say(state, phrase, "filler"),)
    asked = _last_words(state)
    if asked and step == "filler" and speech.is_unheard(state):
        return (do.AskAgent(turn=state.turn + 1, text=asked),)
    return (_say(state, policy.apology, "apology"),)


def _on_no_words(state: CallState, step: Step) -> tuple[AnyEffect, ...]:
    """Somebody spoke, and we do not know what. They are asked to say it again, unless that is in vain: then the
    apology does not settle what we owe, and the hang-up follows."""
    match step:
        case "filler":
            return (_say(state, state.policy.filler, "filler"),)
        case "apology" if state.misses >= speech.HOPELESS:
            return (_say(state, state.policy.apology, "filler"),)
        case "apology":
            return (_say(state, state.policy.unheard, "apology"),)
        case _:
            return ()


def _on_outcome(state: CallState, event: fact.EffectFailed | fact.EffectSucceeded) -> tuple[AnyEffect, ...]:
    failed = isinstance(event, fact.EffectFailed)
    code = event.vendor_code or event.reason if isinstance(event, fact.EffectFailed) else ""
    doubt = isinstance(event, fact.EffectFailed) and event.in_doubt
    match state.owes(event.settles):
        case do.Dial() if failed and not doubt and state.phase is not Phase.LIVE and not state.vendor_call_id:
            return (do.Conclude(reason="failed", vendor_code=code),)
        case do.Answer() if failed and state.phase is Phase.OFFERED:
            return (do.Conclude(reason="failed", vendor_code=code),)
        case do.Reconcile() if failed and state.phase in UNANSWERED:
            return _give_up(state, "failed", code)
        case do.Speak() as speak if isinstance(event, fact.EffectFailed):
            return said_again(state, speak, event)
        case do.Reject():
            return (do.Conclude(reason="rejected", vendor_code=code),)
        case do.Hangup(reason=reason) if failed and state.vendor_call_id:
            return (do.Conclude(reason=state.end_reason or reason, vendor_code=code),)
        case _:
            return ()


def _on_reconciled(state: CallState, event: fact.CallReconciled) -> tuple[AnyEffect, ...]:
    """The carrier's word on a call in doubt is final when it says the call is over."""
    if not event.alive:
        reason: EndReason = state.end_reason or event.reason
        if reason == "unknown" and state.phase in UNANSWERED:
            reason = "failed"
        return (do.Conclude(reason=reason, vendor_code=event.vendor_status),)
    if state.phase in UNANSWERED and not event.answered:
        return _give_up(state, "no-answer") if _overdue(state) else ()
    if state.phase not in UNANSWERED and state.phase is not Phase.LIVE:
        return ()
    return _lead_in(change(state, media_asked=state.media_asked and state.media is Media.CLOSED))


def _overdue(state: CallState) -> bool:
    """Whether whoever should have picked up by now has not."""
    due = deadlines(change(state, reconciling_since=EPOCH))
    return any(due.get(name, state.now + 1) <= state.now for name in ("ring", "answer"))


def _give_up(state: CallState, reason: EndReason, code: str = "") -> tuple[AnyEffect, ...]:
    """Nobody will pick up. Hang up where there is a leg to hang up; else say so and be done."""
    if state.vendor_call_id:
        return (do.Hangup(reason=reason),)
    return (do.Conclude(reason=reason, vendor_code=code or "unknown to the carrier"),)
