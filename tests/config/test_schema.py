"""The configuration in JSON Schema: every key that the reader knows, old and new."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.config.cases import CASES, Case
from tests.config.test_every_key import SECRETS
from voicecall.config import Config
from voicecall.config.keys import walk
from voicecall.config.legacy import DROPPED, MOVED
from voicecall.config.schema import SECRET, host_schema, json_schema, secret_paths

SCHEMA = json_schema()


def find(path: str) -> dict[str, Any]:
    """What the schema says of the key at ``path``; a chosen name is any name."""
    found = SCHEMA
    for name in path.split("."):
        properties: dict[str, Any] = found.get("properties", {})
        found = properties[name] if name in properties else found["additionalProperties"]
    return {**SECRET, **found} if "$ref" in found else found


def allows(said: dict[str, Any], value: object) -> bool:
    """Whether a value without parts is allowed: just the words of JSON Schema that ours has."""
    if "anyOf" in said:
        return any(allows(one, value) for one in said["anyOf"])
    kinds = {"string": str, "boolean": bool, "object": dict, "array": list, "number": (int, float), "integer": int}
    kind = said.get("type")
    counts = kind in ("number", "integer") and isinstance(value, bool)
    if kind is not None and (counts or not isinstance(value, kinds[kind])):
        return False
    if isinstance(value, str) and not re.search(said.get("pattern", ""), value):
        return False
    if isinstance(value, list):
        enough = said.get("minItems", 0) <= len(value) <= said.get("maxItems", len(value))
        return enough and all(allows(said["items"], one) for one in value)
    if isinstance(value, int | float) and not said.get("minimum", value) <= value <= said.get("maximum", value):
        return False
    return value in said.get("enum", [value])


def every(said: object) -> Iterator[dict[str, Any]]:
    if isinstance(said, dict):
        yield said
        for one in said.values():
            yield from every(one)


def test_every_key_is_there_and_described() -> None:
    for row in walk(Config):
        said = find(row.path.replace("<E.164>", "<number>"))
        assert said.get("description", row.key.doc) == row.key.doc
        if row.default is not None and "<" not in row.path:
            assert said["default"] == (list(row.default) if isinstance(row.default, tuple) else row.default)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path)
def test_what_the_reader_takes_the_schema_allows_and_most_of_what_it_refuses_is_refused(case: Case) -> None:
    said = find(case.path)
    assert allows(said, case.good)
    beyond = ("Url", "baseUrl", "agentMs")  # that a URL has a host, and that steps rise, no schema says
    if not case.path.endswith(beyond):
        assert not allows(said, case.bad)


def test_a_key_that_does_not_exist_is_refused_except_where_a_vendor_has_its_own() -> None:
    assert SCHEMA["additionalProperties"] is False
    assert find("serve")["additionalProperties"] is False
    assert find("tts.providers.openai")["additionalProperties"] is True
    assert find("streaming.providers")["additionalProperties"] is True


@pytest.mark.parametrize("path", [*MOVED, *DROPPED, "tts.openai", "tts.edge", "numbers.+15550001234.tts.elevenlabs"])
def test_what_older_configurations_have_is_known_and_deprecated(path: str) -> None:
    assert find(path)["deprecated"] is True


def test_older_names_of_values_are_known() -> None:
    assert "log" in find("provider")["enum"]
    assert find("tts.providers.openai.speakerVoice")["type"] == "string"


def test_where_secrets_are_can_be_told() -> None:
    assert {path.replace("openrouter", "*") for path in SECRETS} <= set(secret_paths())
    assert allows(find("twilio.authToken"), {"source": "env", "provider": "default", "id": "TWILIO_AUTH_TOKEN"})


def test_a_host_finds_no_default_to_write_into_the_configuration() -> None:
    assert not [one for one in every(host_schema()) if "default" in one and "description" in one]
    assert "$schema" not in host_schema()
    assert json.loads(json.dumps(host_schema())) == host_schema()
