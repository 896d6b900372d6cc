"""The configuration in JSON Schema (2020-12): for editors, and for hosts that check it before we see it.

It knows every key, also those of older and newer shapes (``legacy.py``), because a host that checks strictly does not
start with a key that its schema does not have. It speaks of values as they are when ``${…}`` has been replaced; rules
over several keys are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from voicecall.config.keys import table_schema
from voicecall.config.legacy import DROPPED, MOVED, MOVED_VOICES, RENAMED_VALUES, SPELLED
from voicecall.config.root import Config

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SECRET: Schema = {
    "anyOf": [
        {"type": "string", "pattern": "\\S"},
        {
            "type": "object",
            "properties": {
                "source": {"type": "string", "enum": ["env", "file", "exec", "store"]},
                "provider": {"type": "string"},
                "id": {"type": "string"},
                "path": {"type": "string"},
            },
            "required": ["source"],
            "additionalProperties": False,
        },
    ]
}
"""A text, or where it is: see "Secrets" in ``docs/configuration.md``."""


def json_schema() -> Schema:
    """The schema of our block, the object at ``plugins.entries.voice-call.config``, with what an absent key means."""
    return {"$schema": DIALECT, "title": "voice-call", **_schema(defaults=True)}


def host_schema() -> Schema:
    """The same for a host's manifest: a host may write a schema's defaults into the configuration, where they would
    win over the host's own settings and the environment; and it may know no other dialect than its own."""
    return _schema(defaults=False)


def _schema(*, defaults: bool) -> Schema:
    schema = table_schema(Config, defaults=defaults)
    for old, new in MOVED.items():
        _add_older(schema, old, new, of=schema)
    number = schema["properties"]["numbers"]["additionalProperties"]
    for tts in (schema["properties"]["tts"], number["properties"]["tts"]):
        for old, new in MOVED_VOICES.items():
            _add_older(tts, old, new, of=tts)
        for path, names in SPELLED.items():
            vendor, _, name = path.partition(".")
            keys = _keys(tts["properties"]["providers"]["properties"][vendor])
            keys.update({one: {**keys[name], "description": f"The same as {name}."} for one in names})
    for path, (old, _) in RENAMED_VALUES.items():
        found = _at(schema, path)
        if "enum" in found:
            found["enum"] = [*found["enum"], old]
    for path, why in DROPPED.items():
        parent, _, name = path.rpartition(".")
        place = _at(schema, parent) if parent else schema
        _keys(place)[name] = {"deprecated": True, "description": f"Not used: {why}."}
    return {**schema, "$defs": {"secret": SECRET}}


def secret_paths() -> tuple[str, ...]:
    """Where secrets are, dotted, with ``*`` for a name that the user chooses."""
    return tuple(_secrets(host_schema(), ""))


def _secrets(schema: Schema, path: str) -> Iterator[str]:
    for name, said in _keys(schema).items():
        here = f"{path}.{name}" if path else name
        if said.get("$ref") == "#/$defs/secret":
            yield here
        yield from _secrets(said, here)
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        yield from _secrets(cast("Schema", others), f"{path}.*")


def _add_older(schema: Schema, old: str, new: str, *, of: Schema) -> None:
    parent, _, name = old.rpartition(".")
    place = _at(schema, parent) if parent else schema
    said = _at(of, new) if _has(of, new) else {"type": "object"}
    _keys(place)[name] = {**_without_default(said), "deprecated": True, "description": f"Now called {new}."}


def _without_default(said: Schema) -> Schema:
    return {name: value for name, value in said.items() if name != "default"}


def _has(schema: Schema, path: str) -> bool:
    for name in path.split("."):
        if name not in _keys(schema):
            return False
        schema = _keys(schema)[name]
    return True


def _at(schema: Schema, path: str) -> Schema:
    for name in path.split("."):
        schema = _keys(schema)[name]
    return schema


def _keys(schema: Schema) -> Schema:
    return schema.get("properties", {})
