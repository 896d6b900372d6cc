"""Where something failed, fit for a log: the types and the places, no values of variables.

The text of an exception may quote a stranger, a caller or a key, so it is told only where transcripts are, too.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, cast

from attrs import frozen

from voicecall.logs.redaction import Redaction

FRAMES = 40
"""Of a deep stack the innermost places."""


@frozen
class Tracebacks:
    """A processor for structlog: ``exc_info`` becomes ``failure``, a list of lines."""

    redaction: Redaction

    def __call__(self, logger: object, method: str, message: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Put what ``exc_info`` stands for in its place."""
        del logger, method
        error = _exception(message.pop("exc_info", None))
        if error is not None:
            message["failure"] = failure(error, texts=self.redaction.transcripts)
        return message


def failure(error: BaseException, *, texts: bool = False) -> list[str]:
    """An exception, what it came from, and the places of each; with ``texts`` also what each says."""
    lines: list[str] = []
    _tell(error, lines, "", texts=texts, seen=set())
    return lines


def _tell(error: BaseException, lines: list[str], indent: str, *, texts: bool, seen: set[int]) -> None:
    if id(error) in seen:
        return
    seen.add(id(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        _tell(cause, lines, indent, texts=texts, seen=seen)
    lines.append(f"{indent}{type(error).__name__}{f': {error}' if texts and str(error) else ''}")
    lines.extend(f"{indent}  {place}" for place in _places(error.__traceback__))
    if isinstance(error, BaseExceptionGroup):
        for one in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            _tell(one, lines, indent + "  ", texts=texts, seen=seen)


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.StackSummary.extract(traceback.walk_tb(trace), lookup_lines=False)[-FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _exception(told: object) -> BaseException | None:
    """What logging calls ``exc_info``: an exception, true for the one that is being dealt with, or a triple with it."""
    if isinstance(told, tuple):
        return next((one for one in cast("tuple[object, ...]", told) if isinstance(one, BaseException)), None)
    if isinstance(told, BaseException):
        return told
    return sys.exception() if told else None
