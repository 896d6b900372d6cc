"""Reading parameters by the schema: types are checked, errors name the field and the fix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from voicecall.rpc.protocol import Params, RpcError, invalid, refused, type_of
from voicecall.rpc.schema import Param, params_of

_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "text"),
    "integer": (int, "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": (bool, "true or false"),
    "object": (dict, "an object"),
}
SHOWN = 40
"""Characters of a client's own words that an error repeats."""


def given(method: str, params: Params) -> Params:
    """What a client said, by the names of the schema: text is trimmed, and what is blank, or null, is not there.

    Raises ``RpcError`` for a parameter that means nothing here (a misspelled one would be ignored silently), that is
    missing or wrong.
    """
    known = params_of(method)
    for name in params:
        if name not in known:
            raise _unknown(name, known)
    found: Params = {}
    for name, param in known.items():
        value = _value(name, param, params.get(name))
        if value is not None:
            found.setdefault(param.name, value)
    for param in known.values():
        if param.required and param.name not in found:
            raise invalid(param.name, param.missing, hint=param.hint)
    return found


def _value(name: str, param: Param, value: Any) -> Any:
    """The value as it is to be used; None when it counts as absent."""
    if value is None:
        return None
    if not any(_is(kind, value) for kind in param.kinds):
        expected = " or ".join(_KINDS[kind][1] for kind in param.kinds)
        raise invalid(name, f"{name}: expected {expected}, got {type_of(value)}")
    if param.least is not None and value < param.least:
        raise invalid(name, f"{name}: must be {param.least} or more, got {value}")
    if param.most is not None and value > param.most:
        raise invalid(name, f"{name}: must be at most {param.most}, got {value}")
    return _text(name, param, value) if isinstance(value, str) and not param.verbatim else value


def _is(kind: str, value: Any) -> bool:
    """Whether a value is of a type of JSON Schema; true and false are no numbers."""
    return isinstance(value, _KINDS[kind][0]) and (kind == "boolean" or not isinstance(value, bool))


def _text(name: str, param: Param, value: str) -> str | None:
    if param.longest is not None and len(value) > param.longest:
        raise invalid(name, f"{name}: at most {param.longest} characters, got {len(value)}")
    text = value.strip()
    if not text:
        return None
    if param.pattern and not param.pattern.fullmatch(text):
        raise invalid(name, f"{name}: {param.wrong}, got {text[:SHOWN]!r}")
    if not param.words or text in param.words:
        return text
    if param.lenient:
        return None
    raise invalid(name, f"{name}: expected one of {', '.join(param.words)}, got {text[:SHOWN]!r}")


def no_call(name: str) -> RpcError:
    """There is no such call."""
    hint = f"{name[:SHOWN]!r} is no call's id; voicecall.status without a callId lists the calls in progress"
    return refused("Call not found", reason="not-found", field="callId", hint=hint)


def _unknown(name: str, known: Iterable[str]) -> RpcError:
    from difflib import get_close_matches

    shown, names = name[:SHOWN], list(known)
    near = get_close_matches(shown, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names) or 'none'}"
    return invalid(shown, f"{shown}: unknown parameter; {hint}")
