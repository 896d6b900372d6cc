"""What a value may look like: each shape says so in words, and reads a value or reports what is wrong with it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar, cast

from attrs import frozen

from voicecall.config.secret import Secret

Schema = dict[str, Any]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Unusable(Exception):
    """A value cannot be read; its problem has been reported."""


class Report(Protocol):
    """Where readers say what is wrong."""

    def wrong(self, path: str, value: object, allowed: str, *, secret: bool = False) -> Unusable:
        """Note that the value at ``path`` is not what is ``allowed``; the answer is there to be raised."""
        ...


@frozen(kw_only=True)
class Shape(Generic[T_co]):
    """``allowed`` is said to people, ``read`` turns plain data into a value or raises ``Unusable``.

    ``secret`` values are never shown in a problem; ``opaque`` ones (which may hold secrets) nor in a ``repr``.
    ``rows`` is the class whose keys an object of this shape has, for documents and for finding the nearest key.
    ``schema`` says the same in JSON Schema, with a reference to what ``schema.py`` defines for a secret.
    """

    allowed: str
    read: Callable[[object, str, Report], T_co]
    schema: Callable[[], Schema]
    secret: bool = False
    opaque: bool = False
    rows: type[object] | None = None


def leaf(allowed: str, accept: Callable[[object], T | None], schema: Schema, *, secret: bool = False) -> Shape[T]:
    """A shape without parts: ``accept`` gives the value, or None when it is not ``allowed``."""

    def read(value: object, path: str, report: Report) -> T:
        accepted = accept(value)
        if accepted is None:
            raise report.wrong(path, value, allowed, secret=secret)
        return accepted

    return Shape(allowed=allowed, read=read, schema=lambda: dict(schema), secret=secret)


def matching(pattern: str, allowed: str) -> Shape[str]:
    """A string that matches the whole of ``pattern``."""
    compiled = re.compile(pattern)
    schema: Schema = {"type": "string", "pattern": f"^{pattern}$"}
    return leaf(allowed, lambda value: value if isinstance(value, str) and compiled.fullmatch(value) else None, schema)


def integer(least: int, most: int | None = None) -> Shape[int]:
    """A whole number within bounds. JSON5 has one kind of number, so 3e3 is one too; true is not."""
    limits = f"of at least {least}" if most is None else f"from {least} to {most}"

    def accept(value: object) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or value in (math.inf, -math.inf):
            return None
        within = value == value // 1 and value >= least and (most is None or value <= most)
        return int(value) if within else None

    most_of: Schema = {} if most is None else {"maximum": most}
    return leaf(f"a whole number {limits}", accept, {"type": "integer", "minimum": least, **most_of})


def number(least: float, most: float) -> Shape[float]:
    """A number within bounds."""

    def accept(value: object) -> float | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            return None
        return float(value)

    schema: Schema = {"type": "number", "minimum": least, "maximum": most}
    return leaf(f"a number from {least:g} to {most:g}", accept, schema)


def choice(*words: str) -> Shape[Any]:
    """One of ``words``; the attribute's type spells the same words out."""
    listed = " or ".join(f'"{word}"' for word in words) if len(words) < 3 else ", ".join(f'"{word}"' for word in words)
    allowed = listed if len(words) < 3 else f"one of {listed}"
    return leaf(allowed, lambda value: value if value in words else None, {"type": "string", "enum": list(words)})


def listing(item: Shape[T], what: str) -> Shape[tuple[T, ...]]:
    """A list whose items all have one shape; every bad item is reported."""
    allowed = f"a list of {what}"

    def read(value: object, path: str, report: Report) -> tuple[T, ...]:
        if not isinstance(value, list | tuple):
            raise report.wrong(path, value, allowed, secret=item.secret)
        found: list[T] = []
        for index, one in enumerate(cast("list[object]", value)):
            try:
                found.append(item.read(one, f"{path}[{index}]", report))
            except Unusable:
                continue
        return tuple(found)

    def schema() -> Schema:
        return {"type": "array", "items": item.schema()}

    return Shape(allowed=allowed, read=read, schema=schema, secret=item.secret, opaque=item.opaque)


def keyed(name: Shape[str], item: Shape[T], what: str) -> Shape[Mapping[str, T]]:
    """An object whose keys the user chooses."""
    allowed = f"an object of {what}"

    def read(value: object, path: str, report: Report) -> Mapping[str, T]:
        if not isinstance(value, Mapping):
            raise report.wrong(path, value, allowed, secret=item.secret or item.opaque)
        found: dict[str, T] = {}
        for key, one in cast("Mapping[object, object]", value).items():
            try:
                found[name.read(key, f"{path} (a key)", report)] = item.read(one, f"{path}.{key}", report)
            except Unusable:
                continue
        return found

    def schema() -> Schema:
        return {"type": "object", "propertyNames": name.schema(), "additionalProperties": item.schema()}

    return Shape(allowed=allowed, read=read, schema=schema, secret=item.secret, opaque=item.opaque, rows=item.rows)


def _milliseconds(value: object) -> tuple[int, ...] | None:
    if not isinstance(value, list | tuple):
        return None
    given = cast("list[object]", value)
    steps = tuple(one for one in given if isinstance(one, int) and not isinstance(one, bool))
    rises = all(one < next_one for one, next_one in pairwise((0, *steps)))
    return steps if len(steps) == len(given) and len(steps) in (3, 4) and rises else None


def _url(value: object) -> str | None:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return str(value) if usable else None


def _object(value: object) -> Mapping[str, object] | None:
    return dict(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else None


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _words(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _secret(value: object) -> Secret | None:
    return Secret(value) if isinstance(value, str) and value.strip() else None


BOOL: Shape[bool] = leaf("true or false", lambda value: value if isinstance(value, bool) else None, {"type": "boolean"})
TEXT: Shape[str] = leaf("a string", _string, {"type": "string"})
NON_EMPTY: Shape[str] = leaf("a non-empty string", _words, {"type": "string", "pattern": "\\S"})
SECRET: Shape[Secret] = leaf("a non-empty string", _secret, {"$ref": "#/$defs/secret"}, secret=True)
PATH = matching(r"/[^?#\s]*", 'a URL path that begins with "/", without spaces, "?" and "#"')
FOLDER = matching(r"(/|~($|/)).*", 'an absolute path, or one that begins with "~/"')
E164 = matching(r"\+[1-9]\d{1,14}", "Expected E.164 format, e.g. +15550001234")
URL: Shape[str] = leaf(
    "an http or https URL, e.g. https://phone.example.com",
    _url,
    {"type": "string", "pattern": "^https?://"},
)
PORT = integer(1, 65_535)
POSITIVE = integer(1)
PATIENCE: Shape[tuple[int, ...]] = leaf(
    "four increasing whole numbers of milliseconds: filler, progress, apology, hang-up (or three, without progress)",
    _milliseconds,
    {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 3, "maxItems": 4},
)
_FREE: Shape[Mapping[str, object]] = leaf("an object", _object, {"type": "object"}, secret=True)
FREE: Shape[Mapping[str, object]] = Shape(
    allowed="an object", read=_FREE.read, schema=_FREE.schema, secret=True, opaque=True
)
"""An object that is not ours to check: kept as it is, and never shown, because it may hold keys."""
