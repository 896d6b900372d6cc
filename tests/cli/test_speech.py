"""``--speech`` and ``--speech-url``: what they lay over a configuration, and when they cannot."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import pytest

from voicecall.__main__ import main
from voicecall.cli.simulating import Plan
from voicecall.cli.speech import NO_KEY, SpeechVendor
from voicecall.config import Config, ConfigError, parse

HERE = "http://127.0.0.1:3336"
ENVIRONMENT = {"OPENAI_API_KEY": "sk-theirs", "XI_API_KEY": "xi-theirs"}
both = pytest.mark.parametrize("name", ["openai", "elevenlabs"])


def sides(config: Config, name: str) -> list[Any]:
    """The vendor as voice and as ear."""
    return [getattr(config.tts.providers, name), getattr(config.streaming.providers, name)]


def chosen(config: Config) -> tuple[str | None, str, bool]:
    """Who speaks, who listens, and whether anybody does."""
    return config.tts.provider, config.streaming.provider, config.streaming.enabled


@both
def test_a_vendor_speaks_and_listens_at_its_own_address_with_the_key_that_is_there(name: Any) -> None:
    plain = {"tts": {"provider": "offline", "timeoutMs": 5_000}, "streaming": {"provider": "offline"}}
    config = SpeechVendor(name=name).lay_over(plain, ENVIRONMENT)
    assert chosen(config) == (name, name, True)
    assert config.tts.timeout_ms == 5_000
    assert [one.base_url for one in sides(config, name)] == [one.base_url for one in sides(parse({}, {}), name)]
    assert {one.api_key.reveal() for one in sides(config, name)} <= set(ENVIRONMENT.values())


@both
def test_a_key_of_the_configuration_comes_first_and_its_other_keys_stay(name: Any) -> None:
    section = {"providers": {name: {"apiKey": "ours"}, "other": {"x": 1}}}
    config = SpeechVendor(name=name, url=HERE).lay_over({"tts": section, "streaming": section}, ENVIRONMENT)
    assert [(one.base_url, one.api_key.reveal()) for one in sides(config, name)] == [(HERE, "ours")] * 2
    assert config.tts.providers.others == {"other": {"x": 1}}


@both
def test_only_another_address_may_want_no_key(name: Any) -> None:
    config = SpeechVendor(name=name, url=HERE).lay_over({}, {"OPENAI_API_KEY": ""})
    assert [(one.base_url, one.api_key.reveal()) for one in sides(config, name)] == [(HERE, NO_KEY)] * 2
    variable, path = f"{name.upper()}_API_KEY", f"tts.providers.{name}.apiKey"
    with pytest.raises(ConfigError, match=f"^--speech {name}: no key: set {variable} in the environment, or {path}$"):
        SpeechVendor(name=name).lay_over({}, {variable: ""})


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({"tts": ["x"]}, r"^tts: got a list .*: expected an object$"),
        ({"streaming": {"providers": 7}}, r"^streaming\.providers: got .*: expected an object$"),
        ({"tts": {"providers": {"openai": "k"}}}, r"^tts\.providers\.openai: got .*: expected an object$"),
    ],
)
def test_what_is_wrong_without_it_is_told_as_ever(plain: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SpeechVendor(name="openai", url=HERE).lay_over(plain, {})


def test_what_may_not_be_together_may_not_be_with_it() -> None:
    with pytest.raises(ConfigError, match=r"realtime\.enabled and .*streaming\.enabled cannot both be true"):
        SpeechVendor(name="openai", url=HERE).lay_over(
            {"realtime": {"enabled": True}, "inboundPolicy": "open", "streaming": {"enabled": False}}, {}
        )


@both
def test_simulated_people_are_understood_by_no_real_vendor(name: Any) -> None:
    plain = {"streaming": {"provider": name}}

    def simulated(url: str | None) -> tuple[str | None, str, bool]:
        speech = SpeechVendor(name=name, url=url)
        plan = Plan(plain=plain, carrier="mock", speech=speech, environment=ENVIRONMENT)
        return chosen(plan.lay_over({}))

    assert simulated(None) == (name, "offline", True)
    assert simulated(HERE) == (name, name, True)
    without = Plan(plain=plain, carrier="mock", environment=ENVIRONMENT)
    assert chosen(without.lay_over({})) == ("offline", "offline", False)


def test_a_missing_key_is_told_before_a_network_is_started() -> None:
    with pytest.raises(ConfigError, match="no key: set ELEVENLABS_API_KEY"):
        Plan(plain={}, carrier="twilio", speech=SpeechVendor(name="elevenlabs"), environment={}).before()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--speech-url", HERE], "--speech-url: says where the vendor of --speech is; add --speech openai or"),
        (["--speech", "openai", "--speech-url", "127.0.0.1:3336"], "--speech-url: must be the http or https address"),
        (["--speech", "openai", "--speech-url", "https://"], "--speech-url: must be the http or https address"),
        (["--speech", "festival"], "festival"),
    ],
)
def test_options_that_make_no_sense(options: list[str], words: str) -> None:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main(["serve", *options])
    assert (code, out.getvalue()) == (2, "")
    assert words in err.getvalue()
