"""What of an agent's text is for the voice. Pure, and the same however the text is cut into pieces.

A language model writes for the eye, and sometimes for itself: reasoning, a JSON wrapper, markdown. Four filters stand
one behind the other, each with ``feed`` (what can be said for sure so far) and ``rest`` (what was held back, at the
end). They hold back as little as they can: the first clause is spoken while the rest is still being thought.
"""

from __future__ import annotations

import re
from typing import Protocol

from attrs import define, field

from voicecall.core.spoken.markdown import Markdown
from voicecall.core.spoken.reasoning import Planning, Reasoning
from voicecall.core.spoken.wrapper import Wrapper


class Filter(Protocol):
    """Text in, less text out."""

    def feed(self, text: str) -> str:
        """What ``text`` makes certain."""
        ...

    def rest(self) -> str:
        """What was held back and can be said now that nothing follows."""
        ...


@define
class Spaces:
    """Runs of white space become one space, or one line break; none at the beginning.

    The first space of a run is given at once: it is what tells that a sentence has ended.
    """

    _given: str = "\n"

    def feed(self, text: str) -> str:
        """See ``Filter``."""
        given: list[str] = []
        for run in re.findall(r"\s+|\S+", text):
            if not run[0].isspace():
                self._given = ""
                given.append(run)
                continue
            if run[0] != "\n" and not self._given:
                given.append(" ")
                self._given = " "
            if "\n" in run and self._given != "\n":
                given.append("\n")
                self._given = "\n"
        return "".join(given)

    def rest(self) -> str:
        """See ``Filter``."""
        return ""


def _filters() -> tuple[Filter, ...]:
    return Reasoning(), Planning(), Wrapper(), Markdown(), Spaces()


@define
class SpokenText:
    """The whole chain, for one reply."""

    _filters: tuple[Filter, ...] = field(factory=_filters)

    def feed(self, text: str) -> str:
        """See ``Filter``."""
        for one in self._filters:
            text = one.feed(text)
        return text

    def rest(self) -> str:
        """See ``Filter``."""
        text = ""
        for one in self._filters:
            text = one.feed(text) + one.rest()
        return text
