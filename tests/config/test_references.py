"""Values that are elsewhere: in the environment and in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from voicecall.config import ConfigError, Secret, parse

ENV = {"TOKEN": "hunter2", "NAME": "Ann", "EMPTY": ""}


def complaints(given: dict[str, Any], env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(given, ENV if env is None else env)
    return str(caught.value).splitlines()


def token(reference: object, env: dict[str, str] | None = None) -> str:
    found = parse({"twilio": {"authToken": reference}}, ENV if env is None else env).twilio.auth_token
    assert isinstance(found, Secret)
    return found.reveal()


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("Hello, ${NAME}!", "Hello, Ann!"),
        ("${NAME} and ${NAME}", "Ann and Ann"),
        ("$${NAME}", "${NAME}"),
        ("$NAME costs $5 {code} ${} ${no-name}", "$NAME costs $5 {code} ${} ${no-name}"),
    ],
)
def test_a_variable_stands_for_its_value_in_any_text(text: str, becomes: str) -> None:
    config = parse({"inboundGreeting": text, "agent": {"script": [text]}, "realtime": {"providers": {"x": text}}}, ENV)
    assert (config.inbound_greeting, config.agent.script, config.realtime.providers) == (
        becomes,
        (becomes,),
        {"x": becomes},
    )


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    assert parse(r'{inboundGreeting: "Hi \ud83d\ude00 \ud83d!"}', {}).inbound_greeting == "Hi \U0001f600 \ufffd!"


def test_what_a_variable_holds_is_no_reference_itself() -> None:
    assert parse({"inboundGreeting": "${A}"}, {"A": "${B}"}).inbound_greeting == "${B}"


@pytest.mark.parametrize("name", ["MISSING", "EMPTY"])
def test_a_variable_that_is_not_set_is_named_with_its_key(name: str) -> None:
    given = {"twilio": {"authToken": f"${{{name}}}"}, "agent": {"script": ["Hello.", f"${{{name}}}"]}}
    assert complaints(given) == [
        f"{path}: got ${{{name}}}: the environment has no {name}: set it, or write $${{{name}}} for these characters"
        for path in ("twilio.authToken", "agent.script[1]")
    ]


def test_a_missing_variable_is_not_complained_about_twice() -> None:
    given = {"provider": "twilio", "fromNumber": "${N}", "twilio": {"accountSid": "AC0", "authToken": "${T}"}}
    assert [one.partition(":")[0] for one in complaints(given)] == ["fromNumber", "twilio.authToken"]


def test_a_path_in_the_gateways_file_is_its_own() -> None:
    host = {
        "messages": {"tts": {"providers": {"openai": {"apiKey": "${MISSING}"}}}},
        "plugins": {"entries": {"voice-call": {"config": {"twilio": {"authToken": "${MISSING}"}}}}},
    }
    assert [one.partition(":")[0] for one in complaints(host)] == [
        "plugins.entries.voice-call.config.twilio.authToken",
        "messages.tts.providers.openai.apiKey",
    ]


def test_a_secret_may_be_a_variable_or_the_text_of_a_file(tmp_path: Path) -> None:
    one, many = tmp_path / "one", tmp_path / "many.json"
    one.write_text("hunter3\n")
    many.write_text(json.dumps({"a/b": {"c~d": "hunter4"}}))
    assert token({"source": "env", "provider": "default", "id": "TOKEN"}) == "hunter2"
    assert token({"source": "file", "path": str(one)}) == "hunter3"
    assert token({"source": "file", "path": "~/one"}, {"HOME": str(tmp_path)}) == "hunter3"
    assert token({"source": "file", "path": str(many), "id": "/a~1b/c~0d"}) == "hunter4"


@pytest.mark.parametrize(("mode", "named"), [("by name", {"provider": "filemain"}), ("by default", {})])
def test_the_gateways_file_providers_are_known(mode: str, named: dict[str, str], tmp_path: Path) -> None:
    del mode
    secrets = tmp_path / "secrets.json"
    secrets.write_text('{"twilio": "hunter5", "eleven": "hunter6"}')
    host = {
        "secrets": {
            "providers": {"filemain": {"source": "file", "path": str(secrets), "mode": "json"}},
            "defaults": {"file": "filemain"},
        },
        "messages": {
            "tts": {
                "providers": {"elevenlabs": {"apiKey": {"source": "file", "provider": "filemain", "id": "/eleven"}}}
            }
        },
        "plugins": {
            "entries": {
                "voice-call": {"config": {"twilio": {"authToken": {"source": "file", "id": "/twilio", **named}}}}
            }
        },
    }
    config = parse(host, {})
    assert config.twilio.auth_token == Secret("hunter5")
    assert config.tts.providers.elevenlabs.api_key == Secret("hunter6")


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ({"source": "env"}, 'names no variable: give "id"'),
        ({"source": "env", "id": "MISSING"}, "the environment has no MISSING: set it"),
        ({"source": "file"}, 'names no file: give "path"'),
        ({"source": "file", "provider": "x", "id": "/a"}, 'secrets.providers has no file provider "x": give "path"'),
        ({"source": "file", "path": "/nowhere"}, "there is no file /nowhere: create it"),
        ({"source": "file", "path": "/"}, "/ cannot be read: Is a directory"),
        ({"source": "exec", "provider": "vault", "id": "x"}, "only the gateway can resolve a reference"),
        ({"source": "store", "provider": "default", "id": "X"}, "only the gateway can resolve a reference"),
    ],
)
def test_a_reference_that_leads_nowhere_says_why(reference: dict[str, str], why: str) -> None:
    (complaint,) = complaints({"twilio": {"authToken": reference}})
    assert complaint.startswith(f"twilio.authToken: got a reference: {why}")


@pytest.mark.parametrize(
    ("content", "pointer", "why"),
    [
        ("no json", "/a", 'is not JSON: leave "id" away'),
        ('{"a": 1}', "/a", "has no text at \"id\" '/a'"),
        ('{"a": "x"}', "a", "has no text at \"id\" 'a'"),
        ("x" * 70_000, "value", "is longer than 65536 characters"),
    ],
)
def test_a_file_without_the_secret_says_why(content: str, pointer: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(content)
    (complaint,) = complaints({"plivo": {"authToken": {"source": "file", "path": str(file), "id": pointer}}})
    assert why in complaint


def test_what_a_reference_leads_to_is_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "number"
    file.write_text("hunter7")
    given = {"fromNumber": {"source": "file", "path": str(file)}, "twilio": {"authToken": "${TOKEN}"}}
    assert complaints(given) == [
        "fromNumber: got a string (hidden): Expected E.164 format, e.g. +15550001234",
    ]
    given["fromNumber"] = "+15550001234"
    assert "hunter" not in repr(parse(given, ENV))
