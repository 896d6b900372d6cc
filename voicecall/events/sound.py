"""Facts about sound: the media stream, the caller's speech, our own speech and what was heard of it.

They belong to the union in ``facts.py``, which also offers their names.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from attrs import frozen

from voicecall.events.base import EPOCH, EffectId, Event, Instant

# --- sound -----------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class MediaOpened(Event):
    """The carrier's media stream is connected; ``stream_id`` is the carrier's name for it."""

    kind: ClassVar[str] = "media.opened"
    stream_id: str
    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8_000
    ticket: str = ""


@frozen(kw_only=True)
class MediaClosed(Event):
    """The media stream is gone.

    ``reason``: ``stopped`` (the carrier said so), ``lost`` (the socket is gone), ``restart`` (our process is a new one)
    or ``closed`` (we closed it); anything else is shown as it is.
    """

    kind: ClassVar[str] = "media.closed"
    stream_id: str
    reason: str = ""


@frozen(kw_only=True)
class AudioMeasured(Event):
    """Levels and punctuality of the sound since the last such report: peak levels in dBFS, gaps in milliseconds.

    ``late_p99_ms`` is of this call's frames, ``lag_p99_ms`` and ``lag_max_ms`` are how late the tick that serves all
    calls came; 0 when nobody measured it.
    ``ducked_ms`` of our own sound were lowered because something was to be heard; ``echo_ms`` of what came in stood out
    from the noise and were found to be our own echo.
    """

    kind: ClassVar[str] = "audio.measured"
    offset_ms: int
    caller_dbfs: float
    agent_dbfs: float
    late_p99_ms: float = 0.0
    frames_in: int = 0
    frames_out: int = 0
    lag_p99_ms: float = 0.0
    lag_max_ms: float = 0.0
    ducked_ms: int = 0
    echo_ms: int = 0


@frozen(kw_only=True)
class CallerStarted(Event):
    """The caller's voice was detected."""

    kind: ClassVar[str] = "caller.started"
    offset_ms: int = 0


@frozen(kw_only=True)
class CallerStopped(Event):
    """The caller's voice has been quiet for as long as ends an utterance; ``offset_ms`` is of its last sound."""

    kind: ClassVar[str] = "caller.stopped"
    offset_ms: int = 0


@frozen(kw_only=True)
class TranscriberFailed(Event):
    """Nobody transcribes the caller just now; it is tried again. ``detail`` is the vendor's word."""

    kind: ClassVar[str] = "transcriber.failed"
    detail: str = ""


@frozen(kw_only=True)
class CallerHeard(Event):
    """A partial transcript of what the caller is saying. ``told_at``: see ``CallerSaid``."""

    kind: ClassVar[str] = "caller.heard"
    text: str
    told_at: Instant = EPOCH


@frozen(kw_only=True)
class CallerSaid(Event):
    """A final transcript. ``confidence`` is 0..1; offsets are of the first and last sound of the utterance.

    ``told_at`` is when it happened by the clock of a carrier whose messages may come in any order; 0 when nobody says.
    """

    kind: ClassVar[str] = "caller.said"
    text: str
    confidence: float = 1.0
    started_ms: int = 0
    ended_ms: int = 0
    told_at: Instant = EPOCH


WordEnd = tuple[int, int]
"""So many characters of an utterance's text have been said when so many ms of its sound have been played."""


@frozen(kw_only=True)
class SpeechChunk(Event):
    """A piece of synthesized speech was made; ``digest`` is the SHA-256 of its audio, hex.

    ``words`` is where words end, as the voice told with this piece, by the text and by the sound of the utterance.
    ``instead`` is what the voice said in place of the text, where it told that it had used other words.
    """

    kind: ClassVar[str] = "speech.chunk"
    utterance: int
    index: int
    duration_ms: int
    digest: str = ""
    blob: str = ""
    words: tuple[WordEnd, ...] = ()
    instead: str = ""


@frozen(kw_only=True)
class PlaybackStarted(Event):
    """The first frame of an utterance went out, ``offset_ms`` after the stream opened; or a carrier that speaks with
    its own voice was given the text, by the answer to the webhook at seq ``carried_by``, or ("") by a request of ours.
    ``first_audio_ms`` is when the first of its sound had been made; 0 when nobody says.
    """

    kind: ClassVar[str] = "playback.started"
    utterance: int
    offset_ms: int = 0
    carried_by: str = ""
    first_audio_ms: int = 0


@frozen(kw_only=True)
class PlaybackFinished(Event):
    """An utterance is over. ``heard_ms`` is what the carrier's playback marks prove was played to the person.

    ``length_ms`` is how long all of its sound is; where the voice had not made all of it, an estimate from the text; 0
    means as long as what was sent.

    ``told`` by the ``carrier``: it spoke with its own voice and says that it is done; then nobody measured, and both
    durations are estimates from the text and the time it took. ``first_heard_ms`` is when its first sound was played to
    the person, by the first mark that came back; 0 when none did. ``broken``: the voice broke off, and nobody
    interrupted it.
    """

    kind: ClassVar[str] = "playback.finished"
    settles: EffectId
    utterance: int
    heard_ms: int
    sent_ms: int = 0
    interrupted: bool = False
    length_ms: int = 0
    told: Literal["marks", "carrier"] = "marks"
    first_heard_ms: int = 0
    broken: bool = False
