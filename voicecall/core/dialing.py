"""Keys that are pressed as soon as somebody answers: an extension, the way through a menu. What we say first is for the
person who is reached by them: it waits until they have been heard, and nothing that is said before is answered."""

from __future__ import annotations

from voicecall.core.state import UNANSWERED, CallState
from voicecall.events import Instant, Policy
from voicecall.events.effects import SendDigits

PAUSES = str.maketrans({"p": "WW", "P": "WW", ",": "WW", "a": "A", "b": "B", "c": "C", "d": "D"})
KEY_MS = 500
"""How long a key may take a carrier, with the pause after it: what we say must not fall into it."""
WAITS_MS = {"w": 500, "W": 1_000}


def dialed_keys(keys: str) -> str:
    """Keys as every carrier takes them: ``0-9 * # A-D``, ``w`` for half a second and ``W`` for one; ``p`` and a comma
    are the two seconds of a telephone's dialing pause."""
    return keys.translate(PAUSES)


def press(state: CallState) -> tuple[SendDigits, ...]:
    """The keys, when somebody picks up."""
    wanted = state.policy.keys and state.phase in UNANSWERED
    return (SendDigits(digits=dialed_keys(state.policy.keys)),) if wanted else ()


def duration_ms(policy: Policy) -> int:
    """How long the keys take."""
    return sum(WAITS_MS.get(key, KEY_MS) for key in dialed_keys(policy.keys))


def over_at(state: CallState) -> Instant:
    """When an answered call's keys have been heard."""
    return Instant(state.answered_at + duration_ms(state.policy))


def is_pressing(state: CallState) -> bool:
    """Whether there are keys, and they are still to be heard."""
    return bool(state.policy.keys) and (not state.answered_at or state.now < over_at(state))
