"""Reading parameters: types are checked, errors name the field and the fix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from voicecall.events import Mode
from voicecall.rpc.protocol import RpcError, invalid

E164 = re.compile(r"\+[1-9]\d{1,14}")
LONGEST_TEXT = 10_000


def text(params: Mapping[str, Any], name: str, missing: str) -> str:
    """A string that must be there and not be blank; ``missing`` is the message when it is not."""
    value = optional_text(params, name)
    if not value:
        raise invalid(name, missing)
    return value


def optional_text(params: Mapping[str, Any], name: str) -> str:
    """A string, trimmed; "" when absent."""
    value = params.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(name, f"{name}: expected a string, got {type(value).__name__}")
    if len(value) > LONGEST_TEXT:
        raise invalid(name, f"{name}: at most {LONGEST_TEXT} characters, got {len(value)}")
    return value.strip()


def number(params: Mapping[str, Any], fallback: str | None) -> str:
    """The callee: ``to``, else the configured ``toNumber``."""
    value = optional_text(params, "to") or fallback or ""
    if not value:
        raise invalid("to", "to required")
    if not E164.fullmatch(value):
        raise invalid("to", f"to: expected E.164 format, e.g. +15550001234, got {value!r}")
    return value


def mode(params: Mapping[str, Any]) -> Mode | None:
    """``notify`` or ``conversation``; anything else counts as absent, as in the reference."""
    value = optional_text(params, "mode")
    return Mode(value) if value in tuple(Mode) else None


def only(params: Mapping[str, Any], *known: str) -> None:
    """Refuse parameters that mean nothing here: a misspelled one would be ignored silently."""
    for name in params:
        if name not in known:
            raise unknown(name, known)


def unknown(name: str, known: tuple[str, ...]) -> RpcError:
    """A parameter that this method does not have."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else f"; it takes {', '.join(known) or 'none'}"
    return invalid(name, f"{name}: unknown parameter{hint}")
