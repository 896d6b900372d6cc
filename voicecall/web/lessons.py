"""What proven webhooks taught of the account, once and for ever.

A carrier that has proven itself in a stronger way is not believed in a weaker one afterwards, or a stranger would only
have to leave the stronger proof out. So it must not be forgotten by the next server either. A lesson belongs to the
account as it was configured when it was learned: other credentials or another setting, and it counts no longer.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
from attrs import evolve as change
from attrs import frozen

from voicecall.log import get_logger
from voicecall.ports import Account

log = get_logger(__name__)


@frozen(kw_only=True)
class Lesson:
    """``secrets`` replace those of the same name in the account whose digest is ``account``."""

    account: str
    secrets: dict[str, str]


class Lessons:
    """One lesson for each carrier, in a file of mode 0600; without a ``path`` in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, Lesson] = {} if path is None else _read(path)

    def recall(self, carrier: str, account: Account) -> Account:
        """``account`` as a server before this one left it."""
        lesson = self._known.get(carrier)
        if lesson is None or lesson.account != _digest(account):
            return account
        return change(account, secrets={**account.secrets, **lesson.secrets})

    def keep(self, carrier: str, before: Account, after: Account) -> None:
        """Remember the difference, durably when this returns. A disk that cannot be written is logged."""
        changed = {name: value for name, value in after.secrets.items() if before.secrets.get(name) != value}
        self._known[carrier] = Lesson(account=_digest(before), secrets=changed)
        log.info("the account proves its webhooks in a stronger way from now on", carrier=carrier, what=list(changed))
        if self._path is None:
            return
        try:
            _write(self._path, msgspec.json.encode(self._known))
        except OSError as error:
            log.warning("a lesson is forgotten with this process", file=self._path.name, error=error.strerror)


def _read(path: Path) -> dict[str, Lesson]:
    """Nothing, when there is no file or it is damaged: then the lesson is learned again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Lesson])
    except (OSError, msgspec.DecodeError, UnicodeError):
        return {}


def _write(path: Path, content: bytes) -> None:
    """Blocking, but once in the life of an account."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)


def _digest(account: Account) -> str:
    plain = [account.api_url, *(f"{name}={value}" for name, value in sorted(account.secrets.items()))]
    return hashlib.sha256("\0".join(plain).encode()).hexdigest()
