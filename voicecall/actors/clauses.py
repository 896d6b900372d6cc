"""Text as it streams in, cut into clauses that can be spoken one by one.

A clause ends with its sentence. The first one of a reply may also end at a comma, because the person waits for it; a
later one only when it is long. Where it ends does not depend on the pieces in which the text comes.
"""

from __future__ import annotations

import re

from attrs import define

FIRST, LONG = 40, 160
"""A comma ends the first clause, or a later one, that has so many bytes of UTF-8: a letter of a script that says more
with one also counts more."""
LONGEST = 240
"""Without any mark a clause ends between two words."""
CLOSING = "\"'\u2019\u201d\u00bb)\\]\u300d\u300f\uff09"
BREAK = re.compile(
    rf"(?P<stop>[.!?\u2026]+[{CLOSING}]*(?=\s)|[\u3002\uff01\uff1f]+[{CLOSING}]*(?=[^\u3002\uff01\uff1f{CLOSING}])|\n)"
    r"|(?P<pause>[,;:\u2013\u2014](?=\s)|[\uff0c\u3001\uff1b\uff1a])"
    r"|(?P<space>\s)"
)
NEVER = frozenset(
    {"mr", "mrs", "ms", "dr", "prof", "st", "vs", "e.g", "i.e", "z.b", "d.h", "bzw", "ca", "nr", "approx"}
)
"""Abbreviations that something follows."""
SELDOM = frozenset({"a.m", "p.m", "etc", "jr", "sr", "inc", "ltd", "co", "u.s"})
"""Abbreviations that a sentence may end with: the next word tells by its first letter."""


@define
class Clauses:
    """``feed`` gives the clauses that are complete, ``rest`` what is left at the end."""

    _text: str = ""
    _begun: bool = False

    def feed(self, piece: str) -> list[str]:
        """Clauses completed by ``piece``, without surrounding white space."""
        self._text += piece
        complete: list[str] = []
        while end := _end(self._text, LONG if self._begun else FIRST):
            clause, self._text = self._text[:end].strip(), self._text[end:]
            if clause:
                complete.append(clause)
                self._begun = True
        return complete

    def rest(self) -> list[str]:
        """The last clause, if there is one."""
        last, self._text = self._text.strip(), ""
        return [last] if last else []


def _end(text: str, enough: int) -> int:
    """Where the first clause of ``text`` ends, or 0."""
    for found in BREAK.finditer(text):
        size = len(text[: found.end()].strip().encode())
        match found.lastgroup:
            case "stop" if found.group() != "." or _is_end(text[: found.start()], text[found.end() :]):
                return found.end()
            case "pause" if size >= enough:
                return found.end()
            case "space" if size >= LONGEST:
                return found.end()
            case _:
                pass
    return 0


def _is_end(before: str, after: str) -> bool:
    """Whether a full stop between these two ends a sentence. Not after an abbreviation, an initial or the number of a
    list's item; where only the next word can tell, not before it is there."""
    word = before.split()[-1].lstrip("\"'([\u201c\u2018").rstrip(".") if before.split() else ""
    if word.lower() in SELDOM:
        return after.strip() != "" and not after.lstrip()[0].islower()
    initial = len(word) == 1 and word.isupper() and word != "I"
    return not (word.lower() in NEVER or initial or before.strip().isdigit())
