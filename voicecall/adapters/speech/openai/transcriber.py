"""Hearing with OpenAI: a realtime transcription session for each call, for as long as the call has sound.

Two tasks at a time: one pours the tap's audio into ``kept``, whatever the connection does, and one keeps a connection.
On it, one task tells the vendor and one listens to it. A connection that breaks is opened again, and what was not
acknowledged is said again; only when that fails several times, or cannot help, is it an exception.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import trio
from attrs import define, field

from voicecall.adapters.speech.beside import open_beside
from voicecall.adapters.speech.openai import events, messages
from voicecall.adapters.speech.openai.encoding import Encoding
from voicecall.adapters.speech.openai.fault import VendorFault, of_socket, quote
from voicecall.adapters.speech.openai.kept import BYTES_PER_MS, Kept
from voicecall.adapters.speech.openai.models import finds_turns
from voicecall.adapters.speech.openai.own_turns import OwnTurns
from voicecall.adapters.speech.openai.settings import Hearing
from voicecall.adapters.speech.openai.turns import Turns, VendorTurns
from voicecall.adapters.speech.socket import Socket, SocketEnded, open_socket
from voicecall.audio.g711 import SILENCE
from voicecall.events.facts import CallerHeard
from voicecall.fault import Caught, first
from voicecall.log import get_logger
from voicecall.ports import AudioTap, CallerSpeech

PAUSES_S = (0.25, 0.5, 1.0, 2.0)
"""Before a connection is opened again; one failure more is an exception. A turn that was reported starts over."""
HEALTHY_S = 60.0
"""A connection that lasted this long was a good one."""
SET_UP_S = 5.0
"""How long the vendor may take to set a session up."""
STALLED_S = 8.0
"""How long the vendor may take to say what it heard in a turn that is over."""
GRACE_S = 4 * 60.0
"""After the time for renewal: how long a quiet moment is waited for."""
PARTIAL_S = 0.5
"""From one partial transcript to the next, at least."""
LAST_S = 0.5
"""When no more audio will come: how long the vendor may take to notice that there is a voice in it."""
TICK_S = 1.0
"""How often a connection is looked at when no audio comes."""
LOOK_MS, LOOKS = 100, 4
"""A carrier whose audio is missing this often in a row sends nothing for silence."""
END_MS = 500
"""How much more silence than ends a turn is heard when the carrier sends none."""

log = get_logger(__name__)


class OpenAiTranscriber:
    """See ``voicecall.ports.Transcriber``. Whether a session takes μ-law is found out once."""

    def __init__(self, settings: Hearing) -> None:
        self._settings = settings
        self._format = _Format()

    @asynccontextmanager
    async def listen(self, tap: AudioTap) -> AsyncGenerator[AsyncIterator[CallerSpeech]]:
        """See ``voicecall.ports.Transcriber.listen``. The iterator raises ``VendorFault``."""
        told, speech = trio.open_memory_channel[CallerSpeech](math.inf)
        ear = _Ear(settings=self._settings, tap=tap, told=told, format=self._format)
        async with open_beside() as nursery:
            nursery.start_soon(ear.run)
            async with aclosing(_reported(speech, ear)) as reported:
                yield reported


async def _reported(speech: trio.MemoryReceiveChannel[CallerSpeech], ear: _Ear) -> AsyncGenerator[CallerSpeech]:
    async with speech:
        async for event in speech:
            yield event
    if ear.failure is not None:
        raise ear.failure


@define
class _Format:
    """What the vendor was found to take, for all calls."""

    pcm: bool = False


@define(kw_only=True)
class _Ear:
    """One call's."""

    settings: Hearing
    tap: AudioTap
    told: trio.MemorySendChannel[CallerSpeech]
    format: _Format
    failure: BaseException | None = None
    _kept: Kept = field(factory=Kept)
    _turns: Turns = field(init=False)
    _poured: trio.Event = field(factory=trio.Event)
    _over: bool = False
    """No more audio will come."""
    _tries: int = 0
    _owed: str = ""
    _owed_since: float = 0.0
    _next_partial: float = -math.inf

    def __attrs_post_init__(self) -> None:
        turns = VendorTurns if self._server_vad else OwnTurns
        self._turns = turns(settings=self.settings, kept=self._kept)

    @property
    def _server_vad(self) -> bool:
        asked = self.settings.server_vad
        return finds_turns(self.settings.model) if asked is None else asked

    async def run(self) -> None:
        async with self.told:
            with Caught() as caught:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._pour)
                    await self._stay_connected()
                    nursery.cancel_scope.cancel()
        if caught.error is not None:
            self.failure = first(caught.error)

    # --- audio -------------------------------------------------------------------------------------------------------

    async def _pour(self) -> None:
        """Keep what the tap has. Where the carrier sends nothing for silence, or no more, silence is put in its place.

        It takes several looks to be sure: a process that was held up finds both its clock and a late frame.
        """
        looks, filled_ms, enough_ms = 0, 0, self.settings.silence_ms + END_MS
        while not self._over:
            audio = None
            with trio.move_on_after(LOOK_MS / 1000):
                try:
                    audio = await self.tap.drain()
                except trio.EndOfChannel:
                    self._over = True
            if audio:
                looks = filled_ms = 0
                self._keep(audio, self.tap.ends_ms)
                continue
            looks += 1
            due_ms = enough_ms if self._over else min(looks * LOOK_MS, enough_ms)
            if self._kept.end and (looks >= LOOKS or self._over) and due_ms > filled_ms:
                silence = bytes([SILENCE]) * ((due_ms - filled_ms) * BYTES_PER_MS)
                filled_ms = due_ms
                self._keep(silence, self.tap.ends_ms + filled_ms)

    def _keep(self, audio: bytes, ends_ms: int) -> None:
        self._kept.pour(audio, ends_ms)
        self._turns.poured()
        self._poured.set()
        self._poured = trio.Event()

    # --- connections -------------------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        """Until the last turn is reported. Raises ``VendorFault``."""
        while True:
            began = trio.current_time()
            try:
                if await self._connect():
                    return
            except SocketEnded as ended:
                fault = of_socket(ended, self.settings.api_key)
            except VendorFault as error:
                fault = error
            else:
                continue
            if trio.current_time() - began > HEALTHY_S:
                self._tries = 0
            if fault.expired and trio.current_time() - began > TICK_S:
                continue
            if fault.final or self._tries == len(PAUSES_S):
                raise fault
            log.warning("the transcriber connects again", status=fault.status, tries=self._tries + 1)
            await trio.sleep(PAUSES_S[self._tries])
            self._tries += 1

    async def _connect(self) -> bool:
        """One connection; whether everything has been said. Raises ``SocketEnded`` and ``VendorFault``."""
        url, headers = messages.listen_url(self.settings.base_url), messages.bearer(self.settings.api_key)
        async with open_socket(url, headers) as socket:
            await self._set_up(socket)
            self._turns.connect()
            finished = False
            with Caught() as caught:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._take, socket)
                    finished = await self._tell(socket)
                    nursery.cancel_scope.cancel()
        if caught.error is not None:
            raise first(caught.error)
        return finished

    async def _set_up(self, socket: Socket) -> None:
        """Until the session is as it should be: only then does it take audio. μ-law may be refused."""
        self._ask(socket)
        with trio.move_on_after(SET_UP_S):
            while True:
                match events.parse(await socket.receive()):
                    case events.SessionUpdated():
                        return
                    case events.Trouble(error=problem) if not self.format.pcm and _refuses_format(problem):
                        self.format.pcm = True
                        self._ask(socket)
                    case events.Trouble(error=problem):
                        raise self._refused(problem)
                    case _:
                        pass
        raise VendorFault(f"OpenAI did not set the session up within {SET_UP_S:g} s")

    def _ask(self, socket: Socket) -> None:
        socket.send(messages.start_listening(self.settings, server_vad=self._server_vad, pcm=self.format.pcm))

    def _refused(self, problem: events.Problem) -> VendorFault:
        text = quote(problem.words(), self.settings.api_key)
        return VendorFault(f"OpenAI refuses the session: {text}", final=True)

    async def _tell(self, socket: Socket) -> bool:
        """Send what there is, as it comes; whether there will be no more. Raises ``VendorFault`` on a stall."""
        encoding = Encoding(pcm=self.format.pcm)
        self._owed = ""
        opened = busy = trio.current_time()
        while True:
            poured = self._poured
            outgoing = self._turns.outgoing(encoding)
            for message in outgoing:
                socket.send(message)
            now = trio.current_time()
            self._watch(now)
            if outgoing or not self._turns.idle:
                busy = now
            if self._over and now - busy >= LAST_S:
                return True
            if self._due(now - opened):
                return False
            with trio.move_on_after(LAST_S if self._over else TICK_S):
                await poured.wait()

    def _watch(self, now: float) -> None:
        """Raises ``VendorFault`` when the vendor owes a transcript for too long."""
        owed = self._turns.owed
        if owed != self._owed:
            self._owed, self._owed_since = owed, now
        elif owed and now - self._owed_since > STALLED_S:
            raise VendorFault(f"OpenAI has not said within {STALLED_S:g} s what it heard")

    def _due(self, age_s: float) -> bool:
        """Whether this session should be exchanged for a new one."""
        late_s = age_s - self.settings.renew_s
        return late_s >= GRACE_S or (late_s >= 0 and self._turns.idle and not self._over)

    async def _take(self, socket: Socket) -> None:
        """Report what the vendor says. Raises ``SocketEnded`` and ``VendorFault``."""
        while True:
            event = events.parse(await socket.receive())
            if event is None:
                continue
            if isinstance(event, events.Trouble) and event.error.code == "session_expired":
                raise VendorFault("OpenAI: the session has reached its limit", expired=True)
            for speech in self._turns.take(event):
                self._report(speech)

    def _report(self, speech: CallerSpeech) -> None:
        if isinstance(speech, CallerHeard):
            if trio.current_time() < self._next_partial:
                return
            self._next_partial = trio.current_time() + PARTIAL_S
        self._tries = 0
        self.told.send_nowait(speech)


def _refuses_format(problem: events.Problem) -> bool:
    about = f"{problem.param or ''} {problem.message}".lower()
    return "format" in about or "pcmu" in about
