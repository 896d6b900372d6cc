"""``docs/rpc.md``: the prose is in ``rpc.template.md``, the tables are from ``voicecall/rpc/schema.json``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rpc_words import kind, listed, methods, names, shape

from voicecall.rpc.schema import Plain, document, resolved

TEMPLATE = Path(__file__).with_name("rpc.template.md")
PLACE = re.compile(r"<!-- (\w+) ?(\w*) -->")
MINUS = "\N{MINUS SIGN}"
SCOPED = {"operator.read": "read", "operator.write": "write"}


def page() -> str:
    """The text of the page."""
    return PLACE.sub(_table, TEMPLATE.read_text(encoding="utf-8"))


def _table(place: re.Match[str]) -> str:
    name, argument = place.groups()
    return TABLES[name](argument)


def _methods(section: str) -> str:
    head = "| method | | params | result | |\n|---|---|---|---|---|"
    return "\n".join((head, *(_method(one) for one in methods(section))))


def _method(one: Plain) -> str:
    params = [param for param in one["params"] if not one.get("x-mutating") or param["name"] not in ("requestId", "by")]
    result = one["result"]
    shown = shape(result["schema"]) if "properties" in resolved(result["schema"]) else ""
    told = " ".join(part for part in (f"`{shown}`" if shown else "", result.get("summary", "")) if part)
    return _row((f"`{one['name']}`", SCOPED[one["x-scope"]], listed(params), told, one["summary"]))


def _news(section: str) -> str:
    rows = (
        (f"`{one['name']} {shape(_object(one['params']))}`", one["summary"])
        for one in document()["x-notifications"]
        if one["x-section"] == section
    )
    return "\n".join(("| notification | |\n|---|---|", *map(_row, rows)))


def _asked(section: str) -> str:
    """What goes back and forth about a reply, requests and notifications in the order of the schema."""
    told = [(one, "request") for one in document()["x-requests"]]
    told += [(one, "notification") for one in document()["x-notifications"] if one["x-section"] == section]
    ways = {"to-client": "to the host", "to-server": "from the host"}
    rows = (
        (ways[one["x-direction"]], f"{what} `{one['name']}`", f"`{shape(_object(one['params']))}`: {one['summary']}")
        for one, what in told
    )
    return "\n".join(("| direction | message | |\n|---|---|---|", *map(_row, rows)))


def _object(params: Iterable[Plain]) -> Plain:
    described = list(params)
    required = [one["name"] for one in described if one.get("required")]
    return {"properties": {one["name"]: one["schema"] for one in described}, "required": required}


def _parameters(_: str) -> str:
    """Every parameter once, where it means the same."""
    uses: dict[tuple[str, str, str], list[str]] = {}
    for one in methods():
        for param in one["params"]:
            told = (names(param), kind(param["schema"]), param["description"])
            uses.setdefault(told, []).append(f"`{one['name'].removeprefix('voicecall.')}`")
    rows = [
        (name, allowed, "all that change something" if name == "`requestId`" else ", ".join(where), text)
        for (name, allowed, text), where in uses.items()
    ]
    return "\n".join(("| parameter | value | of | |\n|---|---|---|---|", *map(_row, rows)))


def _fields(name: str) -> str:
    plain = document()["components"]["schemas"][name]
    rows: list[tuple[str, ...]] = []
    for field, schema in plain["properties"].items():
        optional = "" if field in plain.get("required", ()) else "?"
        told = schema.get("description", "") or resolved(schema).get("description", "")
        rows.append((f"`{field}{optional}`", _type(schema), told))
    head = f"{plain['description']}\n\n" if "description" in plain else ""
    return "\n".join((f"{head}| | | |\n|---|---|---|", *map(_row, rows)))


def _type(schema: Plain) -> str:
    plain = resolved(schema)
    if "properties" in plain:
        return "object"
    return "list" if plain.get("type") == "array" else kind(schema)


def _errors(_: str) -> str:
    """Errors that are told alike share a row."""
    rows: dict[tuple[str, str], list[int]] = {}
    for one in document()["components"]["errors"].values():
        code = one.get("data", {}).get("code", "")
        rows.setdefault((f"`{code}`" if code else "", one["message"]), []).append(one["code"])
    told = ((", ".join(f"{MINUS}{-one}" for one in codes), *cells) for cells, codes in rows.items())
    return "\n".join(("| code | `data.code` | |\n|---|---|---|", *map(_row, told)))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


TABLES: Mapping[str, Callable[[str], str]] = {
    "methods": _methods,
    "news": _news,
    "asked": _asked,
    "parameters": _parameters,
    "fields": _fields,
    "errors": _errors,
}
"""What stands in the template as ``<!-- methods calls -->``."""
