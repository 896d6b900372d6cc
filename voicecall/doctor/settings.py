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
    if server is not None and server.provider != config.provider:
        other = f"the running server uses {server.provider}, the configuration says {config.provider}"
        note(doubtful("provider", other, "restart the server, or name its --config"))
    else:
        note(good("provider", f"{config.provider}, from {number}{rings}"))


async def check_mode(subject: Subject, note: Note) -> None:
    """How sound travels, and why so."""
    config, mode = subject.config, subject.config.outbound.default_mode
    ends = f"calls are in mode {mode} unless they say otherwise"
    if not subject.streams:
        why = f"streaming.enabled is false, so {subject.carrier} speaks and listens by itself"
        note(good("mode", f"say and gather: {why}; {ends}"))
        return
    vendors = config.tts.providers
    keys = {"openai": vendors.openai.api_key, "elevenlabs": vendors.elevenlabs.api_key}
    voices = [name for name, key in keys.items() if key]
    if config.tts.provider == "offline" or (not voices and config.provider == "mock"):
        voice = "the voice of this machine"
    elif config.tts.provider in voices or not voices:
        voice = config.tts.provider or ""
    else:
        voice = voices[0]
    ear = config.streaming.provider if config.provider != "mock" or config.streaming.enabled else "offline"
    if not voices and voice != "the voice of this machine":
        message = f"media streaming, but no voice has a key: {subject.carrier} speaks with its own"
        fix = (
            "set tts.providers.openai.apiKey or tts.providers.elevenlabs.apiKey (or OPENAI_API_KEY, ELEVENLABS_API_KEY)"
        )
        note(doubtful("mode", message, fix))
        return
    note(good("mode", f"media streaming: {ear} listens, {voice} speaks; {ends}"))
