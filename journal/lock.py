"""Who may write: an advisory lock on ``lock``, whose text says who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from journal.api import Locked
from journal.disk import translate


@contextmanager
def hold(directory: Path) -> Generator[None]:
    """Hold the journal in ``directory``, making it when it is not there.

    Raises ``Locked`` (saying who does), ``NoPermission`` or ``Unavailable``.
    """
    path = directory / "lock"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise translate(error, path) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(_who(directory, os.pread(descriptor, 4096, 0))) from None
        _sign(descriptor, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode() + b"\n")
        try:
            yield
        finally:
            _sign(descriptor, b"")
    finally:
        os.close(descriptor)


def _sign(descriptor: int, text: bytes) -> None:
    # On a full disk the name is missing from the lock, but the lock holds.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)


def _who(directory: Path, text: bytes) -> str:
    try:
        holder = json.loads(text)
        who = f"process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        who = "another process"
    return f"{directory}: {who} holds this journal; stop it, or use another directory"
