"""Parts of ``voicecall/rpc/schema.json`` in words: for pages, and as TypeScript."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from voicecall.rpc.schema import Plain, document, resolved

TYPES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def methods(section: str = "") -> list[Plain]:
    """The methods of a section, or all, with their parameters resolved."""
    found = [one for one in document()["methods"] if section in ("", one["x-section"])]
    return [{**one, "params": [resolved(param) for param in one["params"]]} for one in found]


def names(param: Plain) -> str:
    """``callId?`` or ``sid?``, as pages write a parameter."""
    optional = "" if param.get("required") else "?"
    return " or ".join(f"`{name}{optional}`" for name in (param["name"], *param.get("x-aliases", ())))


def listed(params: Iterable[Plain]) -> str:
    """Parameters in a cell of a table."""
    return ", ".join(names(one) + (f" ({one['summary']})" if "summary" in one else "") for one in params)


def shape(schema: Plain) -> str:
    """An object by the names of what it holds: ``{callId, initiated: true}``."""
    plain = resolved(schema)
    required = plain.get("required", ())
    parts: list[str] = []
    for name, one in plain.get("properties", {}).items():
        optional = "" if name in required else "?"
        constant = f": {json.dumps(one['const'])}" if "const" in one else ""
        parts.append(f"{name}{optional}{constant}")
    return f"{{{', '.join(parts)}}}"


def kind(schema: Plain) -> str:
    """A type with its limits, for people."""
    plain = resolved(schema)
    if "enum" in plain:
        return ", ".join(f"`{one}`" for one in plain["enum"])
    if "const" in plain:
        return f"`{json.dumps(plain['const'])}`"
    if plain["type"] == "array":
        return f"list of {kind(plain['items'])}"
    told = plain["type"] if isinstance(plain["type"], str) else " or ".join(plain["type"])
    limits: list[str] = []
    if "minimum" in plain:
        limits.append(f"{plain['minimum']} or more")
    if "maxLength" in plain:
        limits.append(f"at most {plain['maxLength']} characters")
    if "pattern" in plain:
        limits.append(f"`{plain['pattern']}`")
    return ", ".join((told, *limits))


def typescript(schema: Plain, indent: str = "") -> str:
    """A type of TypeScript."""
    if "$ref" in schema:
        named = str(schema["$ref"]).rpartition("/")[2]
        return named if _is_named(resolved(schema)) else typescript(resolved(schema), indent)
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    match schema["type"]:
        case "array":
            inner = typescript(schema["items"], indent)
            return f"Array<{inner}>"
        case "object" if "properties" in schema:
            return members(schema["properties"], schema.get("required", ()), indent)
        case "object":
            return "Record<string, unknown>"
        case str(name):
            return TYPES[name]
        case several:
            return " | ".join(TYPES[name] for name in several)


def members(properties: dict[str, Plain], required: Iterable[str], indent: str = "") -> str:
    """The body of an interface."""
    if not properties:
        return "Record<string, never>"
    deeper, needed = f"{indent}  ", set(required)
    lines = ["{"]
    for name, one in properties.items():
        told = one.get("description") or resolved(one).get("description")
        lines += [f"{deeper}/** {told} */"] if told else []
        lines.append(f"{deeper}{name}{'' if name in needed else '?'}: {typescript(one, deeper)};")
    return "\n".join((*lines, f"{indent}}}"))


def of_params(params: Iterable[Plain], indent: str = "") -> str:
    """Parameters as the body of an interface, aliases beside what they are another name of."""
    properties: dict[str, Plain] = {}
    for one in map(resolved, params):
        for name in (one["name"], *one.get("x-aliases", ())):
            properties[name] = (
                {**one["schema"], "description": one["description"]} if "description" in one else one["schema"]
            )
    return members(properties, [one["name"] for one in map(resolved, params) if one.get("required")], indent)


def named_shapes() -> dict[str, Any]:
    """The shapes that have a name of their own in TypeScript."""
    return {name: one for name, one in document()["components"]["schemas"].items() if _is_named(one)}


def _is_named(schema: Plain) -> bool:
    """Whether a shape is worth a name: objects and choices, not texts and numbers."""
    return "enum" in schema or bool(schema.get("properties")) or schema.get("type") == ["string", "number"]
