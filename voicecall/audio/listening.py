"""Somebody transcribes what the caller says, for as long as there is something to listen to.

A transcriber that fails, or that has enough, is started again after a pause, and the tap keeps what is said meanwhile:
a call must not go on deaf. When the media closes, the transcriber may finish what it has been given.

It may be started before there is anything to hear, while it rings: then it is connected when the person picks up.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import trio

from voicecall.audio.tap import Tap
from voicecall.events import AnyEvent, CallId
from voicecall.events.facts import TranscriberFailed
from voicecall.fault import Caught, describe, words
from voicecall.log import get_logger
from voicecall.ports import Transcriber

PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Before a transcriber is started again; the last one from then on. One that recognized something starts over."""
LAST_WORDS_S = 2.0
"""How long a transcriber may work on what was said before the media closed."""

log = get_logger(__name__)


class Listening:
    """``tap`` takes the caller's audio from the start; ``start`` has it transcribed.

    What is started before the media opens is told so (``open``), or has gone after ``wait_s``.
    """

    def __init__(self, *, call_id: CallId, transcriber: Transcriber, post: Callable[[AnyEvent], None]) -> None:
        self.tap = Tap()
        self._call_id = call_id
        self._transcriber = transcriber
        self._post = post
        self._scope = trio.CancelScope()
        self._started = False

    def start(self, spawn: Callable[..., None], *, wait_s: float = math.inf) -> None:
        """Transcribe from now on, beginning with what the tap has kept. Once is enough."""
        if not self._started:
            self._started = True
            self._scope.deadline = trio.current_time() + wait_s
            spawn(self._run)

    def open(self) -> bool:
        """The media opens now; False: nobody listens any more."""
        if self._scope.cancel_called:
            return False
        self._scope.deadline = math.inf
        self.tap.open()
        return True

    def drop(self) -> None:
        """There will be nothing to hear."""
        self._scope.cancel()

    def close(self) -> None:
        """No more audio will come."""
        self.tap.close()
        self._scope.deadline = trio.current_time() + LAST_WORDS_S

    async def _run(self) -> None:
        tries = 0
        with self._scope:
            while True:
                if await self._transcribe():
                    tries = 0
                if self.tap.closed:
                    return
                await trio.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
                tries += 1

    async def _transcribe(self) -> bool:
        """One connection to a transcriber; whether it recognized anything."""
        recognized = False
        with Caught() as caught:
            async with self._transcriber.listen(self.tap) as speech:
                async for event in speech:
                    recognized = True
                    self._post(event)
        if caught.error is not None:
            log.error("the transcriber failed", call=self._call_id, error=describe(caught.error))
            self._post(TranscriberFailed(detail=words(caught.error)))
        return recognized
