"""Reading parameters: types are checked, errors name the field and the fix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from voicecall.events import Mode
from voicecall.rpc.protocol import RpcError, invalid, refused, type_of

E164 = re.compile(r"\+[1-9][0-9]{1,14}")
LONGEST_TEXT = 10_000
MOST = 2**53 - 1
REQUEST_ID = "requestId required: name the request, so that a repeat is known as one"


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
        raise invalid(name, f"{name}: expected text, got {type_of(value)}")
    if len(value) > LONGEST_TEXT:
        raise invalid(name, f"{name}: at most {LONGEST_TEXT} characters, got {len(value)}")
    return value.strip()


def flag(params: Mapping[str, Any], name: str) -> bool:
    """True or false; false when absent."""
    value = params.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(name, f"{name}: expected true or false, got {type_of(value)}")
    return bool(value)


def whole_number(params: Mapping[str, Any], name: str, *, default: int) -> int:
    """A number of 0 or more, and not more than every JSON reader understands."""
    value = params.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(name, f"{name}: expected a whole number, got {type_of(value)}")
    if value < 0:
        raise invalid(name, f"{name}: must be 0 or more, got {value}")
    if value > MOST:
        raise invalid(name, f"{name}: must be at most {MOST}, got {value}")
    return value


def no_call(name: str) -> RpcError:
    """There is no such call."""
    words = f"Call not found: callId {name[:40]!r}; voicecall.status without a callId lists the calls in progress"
    return refused(words, reason="not-found", field="callId")


def number(params: Mapping[str, Any], fallback: str | None) -> str:
    """The callee: ``to``, else the configured ``toNumber``."""
    value = optional_text(params, "to") or fallback or ""
    if not value:
        raise invalid("to", "to required: whom to call, in E.164 format, e.g. +15550001234")
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
            raise _unknown(name, known)


def _unknown(name: str, known: tuple[str, ...]) -> RpcError:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return invalid(name[:40], f"{name[:40]}: unknown parameter; {hint}")
