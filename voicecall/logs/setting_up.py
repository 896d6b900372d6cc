"""Logging for a process that serves: our own messages and those of the libraries we use, one line each on stderr.

Everything takes the same way: level, what must not be seen taken out, whoever reads along over RPC, time, and then text
or JSON. What Python would print by itself (warnings, exceptions that nobody catches) takes it too.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Generator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, Literal, TextIO, cast

import structlog
from attrs import frozen

from voicecall.log import get_logger
from voicecall.logs.redaction import Redaction
from voicecall.logs.tracebacks import Tracebacks

Processor = Callable[[Any, str, MutableMapping[str, Any]], Any]
Format = Literal["json", "text"]
Level = Literal["debug", "info", "warning", "error"]
RANKS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}

log = get_logger(__name__)


@contextmanager
def logging_set_up(feed: Processor, *, form: Format | None = None, level: Level = "info") -> Generator[Redaction]:
    """Log to stderr while inside, and to the ``feed``; ``form`` None is text on a terminal, else JSON.

    Libraries are heard from ``warning`` on, with ``debug`` from ``info`` on: what they say below that quotes what is
    sent and received.
    """
    redaction = Redaction()
    terminal = sys.stderr.isatty()
    plain: Any = structlog.dev.ConsoleRenderer(colors=terminal, pad_event_to=0, sort_keys=False)
    render: Processor = plain if (form or ("text" if terminal else "json")) == "text" else _json()
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        Tracebacks(redaction),
        redaction,
        structlog.processors.TimeStamper(fmt="iso"),
        feed,
    ]
    stream = Unfailing(sys.stderr)
    structlog.configure(
        processors=[*shared, _from(level), render],
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", stream)),
    )
    try:
        with _libraries(stream, shared, render, logging.INFO if level == "debug" else max(30, RANKS[level])), _hooks():
            yield redaction
    finally:
        structlog.reset_defaults()


def _json() -> Processor:
    return cast("Processor", structlog.processors.JSONRenderer(ensure_ascii=False))


def _from(level: Level) -> Processor:
    """Lets pass what is at least as important."""
    least = RANKS[level]

    def pass_on(logger: object, method: str, message: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        del logger, method
        if RANKS.get(str(message.get("level")), least) < least:
            raise structlog.DropEvent
        return message

    return pass_on


@contextmanager
def _libraries(stream: Unfailing, shared: list[Processor], render: Processor, least: int) -> Generator[None]:
    """Messages of the standard library's logging, and warnings, are messages of ours."""
    out = logging.StreamHandler(cast("TextIO", stream))
    out.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *cast("Any", shared)],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, cast("Any", render)],
        )
    )
    out.setLevel(least)
    root = logging.getLogger()
    before, level, told = root.handlers[:], root.level, logging.raiseExceptions
    root.handlers[:] = [out]
    root.setLevel(least)
    logging.raiseExceptions = False  # a message that cannot be formatted would be printed with all that it holds
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        logging.raiseExceptions = told
        root.handlers[:] = before
        root.setLevel(level)


@contextmanager
def _hooks() -> Generator[None]:
    """What Python prints of exceptions in threads and finalizers is a message, too."""

    def in_thread(told: threading.ExceptHookArgs) -> None:
        log.error("a thread failed", exc_info=told.exc_value)

    def in_finalizer(told: sys.UnraisableHookArgs) -> None:
        log.error("an exception was ignored", exc_info=told.exc_value)

    before = threading.excepthook, sys.unraisablehook
    threading.excepthook, sys.unraisablehook = in_thread, in_finalizer
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = before


@frozen
class Unfailing:
    """A stream for logs. Nobody may be reading it any more, or it is closed, and no call must end for that."""

    stream: TextIO

    def write(self, text: str) -> None:
        """Write if possible."""
        with suppress(OSError, ValueError):
            self.stream.write(text)

    def flush(self) -> None:
        """Flush if possible."""
        with suppress(OSError, ValueError):
            self.stream.flush()
