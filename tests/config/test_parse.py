"""Stories about whole configurations: what is read, what is said when it cannot be, what never shows."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from voicecall.config import (
    Config,
    ConfigError,
    Secret,
    check,
    default_config,
    find_state_directory,
    load,
    parse,
    route_for,
    state_directory,
)

P = "plugins.entries.voice-call.config."


def complaints(source: str | dict[str, object], env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(source, env or {})
    return [problem.message for problem in caught.value.errors]


def test_no_configuration_is_a_mock_that_takes_no_calls() -> None:
    config = default_config({})
    assert (config.enabled, config.provider, config.inbound_policy) == (True, "mock", "disabled")
    assert config == parse("{}", {}) == parse({}, {})


def test_json5_comments_commas_and_bare_keys_are_read(tmp_path: Path) -> None:
    file = tmp_path / "voicecall.json5"
    file.write_text("// mine\n{ serve: { port: 0x1000, }, maxDurationSeconds: 6e2, toNumber: '+15550001234', }")
    config = load(file, {})
    assert (config.serve.port, config.max_duration_seconds, config.to_number) == (4096, 600, "+15550001234")


def test_a_partial_object_keeps_the_other_defaults() -> None:
    streaming = parse({"streaming": {"enabled": True}}, {}).streaming
    assert (streaming.enabled, streaming.max_connections, streaming.provider) == (True, 128, "openai")


def test_all_problems_are_told_at_once_one_a_line() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("{ provider: 'twillio', serve: { prot: 1, port: 'abc' }, allowFrom: ['12', '+15550001234', 7] }", {})
    assert str(caught.value).splitlines() == [
        'provider: got "twillio": expected one of "telnyx", "twilio", "plivo", "mock"; did you mean "twilio"?',
        'allowFrom[0]: got "12": Expected E.164 format, e.g. +15550001234',
        "allowFrom[2]: got 7: Expected E.164 format, e.g. +15550001234",
        'serve.port: got "abc": expected a whole number from 1 to 65535',
        "serve.prot: got 1: unknown key; did you mean serve.port?",
    ]
    assert [problem.path for problem in caught.value.errors] == [
        "provider", "allowFrom[0]", "allowFrom[2]", "serve.port", "serve.prot",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"port": 3334}, "serve.port"),
        ({"Enabled": True}, "enabled"),
        ({"accountSid": "x"}, "twilio.accountSid"),
        ({"numbers": {"+15550001234": {"agent": "x"}}}, "agentId"),
    ],
)
def test_an_unknown_key_names_the_one_that_was_meant(wrong: dict[str, object], right: str) -> None:
    (message,) = complaints(wrong)
    assert message.endswith(f"{right}?")


def test_an_unknown_key_like_no_other_lists_what_exists_there() -> None:
    assert complaints({"serve": {"zzz": 1}}) == ["serve.zzz: got 1: unknown key; known here: bind, path, port"]


def test_vendor_objects_keep_what_we_do_not_know() -> None:
    config = parse(
        {
            "streaming": {"providers": {"openai": {"new": 1}, "deepgram": {"apiKey": "d"}}},
            "tts": {"providers": {"openai": {"new": "softly"}, "other": {"x": 1}}},
            "realtime": {"providers": {"google": {"apiKey": "g"}}},
        },
        {},
    )
    assert config.streaming.providers.openai.others == {"new": 1}
    assert config.streaming.providers.others == {"deepgram": {"apiKey": "d"}}
    assert config.tts.providers.openai.others == {"new": "softly"}
    assert config.tts.providers.others == {"other": {"x": 1}}
    assert config.realtime.providers == {"google": {"apiKey": "g"}}


def test_a_number_may_change_what_it_speaks_with_but_not_in_unknown_words() -> None:
    config = parse({"numbers": {"+15550001234": {"tts": {"provider": "openai"}}}}, {"OPENAI_API_KEY": "sk-1"})
    assert config.numbers["+15550001234"].tts == {"provider": "openai"}
    assert len(complaints({"numbers": {"5550001234": {}, "+15550001234": {"tts": {"voise": "x"}}}})) == 2


@pytest.mark.parametrize(
    ("dialed", "greeting"),
    [
        ("+15550001234", "One"),
        ("15550001234", "One"),
        ("+1 (555) 000-1234", "One"),
        ("+15550005678", "Two"),
        ("5678", None),
        ("", None),
    ],
)
def test_a_dialed_number_finds_its_settings_by_its_digits(dialed: str, greeting: str | None) -> None:
    numbers = {"+15550001234": {"inboundGreeting": "One"}, "+15550005678": {"inboundGreeting": "Two"}}
    route = route_for(parse({"numbers": numbers}, {}), dialed)
    assert (route and route.inbound_greeting) == greeting


# --- environment -----------------------------------------------------------------------------------------------------

ENV = {
    "TELNYX_API_KEY": "tk",
    "TELNYX_CONNECTION_ID": "tc",
    "TELNYX_PUBLIC_KEY": "tp",
    "TWILIO_ACCOUNT_SID": "ws",
    "TWILIO_AUTH_TOKEN": "wt",
    "TWILIO_FROM_NUMBER": "+15550009999",
    "PLIVO_AUTH_ID": "pi",
    "PLIVO_AUTH_TOKEN": "pt",
    "NGROK_AUTHTOKEN": "nt",
    "NGROK_DOMAIN": "nd",
    "OPENAI_API_KEY": "ok",
    "XI_API_KEY": "xk",
    "VOICECALL_MOCK_SECRET": "ms",
}


def test_credentials_of_the_chosen_carrier_come_from_the_environment() -> None:
    telnyx = parse({"provider": "telnyx", "fromNumber": "+15550001111"}, ENV)
    twilio = parse({"provider": "twilio"}, ENV)
    plivo = parse({"provider": "plivo", "fromNumber": "+15550001111"}, ENV)
    mock = parse({}, ENV)
    assert (telnyx.telnyx.api_key, telnyx.telnyx.connection_id, telnyx.telnyx.public_key) == (Secret("tk"), "tc", "tp")
    assert (twilio.twilio.account_sid, twilio.twilio.auth_token) == ("ws", Secret("wt"))
    assert (plivo.plivo.auth_id, plivo.plivo.auth_token) == ("pi", Secret("pt"))
    assert mock.mock.secret == Secret("ms")
    assert twilio.from_number == "+15550009999"


def test_other_carriers_credentials_are_left_alone() -> None:
    config = parse({"provider": "telnyx", "fromNumber": "+15550001111"}, ENV)
    assert (config.twilio.account_sid, config.plivo.auth_id, config.mock.secret) == (None, None, None)
    assert parse({}, ENV).from_number is None


def test_vendor_keys_and_tunnel_come_from_the_environment_whatever_the_carrier() -> None:
    config = parse({}, ENV)
    assert config.streaming.providers.openai.api_key == Secret("ok")
    assert config.tts.providers.openai.api_key == Secret("ok")
    assert config.tts.providers.elevenlabs.api_key == Secret("xk")
    assert (config.tunnel.ngrok_auth_token, config.tunnel.ngrok_domain) == (Secret("nt"), "nd")
    both = parse({}, {**ENV, "ELEVENLABS_API_KEY": "ek"})
    assert both.tts.providers.elevenlabs.api_key == Secret("ek")


def test_the_file_wins_over_the_environment_and_empty_variables_do_not_count() -> None:
    config = parse({"provider": "twilio", "twilio": {"authToken": "mine"}}, ENV)
    assert (config.twilio.auth_token, config.twilio.account_sid) == (Secret("mine"), "ws")
    assert complaints({"provider": "twilio"}, {**ENV, "TWILIO_AUTH_TOKEN": ""}) == [
        f"{P}twilio.authToken is required (or set TWILIO_AUTH_TOKEN env)"
    ]


def test_a_bad_variable_is_named() -> None:
    assert complaints({"provider": "twilio"}, {**ENV, "TWILIO_FROM_NUMBER": "555"}) == [
        'fromNumber (from TWILIO_FROM_NUMBER): got "555": Expected E.164 format, e.g. +15550001234'
    ]


# --- what is missing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        ({"provider": ""}, ["provider is required"]),
        (
            {"provider": "telnyx"},
            [
                "fromNumber is required",
                "telnyx.apiKey is required (or set TELNYX_API_KEY env)",
                "telnyx.connectionId is required (or set TELNYX_CONNECTION_ID env)",
                "telnyx.publicKey is required (or set TELNYX_PUBLIC_KEY env)",
            ],
        ),
        (
            {"provider": "twilio"},
            [
                "fromNumber is required (or set TWILIO_FROM_NUMBER env)",
                "twilio.accountSid is required (or set TWILIO_ACCOUNT_SID env)",
                "twilio.authToken is required (or set TWILIO_AUTH_TOKEN env)",
            ],
        ),
        (
            {"provider": "plivo", "fromNumber": "+15550001111", "realtime": {"enabled": True}},
            [
                "plivo.authId is required (or set PLIVO_AUTH_ID env)",
                "plivo.authToken is required (or set PLIVO_AUTH_TOKEN env)",
                'inboundPolicy must not be "disabled" when realtime.enabled is true',
                'provider must be "twilio", "telnyx", or "mock" when realtime.enabled is true',
            ],
        ),
        (
            {"inboundPolicy": "open", "realtime": {"enabled": True}, "streaming": {"enabled": True}},
            [f"realtime.enabled and {P}streaming.enabled cannot both be true"],
        ),
    ],
)
def test_missing_things_are_told_in_the_words_users_know(given: dict[str, object], messages: list[str]) -> None:
    assert complaints(given) == [P + message for message in messages]
    assert check(parse({**given, "provider": given.get("provider") or "mock", "enabled": False}, {})) == ()


def test_a_public_key_is_not_needed_when_nothing_is_verified() -> None:
    telnyx = {"apiKey": "k", "connectionId": "c"}
    given = {"provider": "telnyx", "fromNumber": "+15550001111", "telnyx": telnyx, "skipSignatureVerification": True}
    assert parse(given, {}).telnyx.public_key is None


def test_a_value_that_was_refused_is_not_called_missing_too() -> None:
    given = {"provider": "plivo", "fromNumber": "555", "plivo": {"authId": 5, "authToken": "t"}}
    assert len(complaints(given)) == 2


def test_a_funnel_has_three_ports() -> None:
    assert complaints({"tailscale": {"mode": "funnel", "port": 8080}}) == [
        'tailscale.port: got 8080: expected 443, 8443 or 10000 when tailscale.mode is "funnel"'
    ]


# --- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"twilio": {"authTokn": "hunter2"}},
        {"twilio": "hunter2"},
        {"apiToken": "hunter2"},
        {"twilo": {"authToken": "hunter2"}},
        {"twilio": {"authToken": ["hunter2"]}},
        {"mock": {"secret": {"hunter2": 1}}},
        {"tts": {"openai": {"apiKey": ["hunter2"]}}},
        {"streaming": {"openaiApiKey": ["hunter2"]}},
        {"streaming": {"openaiApiKeys": "hunter2"}},
        {"tts": {"providers": "hunter2"}},
        {"realtime": {"providers": "hunter2"}},
        {"numbers": {"+15550001234": {"tts": {"providers": {"openai": {"apiKey": ["hunter2"]}}}}}},
        {"publicUrl": "ftp://me:hunter2@phone.example.com"},
    ],
)
def test_no_message_shows_a_secret(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(given, {})
    assert "hunter2" not in f"{caught.value} {caught.value!r}"


def test_a_configuration_can_be_printed_without_showing_a_secret() -> None:
    providers = {"openai": {"apiKey": "hunter2", "organization": "hunter2"}, "other": {"k": "hunter2"}}
    config = parse(
        {
            "twilio": {"authToken": "hunter2"},
            "tts": {"providers": providers},
            "streaming": {"providers": providers},
            "realtime": {"providers": providers, "tools": [{"k": "hunter2"}]},
            "numbers": {"+15550001234": {"tts": {"providers": providers}}},
        },
        {"VOICECALL_MOCK_SECRET": "hunter2"},
    )
    assert "hunter2" not in f"{config} {config!r}"
    secret = config.twilio.auth_token
    assert secret is not None
    assert (str(secret), f"{secret}", repr(secret)) == ("********", "********", "Secret(********)")
    assert secret.reveal() == "hunter2"
    assert pickle.loads(pickle.dumps(config)) == config


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{ a: 1,, }", "not JSON5: line 1 Unexpected"),
        (b"", "not JSON5"),
        (b"[]", "the configuration must be one object"),
        (b"{ enabled: true, enabled: false }", 'Duplicate key "enabled"'),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_place(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "voicecall.json5"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    (problem,) = caught.value.errors
    assert problem.message.startswith(f"{file}: ")
    assert words in problem.message


def test_a_missing_file_and_a_directory_are_told_apart(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none.json5", "no such file"), (tmp_path, "cannot be read: Is a directory")):
        with pytest.raises(ConfigError, match=words):
            load(path, {})


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        (None, "/home/me/.openclaw/voice-calls"),
        ("~", "/home/me"),
        ("~/calls", "/home/me/calls"),
        ("/var/lib/calls", "/var/lib/calls"),
    ],
)
def test_the_state_directory(tmp_path: Path, store: str | None, expected: str) -> None:
    home = Path("/home/me")
    config = parse({} if store is None else {"store": store}, {})
    assert state_directory(config, home) == Path(expected)
    file = tmp_path / "c.json5"
    file.write_text("{}" if store is None else f"{{store: '{store}', elsewhere: 'unchecked'}}")
    assert find_state_directory(file, home) == Path(expected)
    assert find_state_directory(None, home) == Path("/home/me/.openclaw/voice-calls")


def test_a_relative_state_directory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.json5"
    file.write_text("{store: 'calls'}")
    with pytest.raises(ConfigError, match="store: expected an absolute path"):
        find_state_directory(file, Path("/home/me"))


def test_looking_for_the_state_directory_imports_no_keys() -> None:
    code = (
        "import sys, pathlib; from voicecall.config import find_state_directory as find; "
        "find(None, pathlib.Path('/')); print([m for m in sys.modules if m in ('json5', 'voicecall.config.root')])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.strip() == b"[]"


def test_a_config_does_not_change() -> None:
    config, name = default_config({}), "enabled"
    assert isinstance(config, Config)
    with pytest.raises(AttributeError):
        setattr(config, name, False)
