"""The seam: what a journal promises, whoever keeps it.

An append-only log of JSON bodies in named streams. A *position* is the journal-wide log sequence number: assigned at
append, totally ordered across streams, never reused, with gaps after an erasure.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import NewType, Protocol

from attrs import frozen

Position = NewType("Position", int)
"""Where a line is in the whole log; printable, so that a reader can resume."""

START = Position(0)
"""Before the first line."""


class JournalError(Exception):
    """Anything a journal reports; the text says what to do about it."""


class Misuse(JournalError):
    """The caller is to blame."""


class BadBody(Misuse):
    """The body is not one UTF-8 JSON value without a newline, or the stream's name is not usable."""


class Fenced(Misuse):
    """``after`` is not the stream's last position: somebody else has written to it. Read it again."""


class Erased(Misuse):
    """The stream was erased; its tombstone refuses later appends."""


class Unavailable(JournalError):
    """The machine is to blame."""


class Locked(Unavailable):
    """Another process holds the journal; the text says which."""


class Corrupt(Unavailable):
    """A line in the middle of the log is damaged; the text names segment and offset."""


class Broken(Unavailable):
    """An fsync failed: nobody knows what is durable, so every append fails until a restart."""


class NoSpace(Unavailable):
    """The disk is full; the log ends at its last durable byte. Only endings still fit, in the reserve."""


class NoPermission(Unavailable):
    """The directory or a file in it cannot be written; the text names it."""


@frozen(kw_only=True)
class Line:
    """One durable line: its position, its stream and its body, verbatim."""

    position: Position
    stream: str
    body: bytes


class Readable(Protocol):
    """What can be read without being able to write it: a journal, or the files of one anywhere."""

    def read(
        self, stream: str | None = None, *, after: Position = START
    ) -> AbstractAsyncContextManager[AsyncIterator[Line]]:
        """The lines of a stream (None: of all) that are there now, in order."""
        ...

    def follow(
        self, stream: str | None = None, *, after: Position = START
    ) -> AbstractAsyncContextManager[AsyncIterator[Line]]:
        """Like ``read``, then waits for more, for ever, without a gap."""
        ...

    def streams(self, prefix: str = "", *, after: str = "") -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """The names of streams that begin with ``prefix``, in order, from the first one after ``after``."""
        ...


class Journal(Readable, Protocol):
    """An append-only log of JSON bodies in named streams."""

    async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
        """Append one body; durable when it returns.

        ``after`` is the stream's last position (``START`` for a new one). ``ending`` may use the space kept in reserve
        for the last words of a call. Raises ``Fenced``, ``Erased`` or ``BadBody``, and ``Unavailable`` (``NoSpace``,
        ``Broken`` and the like), after which, as after a cancellation, only reading tells whether the line is there.
        """
        ...

    async def erase(self, stream: str) -> None:
        """Remove a stream's lines for good and refuse later appends to it. Erasing twice, or nothing, is fine.

        Raises ``BadBody`` or ``Unavailable``.
        """
        ...
