"""What can be wrong with a configuration, said so that the reader knows what to type instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from attrs import field, frozen

from voicecall.config.secret import Hidden

PREFIX = "plugins.entries.voice-call.config."
"""Where the reference keeps this configuration; its own messages begin with it."""

_LONGEST = 60
_TELLTALE = ("key", "token", "secret", "password", "auth", "credential", "sid")


@frozen(kw_only=True)
class Problem:
    """One mistake. ``path`` is dotted ("" for the whole), ``value`` is fit to be shown, ``message`` is one line."""

    path: str
    value: str
    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class ConfigError(ValueError):
    """A configuration that cannot be used. ``errors`` holds every problem; the text lists them, one a line."""

    errors: tuple[Problem, ...] = field()

    def __str__(self) -> str:
        return "\n".join(problem.message for problem in self.errors)


def show(value: object, *, secret: bool = False) -> str:
    """``value`` as JSON would write it, shortened; only its type when it is or may hold a secret."""
    if secret or isinstance(value, bytes | Hidden) or (isinstance(value, str) and "://" in value and "@" in value):
        return f"{type_of(value)} (hidden)"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"a list of {len(cast('Sequence[object]', value))}"
    import json

    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return type_of(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def type_of(value: object) -> str:
    """The name of a value's type in the words of JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"a Python {type(value).__name__}"


def sounds_secret(name: str) -> bool:
    """Whether a key of this name probably holds a secret: a misspelled key must not put its value on a screen."""
    lowered = name.lower()
    return any(word in lowered for word in _TELLTALE)
