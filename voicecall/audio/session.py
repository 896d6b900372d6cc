"""One call's sound: a link, what plays on it, who listens to it. Belongs to the media plane, not to an actor.

Theory of operation
-------------------
The plane's tick calls ``hear`` when something has arrived and ``serve`` every 20 ms; neither waits. ``serve`` sends the
frames that are due (paced on absolute deadlines with a small lead, so that a late tick does not empty the carrier's
buffer) and looks at the few deadlines a session has. What is to be said when nothing plays is sent as soon as there is
sound: a person who waits does not wait for a tick. Facts go to the call's actor through its outbox, where they wait
when there is no actor.

The interruption rule travels with each utterance (``speak.interruptible``) and was journaled with it, so the session
clears on the caller's voice at once and reports afterwards. Before that it lowers ours: at the first sound that is not
our own echo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from voicecall.audio.caller import CallerVoice, Sound
from voicecall.audio.ducking import Ducking
from voicecall.audio.g711 import RATE
from voicecall.audio.link import MediaLink
from voicecall.audio.listening import Listening
from voicecall.audio.measure import Lag, Meter
from voicecall.audio.order import InOrder
from voicecall.audio.outbox import Outbox
from voicecall.audio.playback import FRAME_MS, LEAD_MS
from voicecall.audio.recording import Recording
from voicecall.audio.utterances import UNDECIDED, Utterances
from voicecall.audio.vad import Offset, Onset
from voicecall.audio.voicing import Voicing
from voicecall.audio.websocket import POLICY
from voicecall.events import CallId, EffectId
from voicecall.events import facts as fact
from voicecall.events.effects import Speak
from voicecall.log import get_logger
from voicecall.ports import (
    MediaAudio,
    MediaCodec,
    MediaDigits,
    MediaIgnored,
    MediaMark,
    MediaMessage,
    MediaStart,
    MediaStop,
    NotUnderstood,
    Synthesizer,
)

LEAD_S = LEAD_MS / 1000
FRAME_S = FRAME_MS / 1000
GAP_S = 3 * FRAME_S
"""A carrier that sends nothing for silence is heard as silent after this."""
MARK_GRACE_S = 5.0
"""How much later than its audio the last mark may come back."""
MEASURE_S = 5.0
LOOK_S = 0.1
"""How often a session that sends looks at what has time."""
WRITE_S = 1.0
ORPHAN_S = 5.0
"""How long a call without an actor is kept company before we apologize and hang up."""
APOLOGY = "I am sorry, I have to hang up now. Please call again."
NO_STREAM = "no media stream is open"
"""Why an effect of the media lane fails without one."""

log = get_logger(__name__)


class Session:
    """The media of one call from its accepted ``start`` to the end of its link."""

    def __init__(
        self,
        *,
        call_id: CallId,
        link: MediaLink,
        codec: MediaCodec,
        start: MediaStart,
        early: Sequence[bytes] = (),
        outbox: Outbox,
        lag: Lag,
        synthesizer: Synthesizer,
        listening: Listening,
        spawn: Callable[..., None],
        voicing: Voicing,
        lead_s: float = LEAD_S,
        mark_grace_s: float = MARK_GRACE_S,
        silence_ms: int = 800,
    ) -> None:
        self.call_id = call_id
        self.over = False
        self._link = link
        self._codec = codec
        self._stream_id = start.stream_id
        self._early = early
        self._outbox = outbox
        self._tell = outbox.tell
        self._spawn = spawn
        self._lead_s = lead_s
        self._mark_grace_s = mark_grace_s
        self._opened = self._next_frame = self._heard = self._recorded = trio.current_time()
        self._begun = False
        self._watched = link.descriptor >= 0
        self._flowing = False
        self._slack: float | None = None
        self._look_at = 0.0
        self._goodbye = False
        self._stopped = False
        self._order = InOrder()
        self._voice = CallerVoice(silence_ms=silence_ms, voicing=voicing)
        self._ducking = Ducking()
        self._overheard = 0
        """The utterance that a voice did not interrupt, or not yet."""
        self._meter = Meter(self._opened)
        self._lag = lag
        self._recording: Recording | None = None
        self._listening = listening
        self._utterances = Utterances(synthesizer=synthesizer, post=outbox.tell, start=spawn, sounding=self._sounding)

    # --- what the actor and the plane ask ----------------------------------------------------------------------------

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
            now = trio.current_time()
            self._link.send(self._codec.clear(self._stream_id))
            self._next_frame, self._flowing = now, False
            self._ducking.end()
            self._voice.echo.cut(self._sample(now))
            if self._recording is not None:
                self._recording.unsay("agent", self.offset_ms(now))
        self._utterances.settle(finished)

    def listen(self, effect_id: EffectId) -> None:
        """Transcribe from now on; what was said just before is kept."""
        self._listening.start(self._spawn)
        self._tell(fact.EffectSucceeded(settles=effect_id))

    def adopted(self) -> None:
        """An actor is back: what we would have said without one is not said."""
        if self._goodbye:
            self._goodbye = False
            self.stop(None)

    def record(self, recording: Recording) -> None:
        """Record both sides from the start."""
        self._recording = recording

    def lose_recording(self, reason: str) -> None:
        """It cannot be written any more; the call goes on."""
        self._recording = None
        self._tell(fact.VendorReported(status="recording failed", detail=reason))

    def refuse(self) -> None:
        """The stream was not admitted: what was to be said on it failed, and nobody hears of the rest."""
        self.over = True
        self._utterances.abandon(NO_STREAM)
        self._listening.close()

    def close(self, reason: str) -> None:
        """Settle everything and let go of the link."""
        if self.over:
            return
        self.over = True
        self._utterances.settle(self._utterances.playback.clear())
        self._listening.close()
        self._link.close()
        self._measure(trio.current_time())
        self._tell(fact.MediaClosed(stream_id=self._stream_id, reason=reason))

    # --- what the tick does ------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """The stream is admitted: what came with its start is heard, what waits to be said is sent."""
        self._begun = True
        self.hear(now)
        if not self.over:
            self._send(now)
            self._link.flush()

    def serve(self, now: float) -> None:
        """One visit: queue what is to be sent, look at the time. Never waits, never raises for what the peer does.

        Whoever can be watched was heard already, but for a peer that sends nothing: whether it lives has to be asked.
        """
        if not self._watched or now - self._heard > GAP_S:
            self.hear(now)
        if not self.over:
            if now - self._heard > GAP_S:
                self._hear_gap(now)
            self._send(now, visit=True)
            if not self._flowing or now >= self._look_at:
                self._check(now)

    def fetch(self, now: float) -> None:
        """Take from the network what is to be heard. See ``MediaLink`` for why that is done apart."""
        self._link.fetch()

    def flush(self, now: float) -> None:
        """Give the network what is queued."""
        self._link.flush()

    def hear(self, now: float) -> None:
        """Take what has arrived. Never waits, never raises for what the peer does."""
        if self.over:
            return
        messages = self._link.receive()
        if self._early:
            messages, self._early = [*self._early, *messages], ()
        for message in messages:
            self._receive(message, now)
            if self.over:
                return
        if self._link.closed:
            self.close("stopped" if self._stopped else "lost")

    def to_write(self, now: float) -> Recording | None:
        """The recording, when there is enough of it to write; once more, and for the last time, at the end."""
        recording = self._recording
        if recording is None or (not self.over and now - self._recorded < WRITE_S):
            return None
        self._recorded = now
        recording.cut(self.offset_ms(now), last=self.over)
        if self.over:
            self._recording = None
        return recording

    def offset_ms(self, now: float) -> int:
        """Milliseconds since the media opened."""
        return round((now - self._opened) * 1000)

    def _sample(self, at: float) -> int:
        """Samples since the media opened."""
        return int((at - self._opened) * RATE + 0.5)

    def _receive(self, data: bytes, now: float) -> None:
        try:
            message: MediaMessage = self._codec.receive(data)
        except NotUnderstood:
            log.warning("a media message makes no sense", call=self.call_id)
            return
        match message:
            case MediaAudio(place=0):
                self._hear(message.payload, now)
            case MediaAudio():
                for payload in self._order.take(message.place, message.payload):
                    self._hear(payload, now)
            case MediaMark():
                playback = self._utterances.playback
                self._utterances.settle(playback.acknowledge(message.name, self.offset_ms(now)))
            case MediaDigits():
                self._tell(fact.DigitsPressed(digits=message.digits))
            case MediaStart():
                self._link.close(POLICY, "Duplicate start")
                self.close("lost")
            case MediaStop():
                self._stopped = True
                self.close("stopped")
            case MediaIgnored():
                pass

    def _hear(self, payload: bytes, now: float) -> None:
        self._listening.tap.pour(payload, now)
        if self._recording is not None:
            self._recording.put("caller", max(self.offset_ms(now) - len(payload) // 8, 0), payload)
        voice, sample = self._voice, self._sample(now)
        for frame in voice.frames(payload):
            told = voice.feed(frame, sample)
            self._meter.heard(voice.power)
            if told is not None:
                self._on_voice(told, now)
            elif self._overheard:
                self._make_way(now)
        self._heard = now

    def _hear_gap(self, now: float) -> None:
        """A carrier that sends nothing for silence still has to end the caller's utterance."""
        for payload in self._order.flush():
            self._hear(payload, now)
        if now - self._heard > GAP_S:
            self._listening.tap.lull()
        while self._voice.speaking and now - self._heard > GAP_S:
            self._heard += FRAME_S
            if (told := self._voice.miss()) is not None:
                self._on_voice(told, self._heard)

    def _on_voice(self, told: Sound | Onset | Offset, now: float) -> None:
        """The caller makes himself heard: our voice is lowered for a sound and stopped for a voice."""
        playback = self._utterances.playback
        in_the_way = playback.playing and playback.interruptible
        match told:
            case Sound() if in_the_way:
                self._ducking.begin(now)
            case Onset():
                self._tell(fact.CallerStarted(offset_ms=self._since(told, now)))
                self._overheard = playback.playing
                if in_the_way:
                    self.stop(playback.last_interruptible)
            case Offset():
                self._tell(fact.CallerStopped(offset_ms=self._since(told, now)))
            case _:
                pass

    def _since(self, told: Onset | Offset, now: float) -> int:
        """When it was, in milliseconds since the media opened: the detector counts frames."""
        return max(self.offset_ms(now) - (self._voice.now_ms - told.offset_ms), 0)

    def _make_way(self, now: float) -> None:
        """Whoever talks on when our words may be interrupted at last, interrupts them then."""
        playback = self._utterances.playback
        if not self._voice.talking or playback.playing != self._overheard:
            self._overheard = 0
        elif playback.interruptible:
            self._tell(fact.CallerStarted(offset_ms=self.offset_ms(now)))
            self.stop(playback.last_interruptible)

    def _sounding(self) -> None:
        """There is sound for an utterance. When nothing plays, it need not wait for a visit."""
        if self._begun and not self._flowing and not self.over:
            self._send(trio.current_time())
            self._link.flush()

    def _send(self, now: float, *, visit: bool = False) -> None:
        playback = self._utterances.playback
        if not playback.ready:
            self._flowing = False
            return
        if self._flowing:
            self._meter.late(now - self._next_frame)
        if not self._flowing or self._next_frame < now:
            self._slack, self._next_frame = None, max(self._next_frame, now)
        if visit and self._slack is None:
            # As far as can be from where a visit that is a little early sends no frame, and the next one two.
            self._slack = (self._next_frame - now - self._lead_s) % FRAME_S - FRAME_S / 2
        until, messages = now + self._lead_s + (self._slack or 0.0), list[bytes]()
        while self._next_frame <= until and (frame := playback.next_frame()) is not None:
            payload = self._ducking.lower(frame.payload, now)
            messages.append(self._codec.send(self._stream_id, payload))
            self._voice.echo.sent(self._sample(self._next_frame), payload)
            if frame.mark:
                messages.append(self._codec.mark(self._stream_id, frame.mark))
            if frame.starts:
                self._starts(frame.starts, now)
            if self._recording is not None:
                self._recording.put("agent", self.offset_ms(self._next_frame), payload)
            self._meter.sent(payload)
            self._next_frame += FRAME_S
        self._link.queue(*messages)
        self._flowing = playback.ready
        if self._utterances.waiting:
            self._utterances.drained()

    def _starts(self, utterance: int, now: float) -> None:
        """The first frame of an utterance is sent."""
        if utterance != UNDECIDED:
            made_ms = self.offset_ms(self._utterances.first_audio(utterance))
            started = fact.PlaybackStarted(utterance=utterance, offset_ms=self.offset_ms(now), first_audio_ms=made_ms)
            self._tell(started)

    def _check(self, now: float) -> None:
        self._look_at = now + LOOK_S
        playback = self._utterances.playback
        late = playback.unacknowledged
        if late and now > self._next_frame + self._mark_grace_s:
            self._utterances.settle(playback.give_up(late, interrupted=False))
        elif late and (mark := playback.close_mark(late)):
            self._link.send(self._codec.mark(self._stream_id, mark))
        if now - self._meter.since >= MEASURE_S:
            self._measure(now)
        if self._outbox.post is None and now - max(self._outbox.since, self._opened) > ORPHAN_S:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Nobody decides any more: what plays is finished, then an apology nobody decided, then we hang up."""
        if self._utterances.playback.busy:
            return
        if self._goodbye:
            self.close("closed")
        else:
            self._goodbye = True
            self._utterances.apologize(APOLOGY)

    def _measure(self, now: float) -> None:
        ducked_ms, echo_ms = self._ducking.frames * FRAME_MS, self._voice.echoed * FRAME_MS
        measured = self._meter.report(
            now, offset_ms=self.offset_ms(now), lag=self._lag, ducked_ms=ducked_ms, echo_ms=echo_ms
        )
        self._tell(measured)
