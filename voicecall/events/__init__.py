"""The vocabulary of a call: facts, effects and the entry that holds them. Imports nothing else of ours."""

from voicecall.events.base import CallId, Effect, EffectId, Event, Instant, Lane, OnRestart, Request
from voicecall.events.effects import AnyEffect
from voicecall.events.entry import Entry, effect_id, effects_of
from voicecall.events.facts import AnyEvent
from voicecall.events.policy import RULES, EndReason, Mode, Patience, Policy

__all__ = [
    "RULES",
    "AnyEffect",
    "AnyEvent",
    "CallId",
    "Effect",
    "EffectId",
    "EndReason",
    "Entry",
    "Event",
    "Instant",
    "Lane",
    "Mode",
    "OnRestart",
    "Patience",
    "Policy",
    "Request",
    "effect_id",
    "effects_of",
]
