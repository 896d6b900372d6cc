"""The logs of ``serve``: on stderr, and for clients that ask for them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from voicecall.config import Config
from voicecall.log import get_logger
from voicecall.logs.redaction import Redaction, secrets_of
from voicecall.logs.setting_up import Format, Level, logging_set_up
from voicecall.rpc.logs import LogFeed

KEPT = ("mock.key", "rpc.token")
"""Files of the state directory that hold a secret as text."""

log = get_logger(__name__)


@frozen(kw_only=True)
class Logs:
    """Where logs go besides stderr, and what must not be in them."""

    feed: LogFeed
    redaction: Redaction

    def know(self, config: Config, state: Path) -> None:
        """Take the secrets of a configuration, and of a state directory, out of whatever is logged from now on."""
        self.redaction.transcripts = config.logging.transcripts
        self.redaction.learn(secrets_of(config))
        self.redaction.learn((state / name).read_text().strip() for name in KEPT if (state / name).exists())

    def critical(self, words: str, *, exc_info: BaseException) -> None:
        """Log what ends the process."""
        log.critical(words, exc_info=exc_info)


@contextmanager
def open_logs(form: Format | None, level: Level) -> Generator[Logs]:
    """See ``logging_set_up``."""
    feed = LogFeed()
    with logging_set_up(feed, form=form, level=level) as redaction:
        yield Logs(feed=feed, redaction=redaction)
