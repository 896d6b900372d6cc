"""What no log may hold: secrets of the configuration, telephone numbers and, unless asked for, what people say.

The code logs none of it by itself; this is for what slips through, and for what other people's libraries quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, cast
from urllib.parse import quote

import attrs
from attrs import define, field

from voicecall.config.problems import sounds_secret
from voicecall.config.secret import MASK, Secret

NUMBER = "[number]"
SPOKEN = frozenset({"text", "said", "heard", "reply", "prompt", "transcript", "greeting", "instructions"})
"""Fields of a message that hold what somebody said, or is to be told."""
LEAST = 4
"""A secret of fewer characters could be any word; it is left alone."""
DEEPEST = 8

_PLAIN = bool | int | float | None
_NUMBERS = re.compile(
    # With a plus (also as URLs write it), then 7 to 15 digits, grouped or not; without one, 10 to 15 in a row that are
    # not part of a longer name, a fraction or an id.
    r"(?:\+|%2B)[ ().-]{0,2}\d(?:[ ().-]{0,2}\d){6,14}(?!\d)"
    r"|(?<![\w.:-])\d{10,15}(?![\w-]|\.\d)"
    r"|(?<=sip:)\d{7,15}|(?<=tel:)\d{7,15}",
    re.IGNORECASE,
)
_CREDENTIALS = (
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"(://)[^/\s:@]+:[^/\s@]+@"), rf"\1{MASK}@"),
    (
        re.compile(r"\b((?:\w*token|ticket|\w*api_?key|secret|signature|password)=)[^&\s\"']+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
)


@define
class Redaction:
    """A processor for structlog that takes out of each message what no log may hold.

    ``transcripts``: what people say may stay. ``learn`` it whatever is secret here.
    """

    transcripts: bool = False
    _secrets: set[str] = field(factory=set[str], repr=False)
    _known: re.Pattern[str] | None = field(default=None, repr=False)

    def learn(self, secrets: Iterable[str]) -> None:
        """These are secret from now on, as they are and as URLs write them."""
        for secret in secrets:
            if len(secret) >= LEAST:
                self._secrets |= {secret, quote(secret, safe="")}
        if self._secrets:
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._known = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, logger: object, method: str, message: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The message as it may be shown. Times of our own are added later."""
        del logger, method
        return cast("dict[str, Any]", self._plain(message, 0))

    def text(self, text: str) -> str:
        """A text as it may be shown."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern, instead in _CREDENTIALS:
            text = pattern.sub(instead, text)
        return _NUMBERS.sub(NUMBER, text)

    def _plain(self, value: object, depth: int) -> object:
        """Plain data that says the same without what must not be said; what is no plain data, in its own words."""
        match value:
            case Secret():
                return MASK
            case str():
                return self.text(value)
            case _ if isinstance(value, _PLAIN):
                return value
            case Mapping() if depth < DEEPEST:
                pairs = cast("Mapping[object, object]", value).items()
                return {self.text(str(name)): self._field(str(name), one, depth + 1) for name, one in pairs}
            case list() | tuple() | set() | frozenset() if depth < DEEPEST:
                return [self._plain(one, depth + 1) for one in cast("Iterable[object]", value)]
            case BaseException():
                return type(value).__name__  # its text may quote anybody
            case _:
                return self.text(str(value))

    def _field(self, name: str, value: object, depth: int) -> object:
        if name in SPOKEN and not self.transcripts and isinstance(value, str) and value:
            return f"({len(value)} characters)"
        if depth > 1 and isinstance(value, str) and value and sounds_secret(name):
            return MASK  # inside what a library shows: headers, options; our own fields have known names
        return self._plain(value, depth)


def secrets_of(value: object) -> Iterator[str]:
    """Every secret in a configuration: the values of its ``Secret`` fields, and, in what vendors' objects hold beside
    the known keys, the texts whose key sounds like one."""
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, Mapping):
        for name, one in cast("Mapping[object, object]", value).items():
            if isinstance(one, str) and sounds_secret(str(name)):
                yield one
            yield from secrets_of(one)
    elif isinstance(value, list | tuple):
        for one in cast("Iterable[object]", value):
            yield from secrets_of(one)
    elif attrs.has(type(value)):
        for one in attrs.fields(cast("Any", type(value))):
            yield from secrets_of(getattr(value, one.name))
