"""How patient a webhook is: what an attempt's failure is called, and what the fragment of a URL says about it.

Twilio ("Connection overrides") and Plivo read timeouts and retries from the fragment of a URL that they were given:
``#ct=2000&rt=5000&tt=10000&rc=2&rp=5xx,ct,rt``. The fragment is neither sent nor signed.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import parse_qsl, urldefrag

import attrs
from attrs import field, frozen

from voicecall.ports import Exchange
from voicecall.testing.dialect import Patience, Trouble

LATER = frozenset({408, 425, 429})
"""Statuses that ask to come again later."""
RETRIES = 5
"""The most that ``rc`` may say, at either vendor."""
POLICIES: dict[str, frozenset[Trouble]] = {
    "ct": frozenset({"ct"}),
    "rt": frozenset({"rt"}),
    "4xx": frozenset({"4xx"}),
    "5xx": frozenset({"5xx"}),
    "all": frozenset({"ct", "rt", "4xx", "5xx"}),
}


class BadFragment(ValueError):
    """The fragment of a URL does not follow the vendor's rules. The text names the key and what it may be."""


@frozen(kw_only=True)
class FragmentRules:
    """What a vendor lets a fragment say, and what counts without one. ``others`` are keys without meaning here.

    ``pause_s`` is from one attempt to the next; the vendors publish none.
    """

    usual: Patience
    connect_ms: tuple[int, int] = (100, 10_000)
    read_ms: tuple[int, int]
    total_ms: tuple[int, int]
    pause_s: float = 1.0
    others: frozenset[str] = field(factory=frozenset[str])


def patience_of(url: str, rules: FragmentRules) -> Patience:
    """What the fragment of ``url`` orders. Raises ``BadFragment``."""
    fragment = urldefrag(url).fragment
    found: dict[str, str] = {}
    for name, value in parse_qsl(fragment, keep_blank_values=True):
        if name in found:
            raise BadFragment(f"#{name}: is there twice")
        found[name] = value
    unknown = found.keys() - {"ct", "rt", "tt", "rc", "rp"} - rules.others
    if unknown:
        raise BadFragment(f"#{min(unknown)}: there is no such key")
    if fragment and not found:
        raise BadFragment(f"#{fragment}: is not key=value")
    patience = rules.usual
    _number(found, "ct", rules.connect_ms)
    if (read := _number(found, "rt", rules.read_ms)) is not None:
        patience = attrs.evolve(patience, read_s=read / 1000)
    if (total := _number(found, "tt", rules.total_ms)) is not None:
        patience = attrs.evolve(patience, total_s=total / 1000)
    if (retries := _number(found, "rc", (0, RETRIES))) is not None:
        patience = attrs.evolve(patience, pauses_s=(rules.pause_s,) * retries)
    return attrs.evolve(patience, again=_policies(found["rp"])) if "rp" in found else patience


def _number(found: dict[str, str], name: str, bounds: tuple[int, int]) -> int | None:
    if name not in found:
        return None
    text, (least, most) = found[name], bounds
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise BadFragment(f"#{name}: must be a number from {least} to {most}, got {text!r}")
    return int(text)


def _policies(text: str) -> frozenset[Trouble]:
    again: frozenset[Trouble] = frozenset()
    for name in text.split(","):
        if name not in POLICIES:
            raise BadFragment(f"#rp: {name!r} is none of {', '.join(POLICIES)}")
        again |= POLICIES[name]
    return again


def troubles_of(exchange: Exchange) -> frozenset[Trouble]:
    """Every name for what went wrong; empty when the attempt was taken."""
    if exchange.response is None:
        return frozenset({"rt" if exchange.sent else "ct"})
    status = exchange.response.status
    if 200 <= status < 300:
        return frozenset()
    if status >= 500:
        return frozenset({"5xx"})
    return cast("frozenset[Trouble]", frozenset({"4xx", "later"} if status in LATER else {"4xx"}))


def bare(url: str) -> str:
    """A URL without its fragment."""
    return urldefrag(url).url
