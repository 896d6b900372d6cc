"""Each key: what it is when absent, that a good value arrives, that a bad one is refused in a useful way."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.config.cases import CASES, NUMBER, PROVIDER, Case
from voicecall.config import Config, ConfigError, Secret, parse
from voicecall.config.keys import walk

SECRETS = {
    "tunnel.ngrokAuthToken",
    "rpc.token",
    "streaming.providers.openai.apiKey",
    "streaming.providers.elevenlabs.apiKey",
    "tts.providers.openai.apiKey",
    "tts.providers.elevenlabs.apiKey",
    "telnyx.apiKey",
    "twilio.authToken",
    "plivo.authToken",
    "mock.secret",
    "agent.providers.openai.apiKey",
    f"{PROVIDER}.apiKey",
}

every_key = pytest.mark.parametrize("case", CASES, ids=lambda case: case.path)


def at(path: str, value: object) -> dict[str, Any]:
    """Plain data with ``value`` at ``path``."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return dict(value) if isinstance(value, dict) else {}


def look_up(config: Config, path: str) -> object:
    """The attribute that ``path`` became."""
    found: Any = config
    for name in path.split("."):
        if name == PROVIDER.rpartition(".")[2]:
            found = found.others[name]
        elif isinstance(found, dict):
            found = found[name]
        else:
            found = getattr(found, re.sub("[A-Z]+[a-z]?", lambda big: f"_{big[0].lower()}", name))
    return found


def test_the_cases_are_all_the_keys_there_are() -> None:
    chosen = {NUMBER: "numbers.<E.164>", PROVIDER: "agent.providers.<id>"}
    tested = [re.sub("|".join(map(re.escape, chosen)), lambda it: chosen[it[0]], case.path) for case in CASES]
    assert sorted(tested) == sorted(row.path for row in walk(Config))


@every_key
def test_an_absent_key_has_its_default(case: Case) -> None:
    config = parse({"numbers": {"+15550001234": {}}, "agent": {"providers": {"openrouter": {}}}}, {})
    assert look_up(config, case.path) == case.default


@every_key
def test_a_good_value_arrives(case: Case) -> None:
    found = look_up(parse(json.dumps(at(case.path, case.good)), {}), case.path)
    if case.path in SECRETS:
        assert isinstance(found, Secret)
        assert found.reveal() == case.good
    else:
        assert found == (tuple(case.good) if isinstance(case.good, list) else case.good)


@every_key
def test_a_bad_value_is_refused_with_its_path_and_what_is_allowed(case: Case) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(at(case.path, case.bad), {})
    (problem,) = caught.value.errors
    assert re.fullmatch(rf"{re.escape(case.path)}(\[\d\])?", problem.path)
    assert problem.message.startswith(f"{problem.path}: got {problem.value}: ")
    assert "xpected" in problem.message


@pytest.mark.parametrize("case", [c for c in CASES if ".providers." not in c.path], ids=lambda case: case.path)
def test_a_misspelled_key_is_refused_with_the_right_one(case: Case) -> None:
    misspelled = f"{case.path}z"
    with pytest.raises(ConfigError) as caught:
        parse(at(misspelled, case.good), {})
    (problem,) = caught.value.errors
    assert problem.path == misspelled
    assert problem.message.endswith(f"unknown key; did you mean {case.path}?")
