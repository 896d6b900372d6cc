"""The media plane: one tick for all calls.

Theory of operation
-------------------
After its handshake a media socket has no task of its own. One task wakes every few milliseconds; each wake serves one
of several rings of sessions: read what has arrived, send what is due. No task switch, queue hop or timer per frame.
With no socket at all the tick parks.

A new socket is *pending* until its ``start`` names a ticket. ``identify`` says whose ticket it is, at once; the session
then exists, so that nothing decided about it can miss it, but the socket is the call's only once ``admit`` (which waits
for the journal) agrees. Everything the plane does for a call outlives the call's actor.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Never

import structlog
import trio
from attrs import define

from voicecall.audio.link import MediaLink, SocketLink
from voicecall.audio.recording import Recording
from voicecall.audio.session import LEAD_S, Session
from voicecall.audio.websocket import POLICY, TRY_LATER
from voicecall.core.requests import Refused
from voicecall.events import CallId, EffectId
from voicecall.events.effects import Speak
from voicecall.events.facts import EffectFailed
from voicecall.ports import MediaCodec, MediaMessage, MediaStart, NotUnderstood, Post, Synthesizer, Transcriber

TICK_MS = 5
RINGS = 4
LATE_S = 0.1
"""A tick that is later than this starts a new count instead of hurrying after the old one."""

Identify = Callable[[str, MediaStart], CallId | Refused]
"""Whose ticket (carrier, start) it is, or why it is no good. Pure."""
Admit = Callable[[str, MediaStart], Awaitable[CallId | Refused]]
"""Spends the ticket, durably, or says why not."""

log = structlog.get_logger(__name__)


@define
class _Pending:
    link: MediaLink
    carrier: str
    codec: MediaCodec
    peer: str
    deadline: float


class MediaPlane:
    """See ``voicecall.ports.Sound``. ``run`` must be running for anything to be heard."""

    def __init__(
        self,
        *,
        synthesizer: Synthesizer,
        transcriber: Transcriber,
        identify: Identify,
        admit: Admit,
        recordings: Path | None = None,
        tick_ms: int = TICK_MS,
        rings: int = RINGS,
        lead_s: float = LEAD_S,
        silence_ms: int = 800,
        start_timeout_s: float = 5.0,
        max_pending: int = 32,
        max_pending_per_peer: int = 4,
        max_connections: int = 128,
        threads: bool = True,
    ) -> None:
        self._synthesizer = synthesizer
        self._transcriber = transcriber
        self._identify = identify
        self._admit = admit
        self._recordings = recordings
        self._tick_s = tick_ms / 1000
        self._lead_s = lead_s
        self._silence_ms = silence_ms
        self._start_timeout_s = start_timeout_s
        self._max_pending = max_pending
        self._max_pending_per_peer = max_pending_per_peer
        self._max_connections = max_connections
        self._threads = threads
        self._pending: list[_Pending] = []
        self._rings: list[list[Session]] = [[] for _ in range(rings)]
        self._sessions: dict[CallId, Session] = {}
        self._posts: dict[CallId, Post] = {}
        self._wanted = trio.Event()
        self._nursery: trio.Nursery | None = None
        self.late_s = 0.0

    # --- the door's side ---------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the tick ticks."""
        return self._nursery is not None

    @property
    def connections(self) -> int:
        """Media sockets that are open."""
        return len(self._pending) + sum(len(ring) for ring in self._rings)

    def has_room(self) -> bool:
        """Whether one more media socket may be opened."""
        return self.running and self.connections < self._max_connections

    def accept_socket(self, sock: Any, leftover: bytes, peer: str, *, carrier: str, codec: MediaCodec) -> None:
        """A real socket after its handshake becomes the plane's."""
        self.accept(SocketLink(sock, leftover), carrier=carrier, codec=codec, peer=peer)

    def accept(self, link: MediaLink, *, carrier: str, codec: MediaCodec, peer: str) -> None:
        """A link becomes the plane's, until its ``start`` or a time-out."""
        same = sum(one.peer == peer for one in self._pending)
        if len(self._pending) >= self._max_pending or same >= self._max_pending_per_peer:
            link.close(TRY_LATER, "Too many pending media stream connections")
            return
        deadline = trio.current_time() + self._start_timeout_s
        self._pending.append(_Pending(link=link, carrier=carrier, codec=codec, peer=peer, deadline=deadline))
        self._wanted.set()

    # --- the calls' side (ports.Sound) -------------------------------------------------------------------------------

    def adopt(self, call_id: CallId, post: Post) -> bool:
        """See ``Sound.adopt``."""
        self._posts[call_id] = post
        session = self._sessions.get(call_id)
        if session is None:
            return False
        session.adopt(post)
        if session.over:
            del self._sessions[call_id]
        return not session.over

    def release(self, call_id: CallId) -> None:
        """See ``Sound.release``."""
        self._posts.pop(call_id, None)
        session = self._sessions.get(call_id)
        if session is not None:
            session.release()

    def holds(self, call_id: CallId, effect_id: EffectId) -> bool:
        """See ``Sound.holds``."""
        session = self._sessions.get(call_id)
        return session is not None and session.holds(effect_id)

    def speak(self, call_id: CallId, effect_id: EffectId, speak: Speak) -> None:
        """See ``Sound.speak``."""
        session = self._sessions.get(call_id)
        if session is not None and not session.over:
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
        if session is not None and not session.over:
            session.listen(effect_id)
        else:
            self._no_stream(call_id, effect_id)

    def hang_up(self, call_id: CallId) -> None:
        """See ``Sound.hang_up``."""
        session = self._sessions.get(call_id)
        if session is not None:
            session.close("closed")

    def _no_stream(self, call_id: CallId, effect_id: EffectId) -> None:
        post = self._posts.get(call_id)
        if post is not None:
            post(EffectFailed(settles=effect_id, reason="no media stream is open"))

    # --- the tick ----------------------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Never:
        """Tick for ever."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            try:
                await self._tick_for_ever()
            finally:
                self._nursery = None
                self._let_all_go()
        raise AssertionError("unreachable")

    async def _tick_for_ever(self) -> Never:
        ring = 0
        due = trio.current_time()
        while True:
            if not self.connections:
                self._wanted = trio.Event()
                await self._wanted.wait()
                due = trio.current_time()
            now = trio.current_time()
            self.late_s = now - due
            self._look_at_pending(now)
            self._serve(self._rings[ring], now)
            ring = (ring + 1) % len(self._rings)
            due = due + self._tick_s if now - due < LATE_S else now + self._tick_s
            await trio.sleep_until(due)

    def _serve(self, sessions: list[Session], now: float) -> None:
        for session in sessions:
            try:
                session.serve(now)
            except Exception as error:  # noqa: BLE001 - one call's fault must not stop every call's sound
                log.error("a media session failed", call=session.call_id, error=repr(error))
                session.close("lost")
            recording = session.to_write(now)
            if recording is not None:
                self._write(recording)
        if any(session.over for session in sessions):
            for session in [one for one in sessions if one.over]:
                sessions.remove(session)
                if self._sessions.get(session.call_id) is session and session.delivered:
                    del self._sessions[session.call_id]

    def _write(self, recording: Recording) -> None:
        """Recordings are written beside the tick, never in it."""
        if self._threads:
            self._spawn(trio.to_thread.run_sync, recording.write)
        else:
            recording.write()

    def _look_at_pending(self, now: float) -> None:
        for one in tuple(self._pending):
            start = self._start_of(one)
            if start is not None:
                self._pending.remove(one)
                self._begin(one, start)
            elif one.link.closed:
                self._pending.remove(one)
            elif now > one.deadline:
                self._pending.remove(one)
                one.link.close(POLICY, "Start timeout")

    def _start_of(self, one: _Pending) -> MediaStart | None:
        """The ``start`` among what has arrived; everything before it means nothing yet."""
        for data in one.link.receive():
            try:
                message: MediaMessage = one.codec.receive(data)
            except NotUnderstood:
                continue
            if isinstance(message, MediaStart):
                return message
        return None

    def _begin(self, one: _Pending, start: MediaStart) -> None:
        call_id = self._identify(one.carrier, start)
        if isinstance(call_id, Refused):
            one.link.close(POLICY, call_id.reason)
            return
        current = self._sessions.get(call_id)
        if current is not None and not current.over:
            one.link.close(POLICY, "Media stream already open")
            return
        session = Session(
            call_id=call_id,
            link=one.link,
            codec=one.codec,
            start=start,
            synthesizer=self._synthesizer,
            transcriber=self._transcriber,
            spawn=self._spawn,
            lead_s=self._lead_s,
            silence_ms=self._silence_ms,
        )
        post = self._posts.get(session.call_id)
        if post is not None:
            session.adopt(post)
        self._sessions[session.call_id] = session
        self._spawn(self._admission, one, start, session)

    async def _admission(self, one: _Pending, start: MediaStart, session: Session) -> None:
        admitted = await self._admit(one.carrier, start)
        if isinstance(admitted, Refused):
            one.link.close(POLICY, admitted.reason)
            session.refuse()
            if self._sessions.get(session.call_id) is session:
                del self._sessions[session.call_id]
            return
        path = self._recording_of(session.call_id)
        if path is not None:
            session.record(Recording(path))
        min(self._rings, key=len).append(session)
        self._wanted.set()

    def _recording_of(self, call_id: CallId) -> Path | None:
        if self._recordings is None:
            return None
        path = self._recordings / f"{call_id}.wav"
        number = 1
        while path.exists():
            number += 1
            path = self._recordings / f"{call_id}.{number}.wav"
        return path

    def _spawn(self, work: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(work, *arguments)

    def _let_all_go(self) -> None:
        for one in self._pending:
            one.link.close()
        self._pending.clear()
        for session in self._sessions.values():
            session.close("closed")
            recording = session.to_write(trio.current_time())
            if recording is not None:
                recording.write()
        self._sessions.clear()
