"""What of a text was heard, when so much of its sound was."""

from __future__ import annotations

import re
from collections.abc import Iterator

from voicecall.events.sound import WordEnd

UNSPACED = "\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff9f"
"""Characters of scripts that put no space between words: there each one is a word."""
WORD = re.compile(f"[{UNSPACED}]|[^\\s{UNSPACED}]+")


def heard_text(text: str, heard_ms: int, length_ms: int, ends: tuple[WordEnd, ...] = ()) -> str:
    """The words of ``text`` that ended before ``heard_ms`` of the ``length_ms`` of its sound.

    ``ends`` are those that the voice told; what comes after them is spread evenly over the rest of the sound.
    """
    if heard_ms <= 0 or length_ms <= 0:
        return ""
    if heard_ms >= length_ms:
        return text
    place, since_ms = 0, 0
    for end, end_ms in ends:
        if end_ms > heard_ms:
            return text[:place]
        place, since_ms = end, end_ms
    limit = place + (len(text) - place) * (heard_ms - since_ms) / (length_ms - since_ms)
    return text[: max((word.end() for word in WORD.finditer(text, place) if word.end() <= limit), default=place)]


def letters(text: str) -> Iterator[tuple[int, str]]:
    """The letters and digits of a text and where they are: what two spellings of the same words have in common."""
    return ((place, one.casefold()) for place, one in enumerate(text) if one.isalnum())


def word_ends(text: str) -> dict[int, int]:
    """For each place of a word's last letter, where that word ends."""
    ends: dict[int, int] = {}
    for word in WORD.finditer(text):
        last = max((place for place, _ in letters(word.group())), default=-1)
        if last >= 0:
            ends[word.start() + last] = word.end()
    return ends
