"""One call's sound: a link, what plays on it, who listens to it. Belongs to the media plane, not to an actor.

Theory of operation
-------------------
``serve`` is called by the plane's tick every 20 ms and never waits: it takes what has arrived, sends the frames that
are due (paced on absolute deadlines with a small lead, so that a late tick is made up for), and looks at the few
deadlines a session has. Facts go to the call's actor through ``post``; without an actor they wait in the outbox.

The interruption rule travels with each utterance (``speak.interruptible``) and was journaled with it, so the session
clears on the caller's voice at once and reports afterwards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import structlog
import trio

from voicecall.audio.link import MediaLink
from voicecall.audio.measure import Meter
from voicecall.audio.playback import FRAME_MS
from voicecall.audio.recording import Recording
from voicecall.audio.tap import Tap
from voicecall.audio.utterances import UNDECIDED, Utterances
from voicecall.audio.vad import Onset, VoiceDetector
from voicecall.audio.websocket import POLICY
from voicecall.events import AnyEvent, CallId, EffectId
from voicecall.events import facts as fact
from voicecall.events.effects import Speak
from voicecall.ports import (
    MediaAudio,
    MediaCodec,
    MediaDigits,
    MediaIgnored,
    MediaMark,
    MediaMessage,
    MediaSpeech,
    MediaStart,
    MediaStop,
    NotUnderstood,
    Post,
    Synthesizer,
    Transcriber,
)

LEAD_S = 0.06
"""How far ahead of the person's ear frames are sent: three frames of jitter."""
MARK_GRACE_S = 2.0
"""How much later than its audio the last mark may come back."""
MEASURE_S = 5.0
WRITE_S = 1.0
ORPHAN_S = 5.0
"""How long a call without an actor is kept company before we apologize and hang up."""
OUTBOX = 512
"""Facts that wait for an actor. Reports beyond it are dropped, oldest first; outcomes never are."""
APOLOGY = "I am sorry, I have to hang up now. Please call again."
REPORTS = (fact.AudioMeasured, fact.SpeechChunk, fact.CallerHeard)

log = structlog.get_logger(__name__)


class Session:
    """The media of one call from its accepted ``start`` to the end of its link."""

    def __init__(
        self,
        *,
        call_id: CallId,
        link: MediaLink,
        codec: MediaCodec,
        start: MediaStart,
        synthesizer: Synthesizer,
        transcriber: Transcriber,
        spawn: Callable[..., None],
        lead_s: float = LEAD_S,
        silence_ms: int = 800,
    ) -> None:
        self.call_id = call_id
        self.over = False
        self.close_reason = ""
        self._link = link
        self._codec = codec
        self._stream_id = start.stream_id
        self._transcriber = transcriber
        self._spawn = spawn
        self._lead_s = lead_s
        self._post: Post | None = None
        self._outbox: deque[AnyEvent] = deque()
        self._opened = trio.current_time()
        self._next_frame = self._opened
        self._last_sent = self._opened
        self._orphaned = self._opened
        self._goodbye = False
        self._detector = VoiceDetector(silence_ms=silence_ms)
        self._heard_ms = 0
        self._meter = Meter(self._opened)
        self._tap = Tap()
        self._listening: trio.CancelScope | None = None
        self._stopped = False
        self._recording: Recording | None = None
        self._recorded = self._opened
        self._utterances = Utterances(synthesizer=synthesizer, post=self.tell, start=spawn)

    # --- what the actor asks -----------------------------------------------------------------------------------------

    def adopt(self, post: Post) -> None:
        """An actor listens from now on; what waited comes first."""
        self._post = post
        while self._outbox:
            post(self._outbox.popleft())

    @property
    def delivered(self) -> bool:
        """Whether no fact waits for an actor."""
        return not self._outbox

    def record(self, recording: Recording) -> None:
        """Record both sides from the start."""
        self._recording = recording

    def refuse(self) -> None:
        """The stream was not admitted: nobody is to hear of it."""
        self.over = True
        self._outbox.clear()
        self._post = None
        self._utterances.settle(self._utterances.playback.clear())

    def release(self) -> None:
        """The actor is gone."""
        self._post = None
        self._orphaned = trio.current_time()

    def holds(self, effect_id: EffectId) -> bool:
        """Whether this ``speak`` is still being carried out."""
        return self._utterances.holds(effect_id)

    def speak(self, effect_id: EffectId, speak: Speak) -> None:
        """Queue an utterance."""
        self._utterances.speak(effect_id, speak)

    def stop(self, utterance: int | None) -> None:
        """Silence every utterance up to this one (None: all), at once."""
        finished = self._utterances.playback.clear(utterance)
        if any(one.sent_ms for one in finished):
            self._link.send(self._codec.clear(self._stream_id))
            self._next_frame = trio.current_time()
        self._utterances.settle(finished)

    def listen(self, effect_id: EffectId) -> None:
        """Transcribe from now on; what was said just before is kept."""
        if self._listening is None:
            self._listening = trio.CancelScope()
            self._spawn(self._transcribe, self._listening)
        self.tell(fact.EffectSucceeded(settles=effect_id))

    def close(self, reason: str) -> None:
        """Settle everything and let go of the link."""
        if self.over:
            return
        self.over, self.close_reason = True, reason
        self._utterances.settle(self._utterances.playback.clear())
        if self._listening is not None:
            self._listening.cancel()
        self._tap.close()
        self._link.close()
        self._measure(trio.current_time())
        self.tell(fact.MediaClosed(stream_id=self._stream_id, reason=reason))

    # --- what the tick does ------------------------------------------------------------------------------------------

    def serve(self, now: float) -> None:
        """One visit: read, send, look at the time. Never waits, never raises for what the peer does."""
        if self.over:
            return
        for message in self._link.receive():
            self._receive(message, now)
            if self.over:
                return
        if self._link.closed:
            self.close("stopped" if self._stopped else "lost")
            return
        self._hear_gap(now)
        self._send(now)
        self._check(now)

    def to_write(self, now: float) -> Recording | None:
        """The recording, when there is enough of it to write."""
        if self._recording is None or (not self.over and now - self._recorded < WRITE_S):
            return None
        self._recorded = now
        self._recording.cut(self.offset_ms(now), last=self.over)
        return self._recording

    def offset_ms(self, now: float) -> int:
        """Milliseconds since the media opened."""
        return round((now - self._opened) * 1000)

    def tell(self, event: AnyEvent) -> None:
        """A fact for the actor, or for the next one."""
        if self._post is not None:
            self._post(event)
            return
        if len(self._outbox) >= OUTBOX and isinstance(event, REPORTS):
            return
        self._outbox.append(event)

    def _receive(self, data: bytes, now: float) -> None:
        try:
            message: MediaMessage = self._codec.receive(data)
        except NotUnderstood:
            log.warning("a media message makes no sense", call=self.call_id)
            return
        match message:
            case MediaAudio():
                self._hear(message.payload, now)
            case MediaMark():
                self._utterances.settle(self._utterances.playback.acknowledge(message.name))
            case MediaDigits():
                self.tell(fact.DigitsPressed(digits=message.digits))
            case MediaSpeech():
                self._tap.tell(message)
            case MediaStart():
                self._link.close(POLICY, "Duplicate start")
                self.close("lost")
            case MediaStop():
                self._stopped = True
                self.close("stopped")
            case MediaIgnored():
                pass

    def _hear(self, payload: bytes, now: float) -> None:
        offset = self.offset_ms(now)
        self._tap.pour(payload)
        self._meter.heard(payload)
        if self._recording is not None:
            self._recording.put("caller", max(offset - len(payload) // 8, 0), payload)
        for start in range(0, len(payload), 160):
            self._detect(payload[start : start + 160], offset)
        self._heard_ms = offset

    def _hear_gap(self, now: float) -> None:
        """A carrier that sends nothing for silence still has to end the caller's utterance."""
        offset = self.offset_ms(now)
        while self._detector.speaking and offset - self._heard_ms > 3 * FRAME_MS:
            self._heard_ms += FRAME_MS
            self._detect(b"", self._heard_ms)

    def _detect(self, frame: bytes, offset: int) -> None:
        if isinstance(self._detector.feed(frame), Onset):
            self.tell(fact.CallerStarted(offset_ms=max(offset - 60, 0)))
            playback = self._utterances.playback
            if playback.playing and playback.interruptible:
                self.stop(playback.last_interruptible)

    def _send(self, now: float) -> None:
        playback = self._utterances.playback
        if not playback.ready:
            return
        self._meter.due(now, self._next_frame, idle=now - self._last_sent > 2 * self._lead_s)
        self._next_frame = max(self._next_frame, now - self._lead_s)
        while self._next_frame <= now + self._lead_s and (frame := playback.next_frame()) is not None:
            self._link.send(self._codec.send(self._stream_id, frame.payload))
            if frame.mark:
                self._link.send(self._codec.mark(self._stream_id, frame.mark))
            if frame.starts and frame.starts != UNDECIDED:
                self.tell(fact.PlaybackStarted(utterance=frame.starts, offset_ms=self.offset_ms(now)))
            if self._recording is not None:
                self._recording.put("agent", self.offset_ms(self._next_frame), frame.payload)
            self._meter.sent(frame.payload)
            self._next_frame += FRAME_MS / 1000
            self._last_sent = now
        self._utterances.drained()

    def _check(self, now: float) -> None:
        playback = self._utterances.playback
        late = playback.unacknowledged
        if late and now > self._next_frame + MARK_GRACE_S:
            self._utterances.settle(playback.give_up(late, interrupted=False))
        elif late and (mark := playback.close_mark(late)):
            self._link.send(self._codec.mark(self._stream_id, mark))
        if now - self._meter.since >= MEASURE_S:
            self._measure(now)
        if self._post is None and now - self._orphaned > ORPHAN_S:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Nobody decides any more: apologize without a decision, then hang up by closing the stream."""
        if not self._goodbye:
            self._goodbye = True
            self.stop(None)
            self._utterances.apologize(APOLOGY)
        elif not self._utterances.playback.busy:
            self.close("closed")

    def _measure(self, now: float) -> None:
        self.tell(self._meter.report(now, offset_ms=self.offset_ms(now)))

    async def _transcribe(self, scope: trio.CancelScope) -> None:
        with scope:
            try:
                async with self._transcriber.listen(self._tap) as speech:
                    async for event in speech:
                        self.tell(event)
            except Exception as error:  # noqa: BLE001 - a transcriber's fault must be on record and stay here
                log.error("the transcriber failed", call=self.call_id, error=type(error).__name__)
                self.tell(fact.VendorReported(status="transcriber failed", detail=f"{type(error).__name__}: {error}"))
