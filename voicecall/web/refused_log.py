"""The last refused requests, kept so that an operator can ask why: in memory, and in one small file.

The file holds 64 lines of JSON, newest last, mode 0600, and is replaced as a whole, so it is never half written and
never grows. It is written at most once a second, by a thread, and not flushed to the disk: losing the last second of it
with the power is no harm. The same refusal again is the same line with a higher count, so that one stubborn sender
cannot push the others out.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

import msgspec
import trio
from attrs import evolve as change
from attrs import field, frozen

from voicecall.events import Instant
from voicecall.log import get_logger
from voicecall.web.refusal import Reason

KEPT = 64
WRITE_EVERY_S = 1.0

log = get_logger(__name__)


@frozen(kw_only=True)
class Verdict:
    """What the carrier's check said of one URL. ``believed`` ones were legitimate, the others only explain."""

    url: str
    source: str
    believed: bool
    matches: bool = False
    why: str = ""


@frozen(kw_only=True)
class RefusedRequest:
    """The outline of a refused request. ``first`` and ``last`` say when it came, ``times`` how often.

    ``peer`` is the socket's address, ``client`` who stands behind our proxies. ``body_bytes`` is None when the body was
    not read. ``examined`` says that other addresses than the believed ones were tried.
    """

    id: str = ""
    first: Instant
    last: Instant
    times: int = 1
    carrier: str
    reason: Reason
    status: int
    why: str = ""
    method: str
    url: str
    peer: str = ""
    client: str = ""
    headers: dict[str, str] = field(factory=dict[str, str])
    body_bytes: int | None = None
    body_sha256: str = ""
    verdicts: tuple[Verdict, ...] = ()
    examined: bool = False

    def is_again(self, other: RefusedRequest) -> bool:
        """Whether this is ``other`` once more."""
        return _identity(self) == _identity(other)


class RefusedLog:
    """The last ``KEPT`` refused requests. Without a ``path`` they are only in memory."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._kept: deque[RefusedRequest] = deque(read_refused(path) if path is not None else (), maxlen=KEPT)
        self._number = max((_number(one.id) for one in self._kept), default=0)
        self._written = self.newest_last
        self._news = trio.Event()

    @property
    def newest_last(self) -> tuple[RefusedRequest, ...]:
        """What is kept, in the order of the latest arrival."""
        return tuple(self._kept)

    def again(self, seen: RefusedRequest) -> RefusedRequest | None:
        """Count ``seen`` as a repeat and give what is kept of it; None when it is new."""
        known = next((one for one in self._kept if one.is_again(seen)), None)
        if known is None:
            return None
        self._kept.remove(known)
        return self._keep(change(known, last=seen.last, times=known.times + 1))

    def add(self, refused: RefusedRequest) -> RefusedRequest:
        """Keep a new one, which gets its id; the oldest goes."""
        self._number += 1
        return self._keep(change(refused, id=f"r{self._number}"))

    def _keep(self, refused: RefusedRequest) -> RefusedRequest:
        self._kept.append(refused)
        self._news.set()
        return refused

    async def run(self) -> None:
        """Keep the file up to date until cancelled, and leave it so."""
        if self._path is None:
            return
        path = self._path
        try:
            while True:
                await self._news.wait()
                self._news = trio.Event()
                kept = self.newest_last
                await trio.to_thread.run_sync(_write, path, kept)
                self._written = kept
                await trio.sleep(WRITE_EVERY_S)
        finally:
            if self._written != self.newest_last:
                _write(path, self.newest_last)


def read_refused(path: Path) -> list[RefusedRequest]:
    """What a file holds, newest last; a line that is none is left out, a missing file is empty."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    found: list[RefusedRequest] = []
    for line in lines[-KEPT:]:
        try:
            found.append(msgspec.json.decode(line, type=RefusedRequest))
        except (msgspec.DecodeError, UnicodeError):
            continue
    return found


def _write(path: Path, kept: tuple[RefusedRequest, ...]) -> None:
    """Never raises: that nothing can be written is a pity, not a reason to stop."""
    fresh = path.with_suffix(".new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(b"".join(msgspec.json.encode(one) + b"\n" for one in kept))
        fresh.replace(path)
    except OSError as error:
        log.warning("refused requests are not kept", file=path.name, error=error.strerror)


def _identity(refused: RefusedRequest) -> tuple[object, ...]:
    """Of a call that is not ours the carrier may have much to tell: what counts is what it is about."""
    about = refused.why if refused.reason == "call" else refused.body_sha256
    return (refused.carrier, refused.reason, refused.method, refused.url, refused.client, about)


def _number(name: str) -> int:
    digits = name.removeprefix("r")
    return int(digits) if digits.isascii() and digits.isdigit() else 0
