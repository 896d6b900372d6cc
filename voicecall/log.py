"""Where our messages go: to structlog as the process has set it up, else to the host's ``logging``.

structlog that nobody has set up prints on standard output, which in a program that we are part of is not ours. Such a
program gets standard log records under the name ``voicecall``, and nothing is shown unless it wants to see them.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any, cast

import structlog
from attrs import frozen
from structlog.typing import FilteringBoundLogger

logging.getLogger("voicecall").addHandler(logging.NullHandler())


@frozen
class _Undecided:
    """Decides with every message: a host may set up structlog after it has imported us."""

    name: str

    def __getattr__(self, method: str) -> Any:
        if structlog.is_configured():
            return getattr(structlog.get_logger(self.name), method)
        theirs = logging.getLogger(self.name)
        return getattr(structlog.wrap_logger(theirs, [_record], structlog.stdlib.BoundLogger), method)


def get_logger(name: str) -> FilteringBoundLogger:
    """The logger of a module. Use it in place of structlog's."""
    return cast("FilteringBoundLogger", _Undecided(name))


def _record(logger: object, method: str, message: MutableMapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A standard record: the message with its details in words, and the details as data under ``record.voicecall``."""
    del logger, method
    details = {name: value for name, value in message.items() if name != "event"}
    text = " ".join((str(message.get("event", "")), *(f"{name}={value!r}" for name, value in details.items())))
    return ("%s", text), {"extra": {"voicecall": details}}
