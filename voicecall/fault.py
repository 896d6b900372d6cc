"""What fails in one place stays there, and its log line holds no payload.

An exception's text may quote what a stranger sent (a header, a phone number, a transcript), so the operator's log gets
the exception's type and the place in the code, never its text. The journal, which may hold such things, gets its words.
"""

from __future__ import annotations

from types import TracebackType
from typing import cast

from attrs import define


@define(eq=False)
class Caught:
    """``with Caught() as caught``: an exception ends the block and is kept in ``error``; cancellation passes, alone.

    >>> with Caught() as caught:
    ...     1 / 0
    >>> describe(caught.error)
    'ZeroDivisionError at <stdin>:2'
    """

    error: Exception | None = None

    def __enter__(self) -> Caught:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self.error = error
            return True
        if isinstance(error, BaseExceptionGroup):
            faults, rest = cast("BaseExceptionGroup[BaseException]", error).split(Exception)
            if isinstance(faults, Exception) and rest is not None:
                self.error = faults
                raise rest
        return False


def first(error: BaseException) -> BaseException:
    """The exception itself, or the first one inside nested groups."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def kinds(error: BaseException) -> list[str]:
    """The types of an exception, or of those in a group."""
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return [kind for one in inner for kind in kinds(one)]
    return [type(error).__name__]


def place(error: BaseException) -> str:
    """``file:line`` where an exception was raised; of a group, where its first one was."""
    trace = first(error).__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"


def describe(error: BaseException) -> str:
    """What failed and where, fit for a log."""
    return f"{', '.join(kinds(error))} at {place(error)}"


def words(error: BaseException) -> str:
    """What failed, as its first cause puts it: for the journal, not for a log."""
    cause = first(error)
    return f"{type(cause).__name__}: {cause}" if str(cause) else describe(cause)
