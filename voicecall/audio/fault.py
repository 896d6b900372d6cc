"""What fails in one call's sound stays in that call, and its log line quotes nobody.

An exception's text may hold what a stranger sent, so a log gets its type and its place in the code; the journal, which
may hold such things, gets its words.
"""

from __future__ import annotations

from types import TracebackType

from attrs import define


@define(eq=False)
class Caught:
    """``with Caught() as caught``: an exception ends the block and is kept in ``error``; cancellation passes.

    >>> with Caught() as caught:
    ...     1 / 0
    >>> caught.words
    'ZeroDivisionError: division by zero'
    """

    error: Exception | None = None

    def __enter__(self) -> Caught:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = error
        return True

    @property
    def words(self) -> str:
        """Type and text, for the journal."""
        return f"{type(self.error).__name__}: {self.error}"

    @property
    def place(self) -> str:
        """Type and place, for a log."""
        trace = None if self.error is None else self.error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        return f"{type(self.error).__name__}{where}"
