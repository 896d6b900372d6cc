"""JSON around the words: of ``{"spoken": "…"}`` the words are said, as they stream in; of any other object nothing.

The object may stand in a code fence, may have other keys, and need not be the whole text.
"""

from __future__ import annotations

import re
from typing import Literal

from attrs import define

KEY = "spoken"
_OPEN = re.compile(r"(```\w*\s*)?\{\s*(?=[\"}])")
_MAY_OPEN = re.compile(r"(?:`{1,2}|```\w*\s*(?:\{\s*)?|\{\s*)\Z")
_FENCE = re.compile(r"\s*```")
_MAY_BE_FENCE = re.compile(r"\s*`{0,2}")
_SIMPLE = {"n": "\n", "r": "", "t": " ", "b": "", "f": ""}
_ESCAPE_LENGTH = 6
_LOST = "\ufffd"

_Next = Literal["key", "value", "more"]


@define
class Wrapper:
    """Reads JSON as far as it goes, and forgives: a raw line break in a string, an unknown escape, a missing end."""

    _held: str = ""
    _fenced: bool = False
    _depth: int = 0
    _string: str = ""
    """What the string that is being read is: "key", "spoken" or "other"; "" outside of strings."""
    _next: _Next = "key"
    _key: str = ""
    _escape: str = ""
    _high: int = 0

    def feed(self, text: str) -> str:
        """Text outside of objects, and what is to be said inside of them."""
        given: list[str] = []
        text = self._held + text
        self._held = ""
        while text:
            if self._depth:
                said, text = self._read_object(text)
                given.append(said)
            elif self._fenced:
                text = self._leave_fence(text)
            else:
                opened = _OPEN.search(text)
                if opened is None:
                    held = _MAY_OPEN.search(text)
                    end = held.start() if held else len(text)
                    self._held = text[end:]
                    given.append(text[:end])
                    break
                given.append(text[: opened.start()])
                text = text[opened.end() :]
                self._fenced = opened[1] is not None
                self._depth, self._next, self._key = 1, "key", ""
        return "".join(given)

    def rest(self) -> str:
        """What only looked like the beginning of an object."""
        held, self._held = self._held, ""
        return "" if self._fenced else held

    def _leave_fence(self, text: str) -> str:
        """What follows the end of the fence that the object stood in."""
        if _MAY_BE_FENCE.fullmatch(text):
            self._held = text
            return ""
        self._fenced = False
        fence = _FENCE.match(text)
        return text[fence.end() :] if fence else text

    def _read_object(self, text: str) -> tuple[str, str]:
        """What is said in the object, and the text behind it."""
        said: list[str] = []
        for place, character in enumerate(text, 1):
            if self._string:
                said.append(self._read_string(character))
            else:
                self._read_structure(character)
                if not self._depth:
                    return "".join(said) + " ", text[place:]
        return "".join(said), ""

    def _read_structure(self, character: str) -> None:
        match character:
            case '"' if self._depth > 1:
                self._string = "other"
            case '"' if self._next == "value":
                self._string = "spoken" if self._key == KEY else "other"
                self._next = "more"
            case '"':
                self._string, self._key = "key", ""
            case "{" | "[":
                self._depth += 1
                self._next = "more"
            case "}" | "]":
                self._depth -= 1
            case ":" if self._depth == 1:
                self._next = "value"
            case "," if self._depth == 1:
                self._next = "key"
            case _:
                pass

    def _read_string(self, character: str) -> str:
        """What one character of a string says."""
        if self._escape:
            return self._read_escape(character)
        if character == "\\":
            self._escape = character
            return ""
        if character == '"':
            lost = self._lone()
            self._string = ""
            return lost
        return self._say(character)

    def _read_escape(self, character: str) -> str:
        self._escape += character
        if self._escape[1] != "u":
            self._escape = ""
            return self._say(_SIMPLE.get(character, character))
        if len(self._escape) < _ESCAPE_LENGTH:
            return ""
        digits, self._escape = self._escape[2:], ""
        if not re.fullmatch("[0-9a-fA-F]{4}", digits):
            return self._say(digits)
        code = int(digits, 16)
        if 0xD800 <= code < 0xDC00:
            lost, self._high = self._lone(), code
            return lost
        if 0xDC00 <= code < 0xE000:
            high, self._high = self._high, 0
            pair = 0x10000 + (high - 0xD800) * 0x400 + code - 0xDC00
            return self._spoken(chr(pair) if high else _LOST)
        return self._say(chr(code))

    def _say(self, text: str) -> str:
        if self._string == "key":
            self._key += text
        return self._lone() + self._spoken(text)

    def _spoken(self, text: str) -> str:
        return text if self._string == "spoken" else ""

    def _lone(self) -> str:
        """What stands for half a character whose other half did not come."""
        high, self._high = self._high, 0
        return self._spoken(_LOST) if high else ""
