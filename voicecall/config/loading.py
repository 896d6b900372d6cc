"""From a file, a text or plain data to a ``Config``, or to every reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from voicecall.config.file import read_file, read_text
from voicecall.config.host import named_in_host, own_block
from voicecall.config.keys import read_table, walk
from voicecall.config.problems import PREFIX, ConfigError
from voicecall.config.reading import Reading
from voicecall.config.root import Config
from voicecall.config.rules import check


def load(path: Path, env: Mapping[str, str]) -> Config:
    """The configuration in the JSON5 file at ``path``. Raises ``ConfigError``, also when it cannot be read."""
    return parse(read_file(path), env)


def parse(source: str | Mapping[str, object], env: Mapping[str, str]) -> Config:
    """The configuration in a JSON5 text or in plain data, completed from ``env`` and the defaults. It is our block,
    or the gateway's whole configuration with our block in it.

    Raises ``ConfigError`` with every problem: keys that do not exist, values that cannot be, and (only when
    ``enabled``) what is missing.
    """
    whole = read_text(source) if isinstance(source, str) else source
    data = own_block(whole)
    nameless = "provider" in data and data["provider"] in (None, "")
    if nameless:
        del data["provider"]
    carrier = data.get("provider", "mock")
    reading = Reading(env=env, carrier=carrier if isinstance(carrier, str) else "", rows=tuple(walk(Config)))
    config = cast("Config", read_table(Config, data, "", reading))
    if nameless and config.enabled:
        reading.note("provider", "empty", f"{PREFIX}provider is required")
    unread = {problem.path.partition(" ")[0] for problem in reading.problems}
    missing = [problem for problem in check(config) if problem.path not in unread]
    if reading.problems or missing:
        raise ConfigError(tuple(named_in_host(one, whole) for one in (*reading.problems, *missing)))
    return config


def default_config(env: Mapping[str, str]) -> Config:
    """The configuration of someone who has none: everything on the simulated phone network."""
    return parse({}, env)
