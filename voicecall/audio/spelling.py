"""Where the words of an utterance end in its sound, by its voice's own spelling."""

from __future__ import annotations

from attrs import define, field

from voicecall.core.heard import letters, word_ends
from voicecall.events.sound import WordEnd
from voicecall.ports import Wording


@define
class Spelling:
    """Follows the voice through ``text`` by letters and digits alone: white space and marks may be others.

    From the first letter on that is another, nothing more is known: the voice says other words, or others are meant.
    """

    text: str
    _places: list[tuple[int, str]] = field(init=False)
    _ends: dict[int, int] = field(init=False)
    _next: int = 0
    _until_ms: int = 0
    _lost: bool = False

    def __attrs_post_init__(self) -> None:
        self._places = list(letters(self.text))
        self._ends = word_ends(self.text)

    def take(self, wording: Wording) -> list[WordEnd]:
        """The words that have ended by what the voice tells now; in order, and never before one of earlier."""
        found: list[WordEnd] = []
        for (_, letter), end_ms in _timed(wording):
            if self._lost or self._next == len(self._places) or self._places[self._next][1] != letter:
                self._lost = True
                break
            place = self._places[self._next][0]
            self._next += 1
            self._until_ms = max(self._until_ms, end_ms)
            if place in self._ends:
                found.append((self._ends[place], self._until_ms))
        return found


def _timed(wording: Wording) -> list[tuple[tuple[int, str], int]]:
    return [((place, one), wording.ends_ms[place]) for place, one in letters(wording.text)]
