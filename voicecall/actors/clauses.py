"""Text as it streams in, cut into clauses that can be spoken one by one."""

from __future__ import annotations

import re

from attrs import define

END = re.compile(r"[.!?\u2026][\"')\]]*(?=\s)|[\u3002\uff01\uff1f]|\n")
"""Where a clause ends: at a full stop before white space, at a CJK full stop, at the end of a line."""
LONG = 160
"""Beyond this many characters a comma is boundary enough."""


@define
class Clauses:
    """``feed`` gives the clauses that are complete, ``rest`` what is left at the end."""

    _text: str = ""

    def feed(self, piece: str) -> list[str]:
        """Clauses completed by ``piece``, without surrounding white space."""
        self._text += piece
        complete: list[str] = []
        start = 0
        for end in END.finditer(self._text):
            complete.append(self._text[start : end.end()])
            start = end.end()
        self._text = self._text[start:]
        if len(self._text) > LONG and ", " in self._text:
            head, _, self._text = self._text.rpartition(", ")
            complete.append(head + ",")
        return [clause.strip() for clause in complete if clause.strip()]

    def rest(self) -> list[str]:
        """The last clause, if there is one."""
        last, self._text = self._text.strip(), ""
        return [last] if last else []
