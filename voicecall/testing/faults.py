"""Fault scripts: what goes wrong between a simulated carrier and the account, decided by a seed alone.

A script is JSON (``--faults FILE``, or ``POST /_network/faults``)::

    {"seed": 7,
     "webhooks": [{"do": "duplicate", "of": "call.*", "chance": 0.5}, {"do": "delay", "ms": 300}],
     "rest": [{"do": "fail", "of": "POST /calls", "status": 503, "times": 2}],
     "media": [{"do": "cut", "afterMs": 4000, "times": 1}]}

``of`` is a pattern (``*`` and ``?``) over a webhook's kind, or over a request's method and path. Without ``chance`` a
rule strikes every time; ``times`` bounds how often (0: no bound). Whether a rule strikes the n-th message of a kind
depends on the seed, the rule's place, the kind and n: not on what else happens meanwhile.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, TypeVar

import msgspec
from attrs import define, field, frozen

Count = Annotated[int, msgspec.Meta(ge=0)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=600_000)]


class BadFaults(ValueError):
    """A fault script cannot be read. The text names the field."""


class Rule(msgspec.Struct, frozen=True, rename="camel", tag_field="do", forbid_unknown_fields=True, kw_only=True):
    """When a fault strikes."""

    of: str = "*"
    chance: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    times: Count = 0


class Duplicate(Rule, frozen=True, tag="duplicate", kw_only=True):
    """The webhook comes again, so many times."""

    copies: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1


class Delay(Rule, frozen=True, tag="delay", kw_only=True):
    """The webhook, and what comes after it for the same URL, waits."""

    ms: Milliseconds


class Reorder(Rule, frozen=True, tag="reorder", kw_only=True):
    """The webhook comes after the next one for the same URL, or alone if none comes for ``hold_ms``."""

    hold_ms: Milliseconds = 1_000


class Drop(Rule, frozen=True, tag="drop", kw_only=True):
    """The webhook never comes. Of a request for instructions it is the first attempt that gets no answer."""


class WrongSignature(Rule, frozen=True, tag="wrongSignature", kw_only=True):
    """The webhook's signature is spoiled, on every attempt."""


class Fail(Rule, frozen=True, tag="fail", kw_only=True):
    """The API answers with an error; ``carried_out``: after having done what was asked."""

    status: Annotated[int, msgspec.Meta(ge=500, le=599)] = 503
    carried_out: bool = False


class Limit(Rule, frozen=True, tag="limit", kw_only=True):
    """The API answers 429 and does nothing."""

    retry_after_s: Count = 1


class Slow(Rule, frozen=True, tag="slow", kw_only=True):
    """The API does what was asked, and answers after a while."""

    ms: Milliseconds


class AnswerLate(Rule, frozen=True, tag="answerLate", kw_only=True):
    """The API answers when the next webhook was delivered, at the latest after ``ms``."""

    ms: Milliseconds = 5_000


class Cut(Rule, frozen=True, tag="cut", kw_only=True):
    """A media stream breaks so long after it began. ``of`` is matched with its URL."""

    after_ms: Milliseconds


class Refuse(Rule, frozen=True, tag="refuse", kw_only=True):
    """A media stream cannot be opened. ``of`` is matched with its URL, at every attempt."""


class FaultScript(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is to go wrong."""

    seed: int = 0
    webhooks: tuple[Duplicate | Delay | Reorder | Drop | WrongSignature, ...] = ()
    rest: tuple[Fail | Limit | Slow | AnswerLate, ...] = ()
    media: tuple[Cut | Refuse, ...] = ()


def load_faults(data: Any) -> FaultScript:
    """A script from plain JSON data. Raises ``BadFaults``."""
    try:
        return msgspec.convert(data, FaultScript)
    except msgspec.ValidationError as error:
        raise BadFaults(f"faults: {error}") from error


@frozen(kw_only=True)
class Treatment:
    """What is done to one webhook; ``hold_s`` is 0 when it keeps its place."""

    copies: int = 0
    delay_s: float = 0.0
    hold_s: float = 0.0
    dropped: bool = False
    spoiled: bool = False


Any_ = TypeVar("Any_", bound=Rule)


@define
class Faults:
    """A script being played. ``struck`` counts faults by name, for the report."""

    script: FaultScript = field(factory=FaultScript)
    struck: Counter[str] = field(factory=Counter[str])
    _seen: Counter[tuple[str, int, str]] = field(factory=Counter[tuple[str, int, str]])
    _used: Counter[tuple[str, int]] = field(factory=Counter[tuple[str, int]])

    def play(self, script: FaultScript) -> None:
        """From now on this script counts, from its beginning."""
        self.script = script
        self._seen.clear()
        self._used.clear()

    def webhook(self, kind: str) -> Treatment:
        """What is done to a webhook of this kind."""
        copies, delay_s, hold_s, dropped, spoiled = 0, 0.0, 0.0, False, False
        for fault in self._striking("webhooks", self.script.webhooks, kind):
            match fault:
                case Duplicate():
                    copies += fault.copies
                case Delay():
                    delay_s += fault.ms / 1000
                case Reorder():
                    hold_s = max(hold_s, fault.hold_ms / 1000)
                case Drop():
                    dropped = True
                case WrongSignature():
                    spoiled = True
        return Treatment(copies=copies, delay_s=delay_s, hold_s=hold_s, dropped=dropped, spoiled=spoiled)

    def request(self, method: str, path: str) -> list[Fail | Limit | Slow | AnswerLate]:
        """What goes wrong with a request to the API."""
        return list(self._striking("rest", self.script.rest, f"{method} {path}"))

    def stream_lasts_s(self, url: str) -> float | None:
        """How long a media stream holds; None when it cannot be opened."""
        lasts_s = math.inf
        for fault in self._striking("media", self.script.media, url):
            match fault:
                case Refuse():
                    return None
                case Cut():
                    lasts_s = min(lasts_s, fault.after_ms / 1000)
        return lasts_s

    def _striking(self, section: str, rules: Sequence[Any_], kind: str) -> Iterator[Any_]:
        for index, rule in enumerate(rules):
            if not fnmatchcase(kind, rule.of):
                continue
            if rule.times and self._used[section, index] >= rule.times:
                continue
            self._seen[section, index, kind] += 1
            draw = f"{self.script.seed}/{section}/{index}/{kind}/{self._seen[section, index, kind]}"
            if _fraction(draw) < rule.chance:
                self._used[section, index] += 1
                self.struck[f"{section}.{rule.__struct_config__.tag}"] += 1
                yield rule


def _fraction(text: str) -> float:
    """A number from 0 to below 1 that looks like chance and is none."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / (1 << 48)
