"""What a model writes for itself: between tags, or as paragraphs of planning before the answer."""

from __future__ import annotations

import re

from attrs import define

NAMES = ("think", "thinking", "thought", "antthinking", "reasoning", "reflection", "analysis", "scratchpad")
_ATTRIBUTES = r"\s[^<>]{0,80}"
_TAG = re.compile(rf"<(/?)({'|'.join(NAMES)})((?:{_ATTRIBUTES})?/?)>", re.IGNORECASE)
_BEGUN = re.compile(rf"<(/?)([a-z]*)({_ATTRIBUTES}|/)?", re.IGNORECASE)
_END_BEGUN = re.compile(r"</?[a-z]{0,12}\s{0,8}\Z", re.IGNORECASE)


@define
class Reasoning:
    """Drops ``<think>…</think>`` and its likes; reasoning that never ends is dropped to the end of the text.

    A tag ends at the first end tag of its own name: a model that reasons about tags opens many and closes one.
    """

    _held: str = ""
    _inside: str = ""

    def feed(self, text: str) -> str:
        """Text outside of reasoning, but for what may be the beginning of a tag."""
        text = self._held + text
        given: list[str] = []
        while True:
            if self._inside:
                end = re.search(rf"</{self._inside}\s{{0,8}}>", text, re.IGNORECASE)
                if end is None:
                    begun = _END_BEGUN.search(text)
                    self._held = begun[0] if begun else ""
                    return "".join(given)
                text, self._inside = text[end.end() :], ""
                continue
            tag = _TAG.search(text)
            if tag is None:
                break
            given.append(text[: tag.start()])
            text = text[tag.end() :]
            self._inside = "" if tag[1] or tag[3].endswith("/") else tag[2]
        bracket = text.rfind("<")
        self._held = text[bracket:] if bracket >= 0 and _may_be_tag(text[bracket:]) else ""
        given.append(text[: len(text) - len(self._held)])
        return "".join(given)

    def rest(self) -> str:
        """What only looked like the beginning of a tag."""
        held, self._held = self._held, ""
        return "" if self._inside else held


def _may_be_tag(text: str) -> bool:
    begun = _BEGUN.fullmatch(text)
    if begun is None:
        return False
    name = begun[2].lower()
    return name in NAMES if begun[3] else any(one.startswith(name) for one in NAMES)


_OPENINGS = ("thinking process", "reasoning:", "analysis:", "the user ")
_PLANS = re.compile(r"\bI (?:should|need to|will)\b|\bI'll\b", re.IGNORECASE)
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*(?=\S)")


@define
class Planning:
    """Drops leading paragraphs that plan the answer ("Reasoning: …", "The user wants …, so I should …"), as long as
    another paragraph follows. Only a text that begins like one is held back."""

    _held: str = ""
    _answering: bool = False

    def feed(self, text: str) -> str:
        """The text from the first paragraph of the answer on."""
        if self._answering:
            return text
        self._held += text
        while _begins_like_a_plan(self._held):
            end = _PARAGRAPH_END.search(self._held.lstrip())
            if end is None:
                return ""
            paragraph = self._held.lstrip()[: end.start()]
            if paragraph.lower().startswith(_OPENINGS[-1]) and not _PLANS.search(paragraph):
                break
            self._held = self._held.lstrip()[end.end() :]
        self._answering = True
        return self.rest()

    def rest(self) -> str:
        """A plan that nothing followed."""
        held, self._held = self._held, ""
        return held


def _begins_like_a_plan(text: str) -> bool:
    """Whether the text begins with one of the openings, or with a part of one as far as it goes."""
    begun = text.lstrip().lower()
    return any(begun.startswith(one[: len(begun)]) for one in _OPENINGS)
