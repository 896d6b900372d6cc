"""A call in the simulated network as plain values: who calls whom, what was ordered, what happens, how it ends."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from voicecall.testing.script import Script

# --- a call ----------------------------------------------------------------------------------------------------------

Status = Literal["initiated", "ringing", "answered", "ended"]
Why = Literal[
    "hangup",  # somebody hung up an answered call
    "completed",  # a document came to its end
    "canceled",  # whoever placed the call gave up before it was answered
    "rejected",  # the account refused an inbound call
    "busy",  # the callee's line is engaged, or the account refused with "busy"
    "declined",  # the callee refused
    "no-answer",  # it rang as long as it may
    "unreachable",  # nobody lives behind the number
    "machine",  # the carrier hung up because a machine answered
    "time-limit",  # the call lasted as long as it may
    "error",  # the account's instructions could not be had
]
By = Literal["person", "api", "document", "network"]


@frozen(kw_only=True)
class Ending:
    """Why a call is over, and who did it. ``word`` is what the account said about it, if it said anything."""

    why: Why
    by: By
    word: str = ""


def word_of(ending: Ending) -> str:
    """Why a call ended, in one word that is the same whatever the vendor."""
    if ending.word:
        return ending.word
    match ending.why:
        case "hangup" | "canceled":
            return "hangup-user" if ending.by == "person" else "hangup-bot"
        case "completed" | "rejected" | "busy" | "declined" | "no-answer" | "error":
            return ending.why
        case "unreachable":
            return "failed"
        case "machine":
            return "voicemail"
        case "time-limit":
            return "timeout"


@frozen(kw_only=True)
class Party:
    """Who calls whom. ``vendor_call_id`` names the call on the wire; ``call_id`` is the account's own name for it."""

    vendor_call_id: str
    direction: Literal["inbound", "outbound"]
    caller: str
    callee: str
    call_id: str = ""


@frozen(kw_only=True)
class Plan:
    """What was ordered with a call. ``detect`` asks who answered: at once, or also when a machine's greeting ends."""

    ring_timeout_s: float = 30.0
    time_limit_s: float = 14_400.0
    detect: Literal["off", "result", "greeting"] = "off"
    detect_timeout_s: float = 30.0


@frozen(kw_only=True)
class Offer:
    """Somebody calls a number of the account, for which these URLs are configured ("" is none)."""

    caller: str
    callee: str
    webhook_url: str
    status_url: str = ""
    fallback_url: str = ""
    ring_timeout_s: float = 30.0
    script: Script | None = None


@frozen(kw_only=True)
class KeysWanted:
    """A request for keys. Durations are in seconds; ``finish_on`` and ``valid`` list keys ("" for none, for all)."""

    name: str
    minimum: int = 1
    maximum: int = 128
    finish_on: str = "#"
    valid: str = ""
    first_s: float = 5.0
    between_s: float = 5.0
    total_s: float = 60.0


# --- what happens to a call ------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Initiated:
    """The call began."""


@frozen(kw_only=True)
class Ringing:
    """The callee's phone rings."""


@frozen(kw_only=True)
class Answered:
    """The callee answered: a person or a machine, or the account an inbound call."""


@frozen(kw_only=True)
class Ended:
    """The call is over. Nothing comes after it."""

    ending: Ending


@frozen(kw_only=True)
class MachineDetected:
    """The carrier has made up its mind about who answered."""

    result: Literal["human", "machine", "fax", "unknown"]
    after_ms: int


@frozen(kw_only=True)
class GreetingEnded:
    """A machine has finished its greeting. ``other``: it did not while the carrier listened."""

    how: Literal["beep", "silence", "other"]
    after_ms: int


@frozen(kw_only=True)
class KeyPressed:
    """The person pressed a key. ``on_stream``: the media stream has told it already."""

    digit: str
    on_stream: bool


@frozen(kw_only=True)
class KeysGathered:
    """A request for keys is over."""

    name: str
    digits: str
    how: Literal["valid", "invalid", "timeout", "canceled", "ended"]


@frozen(kw_only=True)
class Recognized:
    """The carrier's recognizer understood the person, while ``call.transcribe`` is on. Instants are trio's, in s."""

    text: str
    final: bool
    confidence: float
    started: float
    ended: float


@frozen(kw_only=True)
class SpeakStarted:
    """The carrier's voice begins to say what was ordered under this name."""

    name: str


@frozen(kw_only=True)
class SpeakEnded:
    """It has been said, or cut short; ``ended``: by the end of the call."""

    name: str
    how: Literal["completed", "stopped", "ended"]


@frozen(kw_only=True)
class StreamStarted:
    """The media stream is connected."""

    stream_id: str
    url: str


@frozen(kw_only=True)
class StreamEnded:
    """The media stream is over, or never came about (``refused``).

    ``stopped``: the network ended it, by request or because the call is over; ``closed``: the account's side did,
    properly; ``lost``: the connection broke. ``detail`` says more of a failure.
    """

    stream_id: str
    url: str
    how: Literal["stopped", "closed", "lost", "refused"]
    detail: str = ""


Happening = (
    Initiated
    | Ringing
    | Answered
    | Ended
    | MachineDetected
    | GreetingEnded
    | KeyPressed
    | KeysGathered
    | Recognized
    | SpeakStarted
    | SpeakEnded
    | StreamStarted
    | StreamEnded
)
"""The closed union of what a control is told."""
