"""Asking a carrier's API something that changes nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from attrs import field, frozen

from voicecall.ports import Fetch, HttpRequest

Plain = Mapping[str, Any]


def basic(name: str, secret: str) -> dict[str, str]:
    """The header that opens an API which wants a name and a secret (RFC 7617)."""
    pair = base64.b64encode(f"{name}:{secret}".encode()).decode("ascii")
    return {"authorization": f"Basic {pair}"}


@frozen(kw_only=True)
class Answer:
    """``status`` 0 and an ``error`` when none came. ``plain`` is the JSON object in the body, empty for anything else;
    ``date`` what the carrier's clock says (RFC 9110, "Date"), or ""."""

    status: int
    plain: Plain = field(factory=dict[str, Any], repr=False)
    error: str = ""
    date: str = ""


@frozen(kw_only=True)
class Api:
    """An account's API at ``base``, and the headers that open it."""

    base: str
    headers: Mapping[str, str] = field(repr=False)
    fetch: Fetch

    @property
    def host(self) -> str:
        """Where it is, for people."""
        return urlsplit(self.base).netloc

    async def get(self, path: str) -> Answer:
        """One resource. Never raises for what the network does."""
        exchange = await self.fetch(HttpRequest(method="GET", url=self.base + path, headers=self.headers))
        response = exchange.response
        if response is None:
            return Answer(status=0, error=exchange.error)
        try:
            found = msgspec.json.decode(response.body, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            found = {}
        return Answer(status=response.status, plain=found, date=response.headers.get("date", ""))


def rows(plain: Plain, name: str) -> list[Plain]:
    """The objects in a list."""
    found = plain.get(name)
    if not isinstance(found, list):
        return []
    return [cast("Plain", one) for one in cast("list[object]", found) if isinstance(one, dict)]


def part(plain: Plain, name: str) -> Plain:
    """An object inside another."""
    found = plain.get(name)
    return cast("Plain", found) if isinstance(found, dict) else {}


def text(plain: Plain, name: str) -> str:
    """A value as text; "" for none."""
    found = plain.get(name)
    return "" if found is None else str(found)


def is_spent(amount: str) -> bool:
    """Whether an amount of money is none, or less."""
    try:
        return float(amount) <= 0
    except ValueError:
        return False
