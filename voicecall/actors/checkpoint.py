"""The directory on disk: (version, position, view), so that a start folds only the lines that follow.

A checkpoint that is lost, damaged or of another version costs a longer start, nothing else.
"""

from __future__ import annotations

from pathlib import Path

from journal.api import Line, Position, Readable
from voicecall.events import CallId, Entry
from voicecall.events.schema import BadEntry, decode_entry
from voicecall.log import get_logger
from voicecall.projections.directory import Directory

EVERY = 2_000
"""Lines between two checkpoints while no call is in progress."""
AT_THE_LATEST = 100_000
"""Lines after which one is written whatever goes on: to fold them at a start takes a few seconds."""

log = get_logger(__name__)


class Checkpoint:
    """Writes the directory to ``path`` now and then, if possible while nobody can hear it: a million past calls take
    longer to write than the 20 ms between two frames of sound."""

    def __init__(self, directory: Directory, path: Path) -> None:
        self.directory = directory
        self._path = path
        self._saved = directory.position

    def seen(self, call_id: CallId, position: Position, entry: Entry) -> None:
        """An entry is in the directory."""
        fresh = position - self._saved
        if fresh >= AT_THE_LATEST or (fresh >= EVERY and not any(True for _ in self.directory.living())):
            self.save()

    def save(self) -> None:
        """Write it, whole or not at all."""
        self._saved = self.directory.position
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_bytes(self.directory.checkpoint())
            fresh.chmod(0o600)
            fresh.rename(self._path)
        except OSError as error:
            log.warning("the directory's checkpoint was not written", error=error.strerror)


async def load_directory(journal: Readable, path: Path | None = None) -> Directory:
    """The directory of every call: the checkpoint at ``path``, if there is one, and every line that follows it."""
    directory = _restore(path)
    async with journal.read(after=Position(directory.position)) as lines:
        async for line in lines:
            if line.stream.startswith("call/"):
                _apply(directory, line)
            directory.reached(line.position)
    return directory


def _restore(path: Path | None) -> Directory:
    return Directory.restore(path.read_bytes() if path is not None and path.exists() else b"")


def _apply(directory: Directory, line: Line) -> None:
    try:
        entry = decode_entry(line.body)
    except BadEntry as error:
        log.error("an entry cannot be read", stream=line.stream, position=line.position, error=str(error))
    else:
        directory.apply(CallId(line.stream.removeprefix("call/")), line.position, entry)
