"""``schema.json``, an OpenRPC document: the one place that says what can be asked, with what, and what the answer is.

Parameters are read by it (``params.py``). ``docs/rpc.md``, the plugin's tool and its types are generated from it
(``scripts/generate_docs.py``). To add a method, describe it there and name its function in ``methods.METHODS``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import msgspec
from attrs import frozen

FILE = Path(__file__).with_name("schema.json")

Plain = dict[str, Any]


@frozen(kw_only=True)
class Param:
    """One parameter. ``kinds`` are JSON Schema's types; ``longest`` counts characters. ``missing`` and ``hint`` are the
    words when it is not there, ``wrong`` when it is not like ``pattern``. A word that is not one of ``words`` counts as
    absent where ``lenient``. What is ``verbatim`` is not trimmed, and there also when it is blank."""

    name: str
    kinds: tuple[str, ...]
    required: bool = False
    missing: str = ""
    hint: str = ""
    pattern: re.Pattern[str] | None = None
    wrong: str = ""
    longest: int | None = None
    least: int | None = None
    most: int | None = None
    words: tuple[str, ...] = ()
    lenient: bool = False
    verbatim: bool = False


@cache
def document() -> Plain:
    """The whole document."""
    return cast("Plain", msgspec.json.decode(FILE.read_bytes()))


def resolved(part: Plain) -> Plain:
    """What a reference refers to; anything else is itself."""
    if "$ref" not in part:
        return part
    found: Any = document()
    for name in str(part["$ref"]).removeprefix("#/").split("/"):
        found = found[name]
    return resolved(cast("Plain", found))


@cache
def params_of(method: str) -> Mapping[str, Param]:
    """The parameters of a method by name, in order; an alias stands for the one that it is another name of."""
    described = next(one for one in document()["methods"] if one["name"] == method)
    found: dict[str, Param] = {}
    for plain in map(resolved, described["params"]):
        for name in (plain["name"], *plain.get("x-aliases", ())):
            found[name] = _param(plain)
    return found


@cache
def described() -> frozenset[str]:
    """The names of all methods."""
    return frozenset(str(one["name"]) for one in document()["methods"])


def _param(plain: Plain) -> Param:
    schema = resolved(plain["schema"])
    kinds, pattern = schema["type"], schema.get("pattern")
    return Param(
        name=plain["name"],
        kinds=(kinds,) if isinstance(kinds, str) else tuple(kinds),
        required=plain.get("required", False),
        missing=plain.get("x-missing", ""),
        hint=plain.get("x-hint", ""),
        pattern=re.compile(pattern) if pattern else None,
        wrong=schema.get("x-wrong", ""),
        longest=schema.get("maxLength"),
        least=schema.get("minimum"),
        most=schema.get("maximum"),
        words=tuple(schema.get("enum", ())),
        lenient=schema.get("x-otherwise") == "absent",
        verbatim=schema.get("x-verbatim", False),
    )
