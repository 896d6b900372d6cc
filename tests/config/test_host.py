"""Our block inside the gateway's configuration: where it is found, and whose voices count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voicecall.config import ConfigError, find_state_directory, load, parse
from voicecall.config.legacy import deep_merge

HOST: dict[str, Any] = {
    "agents": {"defaults": {"model": "anthropic/x"}},
    "messages": {
        "tts": {
            "provider": "elevenlabs",
            "timeoutMs": 30_000,
            "somethingOfChat": 1,
            "providers": {"elevenlabs": {"apiKey": "host", "voiceId": "v1"}, "edge": {"voice": "en-US-AriaNeural"}},
        }
    },
    "plugins": {"entries": {"voice-call": {"config": {"tts": {"providers": {"elevenlabs": {"voiceId": "v2"}}}}}}},
}


def ours(host: dict[str, Any], **block: Any) -> dict[str, Any]:
    return {**host, "plugins": {"entries": {"voice-call": {"config": block}}}}


def test_our_keys_are_laid_over_the_gateways_voices() -> None:
    tts = parse(HOST, {}).tts
    voice = tts.providers.elevenlabs
    assert (tts.provider, tts.timeout_ms, voice.voice_id) == ("elevenlabs", 30_000, "v2")
    assert voice.api_key is not None
    assert voice.api_key.reveal() == "host"
    assert tts.providers.others == {"edge": {"voice": "en-US-AriaNeural"}}


def test_without_keys_of_ours_the_gateways_count_as_they_are() -> None:
    assert parse(ours(HOST), {}).tts.providers.elevenlabs.voice_id == "v1"


@pytest.mark.parametrize(
    "tts",
    [
        {"messages": {"tts": {"openai": {"voice": "nova"}}}},
        {"messages": {"tts": {"openai": {"voice": "echo"}, "providers": {"openai": {"voice": "nova"}}}}},
        {"tts": {"providers": {"openai": {"voice": "nova"}}}},
    ],
    ids=["older", "both", "newer"],
)
def test_older_and_newer_gateways_say_it_elsewhere(tts: dict[str, Any]) -> None:
    assert parse(ours(tts, toNumber="+15550001234"), {}).tts.providers.openai.voice == "nova"


def test_a_null_of_ours_takes_the_gateways_value_away() -> None:
    assert parse(ours(HOST, tts={"provider": None}), {}).tts.provider is None


def test_the_block_alone_is_merged_with_nothing() -> None:
    assert parse({"tts": {"provider": "openai"}}, {}).tts.provider == "openai"


@pytest.mark.parametrize(
    ("base", "override", "merged"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"a": {"b": 1}}, {"a": "x"}, {"a": "x"}),
        ({"a": "x"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"__proto__": 1, "a": {"constructor": 1}}, {"prototype": 2, "a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_objects_are_merged_and_anything_else_replaces(base: Any, override: Any, merged: Any) -> None:
    assert deep_merge(base, override) == merged


def test_a_mistake_is_named_by_its_place_in_the_gateways_file() -> None:
    host = {**HOST, "messages": {"tts": {"timeoutMs": 5}}}
    with pytest.raises(ConfigError) as caught:
        parse(ours(host, serve={"port": "x"}), {})
    assert [one.path for one in caught.value.errors] == [
        "plugins.entries.voice-call.config.serve.port",
        "messages.tts.timeoutMs",
    ]
    assert str(caught.value).splitlines()[1] == (
        "messages.tts.timeoutMs: got 5: expected a whole number from 1000 to 120000"
    )


def test_the_switch_of_the_plugin_is_ours(tmp_path: Path) -> None:
    entry = {"enabled": False, "config": {"store": "/var/calls"}}
    file = tmp_path / "openclaw.json"
    file.write_text('{"plugins": {"entries": {"voice-call": {"enabled": false, "config": {"store": "/var/calls"}}}}}')
    assert parse({"plugins": {"entries": {"voice-call": entry}}}, {}).enabled is False
    assert load(file, {}).store == "/var/calls"
    assert find_state_directory(file, tmp_path) == Path("/var/calls")


@pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo"])
@pytest.mark.parametrize(("provider", "env"), [("openai", "OPENAI_API_KEY"), ("elevenlabs", "ELEVENLABS_API_KEY")])
def test_a_streamed_call_needs_somebody_who_understands_the_caller(carrier: str, provider: str, env: str) -> None:
    account = {
        "twilio": {"accountSid": "AC0", "authToken": "t"},
        "telnyx": {"apiKey": "k", "connectionId": "c", "publicKey": "p"},
        "plivo": {"authId": "MA0", "authToken": "t"},
    }
    given = {"provider": carrier, "fromNumber": "+15550000000", carrier: account[carrier]}
    streamed = {**given, "streaming": {"enabled": True, "provider": provider}}
    with pytest.raises(ConfigError) as caught:
        parse(streamed, {})
    (problem,) = caught.value.errors
    assert problem.path == f"streaming.providers.{provider}.apiKey"
    assert env in problem.message
    assert '"offline"' in problem.message
    assert parse(streamed, {env: "key"}).streaming.enabled
    assert parse({**given, "streaming": {"enabled": False}}, {})
    assert parse({**given, "streaming": {"enabled": True, "provider": "offline"}}, {})
    assert parse({**streamed, "provider": "mock"}, {}), "the simulated network is understood by anybody"


def test_an_ear_that_there_is_not_is_told_with_those_that_there_are() -> None:
    given = {"provider": "plivo", "fromNumber": "+15550000000", "plivo": {"authId": "MA0", "authToken": "t"}}
    with pytest.raises(ConfigError, match='"openai", "elevenlabs" or "offline"'):
        parse({**given, "streaming": {"enabled": True, "provider": "openia"}}, {})
