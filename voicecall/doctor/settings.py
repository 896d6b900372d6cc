"""The configuration itself: read as the server reads it, and as far as it can be read in spite of mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from voicecall.config import Config, ConfigError, Problem, parse
from voicecall.config.file import read_file
from voicecall.config.host import own_block
from voicecall.doctor.findings import Finding, Note, doubtful, good, wrong
from voicecall.doctor.subject import Subject
from voicecall.ports import HttpRequest
from voicecall.rpc.methods import MOCK_NUMBER

ID = "provider-config"


def read(path: Path | None, environment: Mapping[str, str]) -> tuple[Config | None, list[Finding]]:
    """The configuration, and every problem with it once.

    Where something is only missing there is a configuration all the same, so that the rest can be looked at.
    """
    where = str(path) if path else "the environment"
    try:
        plain = read_file(path) if path else {}
    except ConfigError as error:
        return None, [_found(problem, where) for problem in error.errors]
    try:
        return parse(plain, environment), [good(ID, f"{where}: no problem" if path else "no file: every default")]
    except ConfigError as error:
        found = [_found(problem, where) for problem in error.errors]
    try:
        return attrs.evolve(parse({**own_block(plain), "enabled": False}, environment), enabled=True), found
    except ConfigError:
        return None, found


def _found(problem: Problem, where: str) -> Finding:
    """A problem's message says what is allowed; the fix says where."""
    if not problem.path:
        message, _, fix = problem.message.partition("; ")
        return wrong(ID, message, fix or f"correct {where}")
    if problem.value == "absent":
        return wrong(ID, problem.message, f"set {problem.path} in {where}")
    unknown = "unknown key" in problem.message
    return wrong(ID, problem.message, f"{'remove or rename' if unknown else 'change'} {problem.path} in {where}")


async def check_provider(subject: Subject, note: Note) -> None:
    """Whether it is switched on, whose telephones ring, and whether the running server knows the same."""
    config, server = subject.config, subject.server
    if config.enabled:
        note(good("plugin-enabled", "enabled"))
    else:
        note(wrong("plugin-enabled", "enabled is false: nothing runs", "set enabled to true"))
    number = config.from_number or (MOCK_NUMBER if config.provider == "mock" else "no number")
    rings = "; no real telephone rings" if config.provider == "mock" else ""
    if server is not None and server.provider not in ("", config.provider):
        other = f"the running server uses {server.provider}, the configuration says {config.provider}"
        note(doubtful("provider", other, "restart the server, or name its --config"))
    elif server is not None and config.provider == "mock" and (away := await _network_away(subject)):
        note(away)
    else:
        note(good("provider", f"{config.provider}, from {number}{rings}"))


async def _network_away(subject: Subject) -> Finding | None:
    """A server on the simulated network, and no network."""
    url = subject.config.mock.api_url
    exchange = await subject.fetch(HttpRequest(method="GET", url=url))
    if exchange.response is not None:
        return None
    message = f"there is no simulated phone network at {url} (mock.apiUrl)"
    return wrong("provider", message, "start the server with --simulate, or set provider to a carrier")


async def check_mode(subject: Subject, note: Note) -> None:
    """How sound travels, and why so."""
    config, voice = subject.config, _voice(subject.config)
    ends = f"calls are in mode {config.outbound.default_mode} unless they say otherwise"
    ear = config.streaming.provider if config.streaming.enabled else "offline"
    if not subject.streams:
        why = f"streaming.enabled is false, so {subject.carrier} speaks and listens by itself"
        note(good("mode", f"say and gather: {why}; {ends}"))
    elif voice:
        note(good("mode", f"media streaming: {ear} listens, {voice} speaks; {ends}"))
    else:
        message = f"media streaming, but no voice has a key: {subject.carrier} speaks with its own"
        fix = "set tts.providers.openai.apiKey or tts.providers.elevenlabs.apiKey, or their environment variables"
        note(doubtful("mode", message, fix))


def _voice(config: Config) -> str:
    """Who speaks first; "" for nobody of ours."""
    vendors = config.tts.providers
    keys = {"openai": vendors.openai.api_key, "elevenlabs": vendors.elevenlabs.api_key}
    voices = [name for name, key in keys.items() if key]
    if config.tts.provider == "offline" or (not voices and config.provider == "mock"):
        return "the voice of this machine"
    return config.tts.provider if config.tts.provider in voices else next(iter(voices), "")
