"""What a carrier should do with the person when nothing is to be said: the end of any instructions we give it."""

from __future__ import annotations

from voicecall.core.state import CallState, Machine, Owing, Phase
from voicecall.events import Mode
from voicecall.ports import Stance


def stance(state: CallState) -> Stance:
    """While the agent thinks the person waits, in a conversation we listen, after a message we wait to hang up."""
    then = after(state)
    return Stance.WAIT if then is Stance.LISTEN and state.owing is Owing.AGENT and not state.waiting_since else then


def after(state: CallState) -> Stance:
    """The same once what we owe has been said."""
    if state.phase in (Phase.ENDING, Phase.ENDED):
        return Stance.HANG_UP
    if state.streams:
        return Stance.STREAM
    talked_to = state.policy.mode is Mode.CONVERSATION and state.machine is Machine.NONE
    return Stance.LISTEN if state.waiting_since or talked_to else Stance.WAIT
