"""Where our messages go: to structlog as the process has set it up, else to the host's ``logging``.

structlog that nobody has set up prints on standard output, which in a program that we are part of is not ours. Such a
program gets standard log records under the name ``voicecall``, and nothing is shown unless it wants to see them.
Whoever logs nothing does not pay for structlog: it is looked up, not imported.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from attrs import frozen

logging.getLogger("voicecall").addHandler(logging.NullHandler())


@frozen
class Log:
    """A logger: an event in words, its details by name. Decides with every message where it goes: a host may set up
    structlog after it has imported us."""

    name: str

    def debug(self, event: str, **details: Any) -> None:
        """For whoever looks for a fault."""
        self._tell("debug", event, details)

    def info(self, event: str, **details: Any) -> None:
        """As it should be."""
        self._tell("info", event, details)

    def warning(self, event: str, **details: Any) -> None:
        """Somebody should look at it."""
        self._tell("warning", event, details)

    def error(self, event: str, **details: Any) -> None:
        """Something failed."""
        self._tell("error", event, details)

    def critical(self, event: str, **details: Any) -> None:
        """Nothing works any more."""
        self._tell("critical", event, details)

    def _tell(self, level: str, event: str, details: dict[str, Any]) -> None:
        structlog = sys.modules.get("structlog")
        if structlog is not None and structlog.is_configured():
            getattr(structlog.get_logger(self.name), level)(event, **details)
            return
        text = " ".join((event, *(f"{name}={value!r}" for name, value in details.items())))
        number = logging.getLevelNamesMapping()[level.upper()]
        logging.getLogger(self.name).log(number, "%s", text, extra={"voicecall": details}, stacklevel=3)


def get_logger(name: str) -> Log:
    """The logger of a module. Use it in place of structlog's."""
    return Log(name)
