"""When no voice of ours can speak, the carrier's own does, for the rest of the call.

``policy.voice_fallback`` says how, as the carrier's capabilities have it: *beside* the media stream, which goes on to
carry the person's words, or *instead* of it: what is said replaces the stream, and the call goes on as one in which the
carrier speaks and listens. The utterance that could not be made is said again under the next number; the fact that it
could not is what switches, so that a journal switches at the same place for ever.
"""

from __future__ import annotations

from textwrap import wrap

from attrs import evolve

from voicecall.core import speech
from voicecall.core.change import change
from voicecall.core.state import CallState, Phase
from voicecall.events.effects import Speak
from voicecall.events.facts import EffectFailed

NO_VOICE = "no-voice"
"""The code of a ``speak`` that failed because no voice of ours could make it."""
LONGEST_PART = 1_500
"""Characters a carrier's own voice is given at a time, of a text that nobody can be asked to shorten: their limits are
from 3,000 up, markup included, and a shorter part is lost or interrupted as a whole."""


def said_again(state: CallState, effect: Speak, failure: EffectFailed) -> tuple[Speak, ...]:
    """What the carrier's voice says in the place of ``effect``; nothing where it cannot, or nobody is to hear it."""
    there = state.phase is Phase.LIVE and state.policy.streaming and state.policy.voice_fallback != "none"
    if failure.vendor_code != NO_VOICE or not there or speech.is_unwanted(state, effect):
        return ()
    return in_parts(state, effect)


def in_parts(state: CallState, effect: Speak) -> tuple[Speak, ...]:
    """``effect`` as utterances that a carrier's own voice can say, numbered from the next one on."""
    return tuple(
        evolve(effect, utterance=state.utterance + number, text=text)
        for number, text in enumerate(wrap(effect.text, LONGEST_PART), 1)
    )


def failed(state: CallState, effect: Speak, failure: EffectFailed) -> CallState:
    """An utterance could not be said. What is said again is owed as before, and whoever waits for an answer to it does
    so still."""
    again = said_again(state, effect, failure)
    if not again:
        return speech.lost(state, effect.utterance)
    waiting_for = again[-1].utterance if state.waiting_for == effect.utterance else state.waiting_for
    return change(speech.without(state, effect.utterance), carrier_speaks=True, waiting_for=waiting_for)
