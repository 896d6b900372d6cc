"""Marks for the eye: emphasis, headings, lists, quotes, rules, tables, links, tags and code.

The words stay, the marks go. Code does not stay: a fence that names a language holds what nobody wants to hear. Numbers
of a list stay, because ``24. Dezember`` may be the answer. A mark is judged by what stands before and behind it, so at
most the few characters are held back that what follows may turn into a mark; of a link, all up to its end.
"""

from __future__ import annotations

import re
from html import unescape

from attrs import define

_MARGIN = re.compile(r"[ \t>#*+\-=_:|•~`]*")
"""Everything that the marks at the beginning of a line are made of."""
_BLOCK = re.compile(r"[ \t]*(?:(?:>|#{1,6}(?=[ \t])|[-*+•](?=[ \t])|\|)[ \t]*)*")
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_PROSE = ("", "text", "txt", "plain", "plaintext", "markdown", "md")
_PLAIN = re.compile(r"[^\n*_~`\[!\\<|& \t]+|[ \t]+")
_PIPES = re.compile(r"[ \t]*\|[ \t|]*")
_LABELED, _LABEL_BEGUN = re.compile(r"\[([^\[\]\n]*)\]"), re.compile(r"\[[^\[\]\n]*")
_DESTINATION = re.compile(r"\((?:[^()\n]|\([^()\n]*\))*\)|\[[^\[\]\n]*\]")
_DESTINATION_BEGUN = re.compile(r"|\((?:[^()\n]|\([^()\n]*\))*(?:\([^()\n]*)?|\[[^\[\]\n]*")
_NOT_SAID = re.compile(r"\^?\d+|[ xX]")
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)(?:\s[^<>\n]*=[^<>\n]*)?\s*/?>")
_ADDRESS = re.compile(r"<((?:https?://|mailto:)[^<>\s]+|[^<>\s@]+@[^<>\s]+)>")
_TAG_BEGUN = re.compile(r"<(?:/?[A-Za-z][^<>\n]*|[^<>\s]*)")
_BREAKS = ("br", "p", "li", "div", "tr", "h1", "h2", "h3", "h4", "h5", "h6")
_ENTITY, _ENTITY_BEGUN = re.compile(r"&#?\w{1,10};"), re.compile(r"&#?\w{0,10}")
_LABEL, _URL = 300, 2_000
"""Longer than this is no label, no tag and no address of a link."""
_ESCAPABLE = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


@define
class Markdown:
    """See above. ``_before`` is the character before the one that is read, white space at the beginning of a line."""

    _held: str = ""
    _fresh: bool = True
    _row: bool = False
    _before: str = " "
    _fence: str = ""
    _code: bool = False
    _skipping: bool = False

    def feed(self, text: str) -> str:
        """The words, but for what depends on what follows."""
        self._held += text.replace("\r", "")
        return self._read(final=False)

    def rest(self) -> str:
        """The words that were held back."""
        return self._read(final=True)

    def _read(self, *, final: bool) -> str:
        given: list[str] = []
        while self._held:
            if self._skipping:
                said = self._skip()
            elif self._fresh:
                said = self._line(final=final)
            else:
                said = self._inline(final=final)
            if said is None:
                break
            given.append(said)
        return "".join(given)

    def _take(self, length: int, said: str = "") -> str:
        """So many characters are read, and this is said for them."""
        self._held = self._held[length:]
        self._before = said[-1:] or self._before
        return said

    def _skip(self) -> str:
        """The rest of a line of code."""
        _, end, self._held = self._held.partition("\n")
        self._skipping, self._fresh = not end, bool(end)
        return ""

    # --- the beginning of a line ---------------------------------------------------------------------------------

    def _line(self, *, final: bool) -> str | None:
        margin = _MARGIN.match(self._held)
        length = margin.end() if margin else 0
        marks, follows = self._held[:length], self._held[length : length + 1]
        if not follows and not final:
            return None
        empty = follows in ("", "\n")
        fence = _FENCE.match(marks)
        if fence and self._fence:
            if empty and fence[1].startswith(self._fence):
                self._fence, self._code = "", False
                return self._end_line(length)
        elif fence:
            return self._open_fence(fence, final=final)
        if self._code:
            self._skipping = True
            return ""
        if empty:
            return self._end_line(length)
        block = _BLOCK.match(marks)
        self._fresh, self._before = False, " "
        self._held = self._held[block.end() if block else 0 :]
        self._row = "|" in (block[0] if block else "")
        return ""

    def _end_line(self, length: int) -> str:
        self._held = self._held[length + 1 :]
        self._fresh, self._before = True, " "
        return "\n"

    def _open_fence(self, fence: re.Match[str], *, final: bool) -> str | None:
        line, end, _ = self._held.partition("\n")
        if not end and not final:
            return None
        about = line[fence.end() :].strip()
        if "`" in about:  # code in the middle of a line, between many marks
            self._fresh, self._row, self._before = False, False, " "
            return ""
        self._fence = fence[1][:3]
        self._code = about.partition(" ")[0].lower() not in _PROSE
        return self._end_line(len(line))

    # --- inside a line -------------------------------------------------------------------------------------------

    def _inline(self, *, final: bool) -> str | None:
        first = self._held[0]
        match first:
            case "\n":
                return self._end_line(0)
            case "*" | "_" | "~":
                return self._emphasis(first, final=final)
            case "`":
                return self._take(1)
            case "|" | " " | "\t" if self._row:
                return self._pipes(final=final)
            case "|":
                return self._take(1)
            case "\\":
                return self._escaped(final=final)
            case "[" | "!":
                return self._bracket(final=final)
            case "<":
                return self._tag(final=final)
            case "&":
                return self._entity(final=final)
            case _:
                plain = _PLAIN.match(self._held)
                said = plain[0] if plain else first
                return self._take(len(said), said)

    def _emphasis(self, mark: str, *, final: bool) -> str | None:
        run = self._held[: len(self._held) - len(self._held.lstrip(mark))]
        behind = self._held[len(run) : len(run) + 1]
        if not behind and not final:
            return None
        behind = behind or " "
        match mark:
            case "*":
                alone = len(run) == 1 and self._before.isspace() and behind.isspace()
                stays = alone or (self._before.isdigit() and behind.isdigit())
            case "_":
                stays = self._before.isalnum() and behind.isalnum()
            case _:
                stays = len(run) == 1
        return self._take(len(run), run if stays else "")

    def _pipes(self, *, final: bool) -> str | None:
        """The border between two cells of a table is a comma; the one at the end of a row is nothing."""
        pipes = _PIPES.match(self._held)
        blank = len(self._held) - len(self._held.lstrip(" \t"))
        length = pipes.end() if pipes else blank
        behind = self._held[length : length + 1]
        if not behind and not final:
            return None
        if pipes is None:
            return self._take(length, " ")
        return self._take(length, "" if behind in ("", "\n") else ", ")

    def _escaped(self, *, final: bool) -> str | None:
        if len(self._held) == 1 and not final:
            return None
        literal = self._held[1:2]
        if literal and literal in _ESCAPABLE:
            return self._take(2, literal)
        return self._take(1, "" if literal in ("", "\n") else "\\")

    def _bracket(self, *, final: bool) -> str | None:
        """A link is its text, an image its description; the number of a footnote is not said."""
        start = 1 if self._held[0] == "!" else 0
        head = self._held[start : start + _LABEL]
        if start and not head.startswith("["):
            return None if not head and not final else self._take(1, "!")
        label = _LABELED.match(head)
        if label is None:
            waits = not final and len(head) < _LABEL and _LABEL_BEGUN.fullmatch(head)
            return None if waits else self._take(1, self._held[0])
        end = start + label.end()
        behind = self._held[end : end + _URL]
        target = _DESTINATION.match(behind)
        if target:
            self._held = label[1] + self._held[end + target.end() :]
            return ""
        if not final and len(behind) < _URL and _DESTINATION_BEGUN.fullmatch(behind):
            return None
        said = "" if _NOT_SAID.fullmatch(label[1]) else self._held[0]
        return self._take(1 if said else end, said)

    def _tag(self, *, final: bool) -> str | None:
        """An address is said, a tag is not; some tags end a line."""
        head = self._held[:_LABEL]
        address, tag = _ADDRESS.match(head), _TAG.match(head)
        if address:
            return self._take(address.end(), address[1])
        if tag:
            ends_line = tag[1].lower() in _BREAKS
            self._held = ("\n" if ends_line else "") + self._held[tag.end() :]
            return ""
        waits = not final and len(head) < _LABEL and _TAG_BEGUN.fullmatch(head)
        return None if waits else self._take(1, "<")

    def _entity(self, *, final: bool) -> str | None:
        entity = _ENTITY.match(self._held)
        if entity:
            return self._take(entity.end(), unescape(entity[0]))
        waits = not final and _ENTITY_BEGUN.fullmatch(self._held) is not None
        return None if waits else self._take(1, "&")
