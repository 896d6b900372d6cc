"""What the server says is held against its schema: nothing undescribed, nothing missing, nothing of another type."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import fastjsonschema

from voicecall.rpc.schema import document

Plain = dict[str, Any]


def conforms(method: str, result: Any) -> None:
    """Whether this is an answer to ``method``. Raises ``JsonSchemaException``."""
    _validator("methods", method)(result)


def conforms_to_us(message: Plain) -> None:
    """The same for a notification or a request of the server's."""
    section = "x-requests" if "id" in message else "x-notifications"
    _validator(section, message["method"])(message["params"])


@cache
def _validator(section: str, name: str) -> Callable[[Any], Any]:
    """Of the result of a method, or of the parameters of what the server sends."""
    one = next(one for one in document()[section] if one["name"] == name)
    schema = one["result"]["schema"] if section == "methods" else _object(one["params"])
    whole = {"allOf": [_strict(schema)], "components": _strict(document()["components"])}
    return fastjsonschema.compile(whole)


def _object(params: list[Plain]) -> Plain:
    return {
        "type": "object",
        "required": [one["name"] for one in params if one.get("required")],
        "properties": {one["name"]: one["schema"] for one in params},
    }


def _strict(part: Any) -> Any:
    """The same, with no property that is not described."""
    if isinstance(part, list):
        return [_strict(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {name: _strict(one) for name, one in part.items()}
    closed = found.get("type") == "object" and "properties" in found
    return {**found, "additionalProperties": False} if closed else found
