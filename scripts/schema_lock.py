"""Writes ``voicecall/events/schema.lock.json``: every event's and effect's fields and types as they are on disk.

It only accepts what needs no ceremony: a new class, or a new field with a default. For anything else ``SCHEMA`` must
have been raised, with an upcast, in ``voicecall/events/schema.py``.
"""

from __future__ import annotations

import json
import sys
from enum import EnumType
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

import attrs

from voicecall.events import AnyEffect, AnyEvent, Entry, Patience, Policy
from voicecall.events.schema import EFFECTS, EVENTS, SCHEMA

CLASSES: dict[str, type[Any]] = {
    **{f"event {kind}": cls for kind, cls in EVENTS.items()},
    **{f"effect {kind}": cls for kind, cls in EFFECTS.items()},
    "entry": Entry,
    "policy": Policy,
    "patience": Patience,
}
LOCK = Path(__file__).resolve().parent.parent / "voicecall/events/schema.lock.json"

Shapes = dict[str, dict[str, str]]


def shapes() -> Shapes:
    """Each class's fields and the types they have on disk, in words that no Python version renders differently."""
    return {name: {field: on_disk(hint) for field, hint in hints(cls).items()} for name, cls in sorted(CLASSES.items())}


def hints(cls: type[Any]) -> dict[str, Any]:
    """The resolved types of the fields of a class."""
    resolved = get_type_hints(cls)
    return {field.name: resolved[field.name] for field in attrs.fields(cls)}


def on_disk(hint: Any) -> str:
    """``str``, ``int | null``, ``[int]``, ``"a" | "b"``, or the name of another class of the lock."""
    if hint in (AnyEvent, AnyEffect):
        return "event" if hint == AnyEvent else "effect"
    if isinstance(hint, NewType):
        return on_disk(hint.__supertype__)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " | ".join(sorted(json.dumps(word) for word in parts))
    if origin in (Union, UnionType):
        return " | ".join(on_disk(part) for part in parts)
    if origin is not None:
        name = "" if origin is tuple else origin.__name__
        return f"{name}[{', '.join('...' if part is ... else on_disk(part) for part in parts)}]"
    if isinstance(hint, EnumType):
        return " | ".join(sorted(json.dumps(word) for word in hint.__members__.values()))
    return "null" if hint is NoneType else str(hint.__name__).lower()


def objections(old: Shapes, new: Shapes) -> list[str]:
    """What makes today's shapes unable to read yesterday's lines."""
    found: list[str] = []
    for name, fields in old.items():
        if name not in new:
            found.append(f"{name} is gone")
            continue
        found += [f"{name}.{field} is gone" for field in fields if field not in new[name]]
        changed = [field for field in fields if field in new[name] and new[name][field] != fields[field]]
        found += [f"{name}.{field} was {fields[field]} and is {new[name][field]}" for field in changed]
        added = sorted(set(new[name]) - set(fields))
        found += [f"{name}.{field} is new without a default" for field in added if field in required(name)]
    return found


def required(name: str) -> set[str]:
    """The fields of a class that have no default."""
    return {field.name for field in attrs.fields(CLASSES[name]) if field.default is attrs.NOTHING}


def main() -> int:
    """Write the lock, or say why not; the exit status."""
    new = shapes()
    old: dict[str, Any] = json.loads(LOCK.read_text(encoding="utf-8")) if LOCK.exists() else {}
    against = objections(old["shapes"], new) if old.get("schema") == SCHEMA else []
    if against:
        sys.stderr.writelines(f"{one}\n" for one in against)
        sys.stderr.write(f"raise SCHEMA above {SCHEMA} and add an upcast in voicecall/events/schema.py\n")
        return 1
    LOCK.write_text(json.dumps({"schema": SCHEMA, "shapes": new}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
