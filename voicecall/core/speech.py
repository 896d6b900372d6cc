"""The floor machine: who speaks, who is owed an answer, what was really heard.

What the agent *said* and what the person *heard* are two facts. Only what was heard becomes a remark, and only remarks
become the agent's memory.
"""

from __future__ import annotations

from itertools import takewhile

from attrs import evolve

from voicecall.core import dialing
from voicecall.core.change import change
from voicecall.core.heard import heard_text
from voicecall.core.state import REMARKS_KEPT, CallState, Floor, Machine, Owing, Phase, Remark, Utterance
from voicecall.events import Mode
from voicecall.events.base import EPOCH
from voicecall.events.effects import AskAgent, Speak
from voicecall.events.facts import AgentFinished, DigitsPressed, PlaybackFinished, SpeechChunk

MS_PER_CHARACTER = 60
"""How fast a carrier's own voice speaks, where nobody measures what was heard of it."""


HOPELESS = 2
"""So many signs in a row that we do not hear the person, and we do not ask again: each time that we asked is one."""


def keys_text(keys: str) -> str:
    """Pressed keys as the agent is told of them."""
    return f"[keys {keys}]"


def pressed(state: CallState, event: DigitsPressed) -> CallState:
    """Keys that wait to be joined, in the order they were pressed."""
    told_at = event.told_at or state.now
    place = sum(one <= told_at for one in state.keys_told)
    return change(
        state,
        keys=state.keys[:place] + event.digits + state.keys[place:],
        keys_told=(*state.keys_told[:place], *(told_at for _ in event.digits), *state.keys_told[place:]),
        keys_at=state.now,
    )


def owe(state: CallState, whom: Owing) -> CallState:
    """From now on the person waits for ``whom``; an older wait keeps its start, so that patience cannot be reset."""
    if whom is Owing.NOBODY:
        return change(state, owing=whom, owing_since=EPOCH, owing_stage=0)
    if state.owing is not Owing.NOBODY:
        return change(state, owing=whom)
    return change(state, owing=whom, owing_since=state.now, owing_stage=0)


def stopped_talking(state: CallState) -> CallState:
    """The caller is silent again. Of whom no words have come yet, we owe that we understand them."""
    state = change(state, floor=Floor.NOBODY) if state.floor is Floor.CALLER else state
    return _not_understood(state)


def gone_deaf(state: CallState) -> CallState:
    """Nobody transcribes, as far as we know; who is talking is not waited for to stop. A failure from before somebody
    spoke may be over by then."""
    state = change(state, misses=HOPELESS if state.wordless else max(state.misses, 1))
    return _not_understood(state) if state.floor is Floor.CALLER else state


def _not_understood(state: CallState) -> CallState:
    wanted = state.wordless and bool(state.policy.unheard) and is_answered(state) and state.phase is Phase.LIVE
    return owe(state, Owing.EAR) if wanted and state.owing is Owing.NOBODY else state


def said(state: CallState, text: str) -> CallState:
    """The caller said (or keyed) something final."""
    if not text.strip() or state.phase is not Phase.LIVE:
        return state
    state = change(taken_up(state), floor=Floor.NOBODY, wordless=False, misses=0)
    state = _remark(state, Remark(speaker="caller", text=text))
    if any(one.started and one.purpose != "filler" for one in state.saying):
        state = change(state, owing_since=state.now, owing_stage=0)  # they have heard us until now
    if state.waiting_since:
        return owe(change(state, waiting_since=EPOCH), Owing.OPERATOR)
    return owe(state, Owing.AGENT) if is_answered(state) else state


def is_answered(state: CallState) -> bool:
    """Whether the agent answers what is said: not in a notify call, not to a machine, and not to what may be a menu."""
    talks = state.policy.mode is Mode.CONVERSATION and state.machine is Machine.NONE
    return talks and not dialing.is_pressing(state)


def intended(state: CallState, effect: Speak) -> CallState:
    """An utterance was decided."""
    one = Utterance(
        number=effect.utterance,
        text=effect.text,
        turn=effect.turn,
        purpose=effect.purpose,
        interruptible=effect.interruptible,
        protected_ms=effect.protected_ms,
    )
    sound_at = state.sound_at if state.saying else state.now
    return change(taken_up(state), utterance=effect.utterance, saying=(*state.saying, one), sound_at=sound_at)


def playing(state: CallState, number: int) -> CallState:
    """The first sound of an utterance is on its way to the person's ear."""
    current = next((one for one in state.saying if one.number == number), None)
    if current is None:
        return state
    saying = tuple(change(one, started=True) if one.number == number else one for one in state.saying)
    return change(state, saying=saying, floor=Floor.AGENT, sound_at=state.now)


def made(state: CallState, event: SpeechChunk) -> CallState:
    """More of an utterance's sound was made, and the voice may have told where words end in it, or which it used."""
    if not (event.words or event.instead):
        return state
    saying = tuple(
        change(one, ends=one.ends + event.words, instead=event.instead or one.instead)
        if one.number == event.utterance
        else one
        for one in state.saying
    )
    return change(state, saying=saying)


def stopped(state: CallState, number: int) -> CallState:
    """The carrier is told to say no more of the utterances up to this one."""
    return change(
        state, saying=tuple(change(one, stopped=True) if one.number <= number else one for one in state.saying)
    )


def measured(state: CallState, event: PlaybackFinished) -> PlaybackFinished:
    """A carrier tells that its voice is done, not how much of it was heard, and not always that it was cut: then what
    was heard follows from the time that it spoke."""
    current = next((one for one in state.saying if one.number == event.utterance), None)
    if current is None or event.told != "carrier":
        return event
    length_ms = max(1, MS_PER_CHARACTER * len(current.text))
    spoken_ms = min(state.now - state.sound_at, length_ms) if current.started else 0
    heard_ms = spoken_ms if event.interrupted or current.stopped else length_ms
    return evolve(event, heard_ms=heard_ms, sent_ms=length_ms, interrupted=heard_ms < length_ms)


def played(state: CallState, event: PlaybackFinished) -> CallState:
    """An utterance is over; its words count as far as they were heard."""
    current = next((one for one in state.saying if one.number == event.utterance), None)
    if current is None:
        return state
    text = words_heard(current, event)
    state = _cut(without(state, event.utterance), current, event, text)
    if text:
        state = _remark(state, Remark(speaker="agent", text=text))
    if event.interrupted and current.turn:
        state = change(state, discarded_turn=max(state.discarded_turn, current.turn))
    if state.phase is not Phase.LIVE:
        return state
    if event.broken:
        state = change(state, spoiled=state.utterance)
    if state.waiting_since and event.utterance == state.waiting_for:
        state = change(state, waiting_since=state.now)
    message = state.policy.mode is Mode.NOTIFY or state.machine is Machine.RECORDING
    whole = not event.interrupted and event.sent_ms > 0
    if current.purpose == "greeting" and message and whole:
        return owe(change(state, notified_at=state.now, greeted=True), Owing.NOBODY)
    if event.heard_ms > 0:
        return _heard(state, current)
    if state.owing is Owing.EAR and current.purpose == "apology":
        return owe(state, Owing.NOBODY)  # whoever talks over the request to say it again does so
    # Who talks over our return was talking when the stream broke: of those words nobody may ever hear.
    return owe(state, Owing.AGENT) if current.purpose == "return" or not event.interrupted else state


def _cut(state: CallState, one: Utterance, event: PlaybackFinished, heard: str) -> CallState:
    """The caller's voice cut an utterance off: the rest is kept until it is known what they want."""
    if (
        not event.interrupted
        or event.broken
        or state.machine is not Machine.NONE
        or state.floor is not Floor.CALLER
        or one.purpose == "filler"
        or not state.policy.resume_ms
    ):
        return state
    rest = one.text.removeprefix(heard).strip()
    return change(
        state,
        cut=f"{state.cut} {rest}".strip(),
        cut_turn=max(state.cut_turn, one.turn),
        cut_thinking=state.cut_thinking or (one.turn == state.turn and is_thinking(state)),
    )


def taken_up(state: CallState) -> CallState:
    """Somebody has gone on since: what was cut off is not said again."""
    return change(state, cut="", cut_turn=0, cut_thinking=False, hushed_at=EPOCH) if state.cut else state


def _heard(state: CallState, one: Utterance) -> CallState:
    """What was heard settles what we owed, unless it only bridged a wait or is the answer to something older; an agent
    that goes on thinking owes anew.

    Where something was lost, only what was decided since settles it.
    """
    greeted = state.greeted or one.purpose == "greeting"
    state = change(state, greeted=greeted, heard_turn=max(state.heard_turn, one.turn))
    if one.turn and one.turn < state.turn:
        return state
    if one.number <= state.spoiled:
        return owe(state, Owing.AGENT)
    back = one.purpose == "return" and (is_thinking(state) or is_unheard(state))
    if one.purpose != "filler" and not back:
        state = owe(state, Owing.NOBODY)
    thinking = is_thinking(state) and state.turn > state.discarded_turn
    return owe(state, Owing.AGENT) if thinking and not state.saying else state


def words_heard(one: Utterance, event: PlaybackFinished) -> str:
    """What of an utterance reached the person's ear."""
    if event.heard_ms <= 0:
        return ""
    text, ends = (one.instead, ()) if one.instead else (one.text, one.ends)
    return heard_text(text, event.heard_ms, event.length_ms or event.sent_ms, ends) if event.interrupted else text


def drafted(state: CallState, turn: int, text: str) -> CallState:
    """The agent gave a clause. Where the carrier speaks, clauses are kept until the reply is whole."""
    if not text.strip():
        return state
    state = change(state, replied_turn=max(state.replied_turn, turn))
    if state.streams or turn != state.turn or turn <= state.discarded_turn:
        return state
    return change(state, draft=f"{state.draft} {text.strip()}".strip())


def is_unwanted(state: CallState, effect: Speak) -> bool:
    """Whether this is not to be said any more: it was stopped, or is of a reply that was interrupted."""
    stopped = any(one.stopped for one in state.saying if one.number == effect.utterance)
    return stopped or 0 < effect.turn <= state.discarded_turn


def lost(state: CallState, number: int) -> CallState:
    """An utterance could not be said: we still owe the person sound. Nobody waits for the answer to a lost question."""
    state = change(without(state, number), spoiled=state.utterance)
    if number == state.waiting_for:
        state = change(state, waiting_since=EPOCH)
    return owe(state, Owing.AGENT) if state.phase is Phase.LIVE else state


def is_greeting_due(state: CallState) -> bool:
    """Whether the first words are still to be heard; the message of a notify call has to be played to its end."""
    unheard = state.policy.mode is Mode.NOTIFY and not state.notified_at
    return bool(state.policy.greeting) and (not state.greeted or unheard)


def is_thinking(state: CallState) -> bool:
    """Whether the agent has not finished with the current turn."""
    return any(isinstance(effect, AskAgent) and effect.turn == state.turn for _, effect in state.owed)


def is_unheard(state: CallState) -> bool:
    """The agent answered, but nothing of it reached the person's ear, and nothing more of it will."""
    if state.replied_turn < state.turn or state.heard_turn >= state.turn:
        return False
    return state.turn <= state.discarded_turn or not is_thinking(state)


def finished(state: CallState, event: AgentFinished) -> CallState:
    """The agent is done: unless its words are still to be heard, the person waits for nothing any more."""
    if event.turn != state.turn or event.reason != "done" or state.owing is not Owing.AGENT:
        return state
    if state.spoiled and state.spoiled == state.utterance:
        return state  # of what it said last something was lost
    silent = state.replied_turn < event.turn
    return owe(state, Owing.NOBODY) if silent or state.heard_turn >= event.turn else state


def interruptible(state: CallState) -> tuple[Utterance, ...]:
    """What the caller's voice cuts off: all that comes before the first utterance that must not be interrupted."""
    return tuple(takewhile(lambda one: one.interruptible and not _is_protected(state, one), state.saying))


def _is_protected(state: CallState, one: Utterance) -> bool:
    """Whether it is still in its first moments, of which the person shall hear all."""
    return one.protected_ms > 0 and (not one.started or state.now - state.sound_at < one.protected_ms)


def interrupted(state: CallState) -> CallState:
    """The caller's voice started: a reply that is cut off is not continued."""
    turn = max((one.turn for one in interruptible(state)), default=0)
    if state.replied_turn == state.turn and is_thinking(state):
        turn = state.turn
    return change(state, discarded_turn=max(state.discarded_turn, turn))


def without(state: CallState, number: int) -> CallState:
    """An utterance is not to be waited for any more."""
    saying = tuple(one for one in state.saying if one.number != number)
    floor = Floor.NOBODY if not saying and state.floor is Floor.AGENT else state.floor
    return change(state, saying=saying, floor=floor, sound_at=state.now)


def _remark(state: CallState, remark: Remark) -> CallState:
    return change(state, remarks=(*state.remarks, remark)[-REMARKS_KEPT:])
