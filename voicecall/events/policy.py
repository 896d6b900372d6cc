"""The part of the configuration that decisions need, frozen into the first event of a call."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from attrs import frozen

RULES = 1
"""The number of the decision rules in force. ``decide`` may branch on the number a call was started under."""

EndReason = Literal[
    "completed",
    "hangup-user",
    "hangup-bot",
    "timeout",
    "error",
    "failed",
    "no-answer",
    "busy",
    "voicemail",
    "rejected",
    "unknown",
]
"""How a call ended, in the words users know (behaviour page, section 2.2), plus ``rejected`` (an inbound call that the
policy refused) and ``unknown`` (the carrier's word is not in any of its tables; its own word is kept beside it)."""


OnMachine = Literal["message", "hangup", "ignore"]
"""When an answering machine picks up: leave the message after its beep, hang up, or talk on as to a person."""


VoiceFallback = Literal["none", "beside", "instead"]


class Mode(StrEnum):
    """``notify`` speaks one message and hangs up; ``conversation`` stays open."""

    NOTIFY = "notify"
    CONVERSATION = "conversation"


@frozen(kw_only=True)
class Patience:
    """How long the person may hear nothing while we owe them sound, in ms since we began to owe it.

    ``progress_ms`` is 0 where there is no such step.
    """

    filler_ms: int = 2_500
    progress_ms: int = 0
    apology_ms: int = 8_000
    hangup_ms: int = 15_000


AGENT_PATIENCE = Patience()
OPERATOR_PATIENCE = Patience(filler_ms=10_000, apology_ms=40_000, hangup_ms=60_000)


@frozen(kw_only=True)
class Policy:
    """What a call was started with. Durations in milliseconds. Never holds a secret.

    ``greeting`` is the first thing said: the message of an outbound call, the greeting of an inbound one; empty means
    that we wait for the person to speak first. ``verdict`` is ``accept`` or the reason for refusing an inbound call.
    Without ``streaming`` the carrier speaks and listens. ``voice_fallback`` is how its own voice may speak when none of
    ours can: beside the media stream, or instead of it. ``detection_ms`` is how long after the answer a carrier may
    take to tell a machine from a person, ``beep_ms`` how long a machine's beep is waited for. The first
    ``protect_greeting_ms`` of a greeting are not interrupted. Who has interrupted us and is silent again, without a
    word that was understood, hears the rest after ``resume_ms``; 0: never. ``unheard`` is said when there was a voice
    and no words of it; empty: then a voice without words is nothing. ``keys`` are pressed as soon as somebody answers.
    ``session`` names the memory that the agent has in this call (empty: the configuration says which), and
    ``requester`` the session that asked for it.
    """

    mode: Mode = Mode.CONVERSATION
    greeting: str = ""
    keys: str = ""
    session: str = ""
    requester: str = ""
    verdict: str = "accept"
    streaming: bool = True
    voice_fallback: VoiceFallback = "none"
    voice: str = ""
    notify_hangup_delay_ms: int = 3_000
    ring_timeout_ms: int = 30_000
    max_duration_ms: int = 300_000
    stale_ms: int = 120_000
    transcript_timeout_ms: int = 180_000
    keys_gap_ms: int = 1_500
    media_timeout_ms: int = 8_000
    hangup_grace_ms: int = 10_000
    on_machine: OnMachine = "ignore"
    detection_ms: int = 30_000
    beep_ms: int = 8_000
    dial_doubt_ms: int = 15_000
    protect_greeting_ms: int = 0
    resume_ms: int = 0
    agent: Patience = AGENT_PATIENCE
    operator: Patience = OPERATOR_PATIENCE
    filler: str = "One moment, please."
    progress: str = "I am still working on it."
    apology: str = "I am sorry, something went wrong on my side."
    unheard: str = ""
    return_phrase: str = "I am back. Sorry about the pause."


DEFAULT_POLICY = Policy()
