"""The system calls of the journal, on one page, so that a test can make each of them fail."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from journal.api import JournalError, NoPermission, NoSpace, Unavailable

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NO_ACCESS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
MADE = ".new"
"""The suffix of a file that is not in its place yet."""


class Disk:
    """Blocking. Raises ``OSError`` as the system does."""

    def open_append(self, path: Path) -> int:
        """A descriptor that appends to ``path``, made with mode 0600."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, descriptor: int, data: bytes) -> None:
        """All of ``data``."""
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def sync(self, descriptor: int) -> None:
        """Data and size reach the medium."""
        os.fdatasync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file."""
        os.ftruncate(descriptor, size)

    def sync_directory(self, path: Path) -> None:
        """Names reach the medium."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def reserve(self, path: Path, size: int) -> None:
        """A file whose blocks are really allocated."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)

    def replace(self, path: Path, data: bytes) -> None:
        """Write ``data`` beside ``path``, make it durable, and put it in its place in one step."""
        fresh = path.with_name(path.name + MADE)
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                self.write(descriptor, data)
                self.sync(descriptor)
            finally:
                os.close(descriptor)
            self.rename(fresh, path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        self.sync_directory(path.parent)

    def rename(self, fresh: Path, path: Path) -> None:
        """``fresh`` takes the place of ``path``, in one step."""
        fresh.rename(path)

    def free(self, path: Path) -> int:
        """Bytes that may still be written."""
        stat = os.statvfs(path)
        return stat.f_bavail * stat.f_frsize


def translate(error: OSError, path: Path) -> JournalError:
    """What a failed system call means to a caller."""
    where = error.filename or path
    if error.errno in NO_SPACE:
        return NoSpace(f"{where}: {error.strerror}; free some space, new appends will then work again")
    if error.errno in NO_ACCESS:
        return NoPermission(f"{where}: {error.strerror}; the user who runs this must be able to read and write there")
    return Unavailable(f"{where}: {error.strerror}")
