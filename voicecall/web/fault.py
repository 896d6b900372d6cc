"""What fails at the door stays at the door, and its log line holds no payload.

An exception's text may quote what a stranger sent (a header, a phone number, a transcript), so the operator's log gets
the exception's type and the place in the code, never its text.
"""

from __future__ import annotations

import re
from types import TracebackType

from voicecall.fault import Caught, kinds, place
from voicecall.log import get_logger

log = get_logger(__name__)

REASON_CHARS = 200
_QUERY = re.compile(r"\?\S*")
_NUMBER = re.compile(r"\+?\d{7,}")
_HEADER_NAME = r"(?:[a-z]{1,12}[0-9]{0,5}-)+[a-z]{1,12}[0-9]{0,5}(?![A-Za-z0-9+/_=-])"
_TOKEN = re.compile(rf"(?<![A-Za-z0-9+/_=-])(?!{_HEADER_NAME})[A-Za-z0-9+/_=-]{{24,}}")


class Contained:
    """``with Contained("what failed")``: an unexpected exception ends the block and is logged; cancellation passes.

    >>> with Contained("arithmetic failed") as contained:
    ...     1 / 0
    >>> contained.failed
    True
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._caught = Caught()

    @property
    def failed(self) -> bool:
        """Whether the block ended with an exception."""
        return self._caught.error is not None

    def __enter__(self) -> Contained:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            return self._caught.__exit__(kind, error, trace)
        finally:
            if (failure := self._caught.error) is not None:
                log.error(self._what, error=", ".join(kinds(failure)), where=place(failure))


def redacted(reason: str) -> str:
    """A reason fit for a log: no query strings, numbers or tokens that a stranger put there, one line, not long."""
    text = "".join(char if char.isprintable() else " " for char in reason)
    for pattern, stand_in in ((_QUERY, "?…"), (_TOKEN, "…"), (_NUMBER, "…")):
        text = pattern.sub(stand_in, text)
    return text[:REASON_CHARS]
