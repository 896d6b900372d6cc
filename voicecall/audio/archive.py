"""Where recordings go: one file a media stream, written beside the tick and never in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import trio
from attrs import define, field

from voicecall.audio.recording import Recording
from voicecall.audio.session import Session
from voicecall.events import CallId
from voicecall.log import get_logger

log = get_logger(__name__)


@define
class Archive:
    """Recordings of calls in ``folder``. A fault costs that recording, is logged and told to its call."""

    folder: Path
    spawn: Callable[..., None]
    threads: bool = True
    _writing: set[Recording] = field(factory=set[Recording])

    def open(self, session: Session) -> None:
        """Record this session from its beginning."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            session.record(self._new(session.call_id))
        except OSError as error:
            self._give_up(session, None, error)

    def save(self, session: Session, now: float) -> None:
        """Write what there is, if it is time to. Does not wait for it."""
        recording = session.to_write(now)
        if recording is None or recording in self._writing:
            return
        if self.threads:
            self._writing.add(recording)
            self.spawn(self._write_beside, session, recording)
        else:
            self.save_now(session, recording)

    def save_now(self, session: Session, recording: Recording) -> None:
        """Write what there is, and wait for it."""
        try:
            recording.write()
        except OSError as error:
            self._give_up(session, recording, error)

    async def _write_beside(self, session: Session, recording: Recording) -> None:
        """Shielded: what was recorded is written also when everything stops."""
        try:
            with trio.CancelScope(shield=True):
                while recording.waiting:
                    await trio.to_thread.run_sync(recording.write)
        except OSError as error:
            self._give_up(session, recording, error)
        finally:
            self._writing.discard(recording)

    def _new(self, call_id: CallId) -> Recording:
        number = 1
        while True:
            name = f"{call_id}.wav" if number == 1 else f"{call_id}.{number}.wav"
            try:
                return Recording(self.folder / name)
            except FileExistsError:
                number += 1

    def _give_up(self, session: Session, recording: Recording | None, error: OSError) -> None:
        if recording is not None:
            recording.close()
        log.error("a call is not recorded", call=session.call_id, error=error.strerror)
        session.lose_recording(error.strerror or type(error).__name__)
