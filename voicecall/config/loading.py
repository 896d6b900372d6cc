"""From a file, a text or plain data to a ``Config``, or to every reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from attrs import field, frozen

from voicecall.config.file import read_file, read_text
from voicecall.config.host import named_as_written, noticed_as_written, read_block
from voicecall.config.keys import read_table, walk
from voicecall.config.legacy import Notice
from voicecall.config.problems import PREFIX, ConfigError
from voicecall.config.reading import Reading
from voicecall.config.references import References
from voicecall.config.root import Config
from voicecall.config.rules import check
from voicecall.config.unbuilt import without_unbuilt


@frozen(kw_only=True)
class Loaded:
    """A configuration, and what had better be written otherwise. ``keys`` is what was given, in the canonical shape."""

    config: Config
    notices: tuple[Notice, ...]
    keys: Mapping[str, object] = field(repr=False)


def load(path: Path, env: Mapping[str, str]) -> Config:
    """The configuration in the JSON5 file at ``path``. Raises ``ConfigError``, also when it cannot be read."""
    return parse(read_file(path), env)


def parse(source: str | Mapping[str, object], env: Mapping[str, str]) -> Config:
    """The configuration in a JSON5 text or in plain data, see ``understand``. Raises ``ConfigError``."""
    return understand(source, env).config


def understand(source: str | Mapping[str, object], env: Mapping[str, str]) -> Loaded:
    """The configuration in a JSON5 text or in plain data, completed from ``env`` and the defaults. It is our block,
    or the gateway's whole configuration with our block in it.

    Raises ``ConfigError`` with every problem: keys that do not exist, values that cannot be, references that lead
    nowhere, and (only when ``enabled``) what is missing.
    """
    whole = read_text(source) if isinstance(source, str) else source
    block = read_block(whole)
    reading = Reading(env=env, rows=tuple(walk(Config)))
    data = References(env=env, complain=reading.lost).replace(block.keys)
    nameless = "provider" in data and data["provider"] in (None, "")
    if nameless:
        del data["provider"]
    reading.carrier = str(data.get("provider", "mock"))
    config = cast("Config", read_table(Config, data, "", reading))
    if nameless and config.enabled:
        reading.note("provider", "empty", f"{PREFIX}provider is required")
    unread = {problem.path.partition(" ")[0] for problem in reading.problems}
    missing = [problem for problem in check(config) if problem.path not in unread]
    if reading.problems or missing:
        problems = (*reading.problems, *missing)
        raise ConfigError(tuple(named_as_written(one, whole, block.notices) for one in problems))
    config, unbuilt = without_unbuilt(config)
    notices = tuple(noticed_as_written(one, whole) for one in (*block.notices, *unbuilt))
    return Loaded(config=config, notices=notices, keys=data)


def default_config(env: Mapping[str, str]) -> Config:
    """The configuration of someone who has none: everything on the simulated phone network."""
    return parse({}, env)
