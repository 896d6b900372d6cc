"""The media plane: one tick for all calls.

Theory of operation
-------------------
After its handshake a media socket has no task of its own. One task wakes every few milliseconds; each wake asks the
kernel once which sockets have something to read, lets those sessions hear it, and serves one of several rings of
sessions: send what is due. No task switch, queue hop or timer per frame. The first sound of an utterance does not wait
for its ring. With no socket at all the tick parks.

A new socket waits in the lobby until its ``start`` names a ticket. ``identify`` says whose ticket it is, at once; the
session then exists, so that nothing decided about it can miss it, but the socket is the call's only once ``admit``
(which waits for the journal) agrees. Everything the plane does for a call outlives the call's actor. A socket that is
closed is let go by a task of its own, which lets the peer read why.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Never

import trio

from voicecall.audio.archive import Archive
from voicecall.audio.link import MediaLink, SocketLink
from voicecall.audio.listening import Listening
from voicecall.audio.lobby import Arrival, Lobby
from voicecall.audio.measure import Lag
from voicecall.audio.outbox import Outbox
from voicecall.audio.parting import Parting
from voicecall.audio.ready import Ready
from voicecall.audio.ringing import RingingEars
from voicecall.audio.session import LEAD_S, MARK_GRACE_S, NO_STREAM, Session
from voicecall.audio.voicing import Voiced, Voicing
from voicecall.audio.websocket import GOING_AWAY, INTERNAL, POLICY
from voicecall.core.requests import Refused
from voicecall.events import CallId, EffectId
from voicecall.events.effects import Speak
from voicecall.events.facts import EffectFailed
from voicecall.fault import Caught, describe
from voicecall.log import get_logger
from voicecall.ports import MediaCodec, MediaStart, Post, Synthesizer, Transcriber

TICK_MS = 5
RINGS = 4
LATE_S = 0.1
"""A tick that is later than this starts a new count instead of hurrying after the old one."""
ENCODING, SAMPLE_RATE = "audio/x-mulaw", 8_000

Identify = Callable[[str, MediaStart], CallId | Refused]
"""Whose ticket (carrier, start) it is, or why it is no good. Pure."""
Admit = Callable[[str, MediaStart], Awaitable[CallId | Refused]]
"""Spends the ticket, durably, or says why not."""
Observe = Callable[[float, float], None]
"""Told after every tick how late it was and how long it took, in seconds."""

log = get_logger(__name__)


class MediaPlane:
    """See ``voicecall.ports.Sound``. ``run`` must be running for anything to be heard."""

    def __init__(
        self,
        *,
        synthesizer: Synthesizer,
        transcriber: Transcriber,
        identify: Identify,
        admit: Admit,
        voice_for: Callable[[CallId], Synthesizer] | None = None,
        voicing: Callable[[], Voicing] = Voiced,
        recordings: Path | None = None,
        tick_ms: int = TICK_MS,
        rings: int = RINGS,
        lead_s: float = LEAD_S,
        mark_grace_s: float = MARK_GRACE_S,
        silence_ms: int = 800,
        start_timeout_s: float = 5.0,
        max_pending: int = 32,
        max_pending_per_peer: int = 4,
        max_connections: int = 128,
        threads: bool = True,
        observe: Observe | None = None,
    ) -> None:
        self._synthesizer, self._voice_for = synthesizer, voice_for
        self._transcriber = transcriber
        self._identify = identify
        self._admit = admit
        self._voicing = voicing
        self._archive = None if recordings is None else Archive(recordings, self._spawn, threads)
        self._tick_s = tick_ms / 1000
        self._lead_s = lead_s
        self._mark_grace_s = mark_grace_s
        self._silence_ms = silence_ms
        self._max_connections = max_connections
        self._observe = observe
        self.lag = Lag()
        self._lobby = Lobby(
            start_timeout_s=start_timeout_s, max_pending=max_pending, max_pending_per_peer=max_pending_per_peer
        )
        self._rings: list[list[Session]] = [[] for _ in range(rings)]
        self._ready = Ready[Session]()
        self._sessions: dict[CallId, Session] = {}
        self._outboxes: dict[CallId, Outbox] = {}
        self._ears = RingingEars(self._ear, self._spawn)
        self._admitting = 0
        self._parting = Parting(self._spawn)
        self._wanted = trio.Event()
        self._nursery: trio.Nursery | None = None

    # --- the door's side ---------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the tick ticks."""
        return self._nursery is not None

    @property
    def connections(self) -> int:
        """Media sockets that are open, the ones that are being closed too."""
        return len(self._lobby) + self._admitting + sum(len(ring) for ring in self._rings) + self._parting.open

    def has_room(self) -> bool:
        """Whether one more media socket may be opened."""
        return self.running and self.connections < self._max_connections

    def accept_socket(self, sock: socket.socket, rest: bytes, peer: str, *, carrier: str, codec: MediaCodec) -> None:
        """A real socket after its handshake becomes the plane's; ``rest`` was read along with the handshake."""
        self.accept(SocketLink(sock, rest, part=self._part), carrier=carrier, codec=codec, peer=peer)

    def accept(self, link: MediaLink, *, carrier: str, codec: MediaCodec, peer: str) -> None:
        """A link becomes the plane's, until its ``start`` or a time-out."""
        if not self.running:
            link.close(GOING_AWAY)
            return
        self._lobby.enter(link, carrier=carrier, codec=codec, peer=peer)
        self._wanted.set()

    def _part(self, sock: socket.socket, rest: bytes) -> None:
        if self.running:
            self._parting.take(sock, rest)
        else:
            sock.close()

    # --- the calls' side (ports.Sound) -------------------------------------------------------------------------------

    def adopt(self, call_id: CallId, post: Post) -> bool:
        """See ``Sound.adopt``."""
        self._outbox(call_id).adopt(post)
        session = self._sessions.get(call_id)
        if session is None:
            return False
        session.adopted()
        return True

    def release(self, call_id: CallId) -> None:
        """See ``Sound.release``."""
        self._outbox(call_id).release()
        self._forget(call_id)

    def prepare(self, call_id: CallId, limit_s: float) -> None:
        """See ``Sound.prepare``."""
        if self.running and call_id not in self._sessions:
            self._ears.prepare(call_id, limit_s)

    def holds(self, call_id: CallId, effect_id: EffectId) -> bool:
        """See ``Sound.holds``."""
        session = self._sessions.get(call_id)
        return session is not None and session.holds(effect_id)

    def speak(self, call_id: CallId, effect_id: EffectId, speak: Speak) -> None:
        """See ``Sound.speak``."""
        session = self._sessions.get(call_id)
        if session is not None:
            session.speak(effect_id, speak)
        else:
            self._no_stream(call_id, effect_id)

    def stop(self, call_id: CallId, utterance: int) -> None:
        """See ``Sound.stop``."""
        session = self._sessions.get(call_id)
        if session is not None:
            session.stop(utterance)

    def listen(self, call_id: CallId, effect_id: EffectId) -> None:
        """See ``Sound.listen``."""
        session = self._sessions.get(call_id)
        if session is not None:
            session.listen(effect_id)
        else:
            self._no_stream(call_id, effect_id)

    def hang_up(self, call_id: CallId) -> None:
        """See ``Sound.hang_up``."""
        self._ears.drop(call_id)
        session = self._sessions.get(call_id)
        if session is not None:
            session.close("closed")
            self._end(session)
        else:
            self._forget(call_id)

    def _no_stream(self, call_id: CallId, effect_id: EffectId) -> None:
        self._outbox(call_id).tell(EffectFailed(settles=effect_id, reason=NO_STREAM))

    def _outbox(self, call_id: CallId) -> Outbox:
        outbox = self._outboxes.get(call_id)
        if outbox is None:
            outbox = self._outboxes[call_id] = Outbox()
        return outbox

    def _ear(self, call_id: CallId) -> Listening:
        return Listening(call_id=call_id, transcriber=self._transcriber, post=self._outbox(call_id).tell)

    def _end(self, session: Session) -> None:
        """The session is over. Its ring lets go of it when its turn comes."""
        self._ready.forget(session)
        if self._sessions.get(session.call_id) is session:
            del self._sessions[session.call_id]
        self._forget(session.call_id)

    def _forget(self, call_id: CallId) -> None:
        outbox = self._outboxes.get(call_id)
        used = call_id in self._sessions or call_id in self._ears
        if outbox is not None and outbox.idle and not used:
            del self._outboxes[call_id]

    # --- the tick ----------------------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Never:
        """Tick for ever."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                task_status.started()
                await self._tick_for_ever()
        finally:
            self._nursery = None
            self._let_all_go()
        raise AssertionError("unreachable")

    async def _tick_for_ever(self) -> Never:
        ring = 0
        due = trio.current_time()
        while True:
            if not (self._lobby or any(self._rings)):
                self._wanted = trio.Event()
                await self._wanted.wait()
                due = trio.current_time()
            now = trio.current_time()
            if self._lobby:
                for arrival in self._lobby.look(now):
                    self._welcome(arrival)
            self.lag.note(now, now - due)
            self._hear(self._ready.now(), now)
            self._serve(self._rings[ring], now)
            if self._observe is not None:
                self._observe(now - due, trio.current_time() - now)
            ring = (ring + 1) % len(self._rings)
            due = due + self._tick_s if now - due < LATE_S else now + self._tick_s
            await trio.sleep_until(due)

    def _hear(self, sessions: list[Session], now: float) -> None:
        """They have something to read."""
        self._have(sessions, Session.fetch, now)
        self._have(sessions, Session.hear, now)

    def _serve(self, ring: list[Session], now: float) -> None:
        self._have(ring, Session.serve, now)
        self._have(ring, Session.flush, now)
        if self._archive is not None:
            for session in ring:
                self._archive.save(session, now)
        if any([session.over for session in ring]):
            ring[:] = [session for session in ring if not session.over]

    def _have(self, sessions: list[Session], do: Callable[[Session, float], None], now: float) -> None:
        """Have every session do something; what fails in one ends that one alone."""
        waiting = iter(sessions)
        for first in waiting:
            session = first
            with Caught() as caught:
                do(session, now)
                for session in waiting:
                    do(session, now)
            if caught.error is not None:
                log.error("a media session failed", call=session.call_id, error=describe(caught.error))
                session.close("lost")
        for session in sessions:
            if session.over:
                self._end(session)

    def _welcome(self, arrival: Arrival) -> None:
        with Caught() as caught:
            self._begin(arrival)
        if caught.error is not None:
            log.error("a media stream could not begin", carrier=arrival.guest.carrier, error=describe(caught.error))
            arrival.guest.link.close(INTERNAL)

    def _begin(self, arrival: Arrival) -> None:
        """A socket has said whose it is: its session begins, and its admission."""
        guest, start = arrival.guest, arrival.start
        call_id = self._identify(guest.carrier, start)
        if isinstance(call_id, Refused):
            guest.link.close(POLICY, call_id.reason)
        elif (start.encoding, start.sample_rate) != (ENCODING, SAMPLE_RATE):
            expected = f"expected {ENCODING} at {SAMPLE_RATE} Hz"
            guest.link.close(POLICY, f"encoding: {expected}, got {start.encoding} at {start.sample_rate} Hz")
        elif self._is_open(call_id):
            guest.link.close(POLICY, "Media stream already open")
        else:
            session = self._sessions[call_id] = Session(
                call_id=call_id,
                link=guest.link,
                codec=guest.codec,
                start=start,
                early=arrival.early,
                outbox=self._outbox(call_id),
                lag=self.lag,
                synthesizer=self._voice_for(call_id) if self._voice_for else self._synthesizer,
                listening=self._ears.take(call_id),
                spawn=self._spawn,
                voicing=self._voicing(),
                lead_s=self._lead_s,
                mark_grace_s=self._mark_grace_s,
                silence_ms=self._silence_ms,
            )
            self._admitting += 1
            self._spawn(self._admission, arrival, session)

    def _is_open(self, call_id: CallId) -> bool:
        """Whether the call has a stream. A carrier may connect again before we have looked at the line that broke."""
        session = self._sessions.get(call_id)
        if session is not None and any(session in ring for ring in self._rings):
            self._have([session], Session.hear, trio.current_time())
        return call_id in self._sessions

    async def _admission(self, arrival: Arrival, session: Session) -> None:
        link = arrival.guest.link
        admitted: CallId | Refused = Refused(code="unavailable", reason="the stream could not be admitted")
        try:
            with Caught() as caught:
                admitted = await self._admit(arrival.guest.carrier, arrival.start)
        finally:
            self._admitting -= 1
        if caught.error is not None:
            log.error("a media stream could not be admitted", call=session.call_id, error=describe(caught.error))
            link.close(INTERNAL, "the stream could not be admitted")
        if isinstance(admitted, Refused):
            link.close(POLICY, admitted.reason)
            session.refuse()
            self._end(session)
            return
        if self._archive is not None and not session.over:
            self._archive.open(session)
        min(self._rings, key=len).append(session)
        if link.descriptor >= 0:
            self._ready.watch(link.descriptor, session)
        self._have([session], Session.begin, trio.current_time())
        self._wanted.set()

    def _spawn(self, work: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(work, *arguments)

    def _let_all_go(self) -> None:
        now = trio.current_time()
        self._lobby.close()
        for session in (*self._sessions.values(), *(one for ring in self._rings for one in ring)):
            session.close("closed")
            recording = session.to_write(now)
            if self._archive is not None and recording is not None:
                self._archive.save_now(session, recording)
        self._sessions.clear()
        self._ready.close()
        for ring in self._rings:
            ring.clear()
