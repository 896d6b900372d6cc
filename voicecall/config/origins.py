"""The effective configuration, key by key: what it is, fit to be shown, and where each value came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from attrs import frozen

from voicecall.config.file import read_text
from voicecall.config.host import read_block, written
from voicecall.config.keys import Key, is_section, join, keys_of, rest_of, rest_shape, wire_name
from voicecall.config.lines import line_at, lines_of
from voicecall.config.loading import Loaded, understand
from voicecall.config.problems import show
from voicecall.config.root import Config
from voicecall.config.secret import MASK, Hidden, Secret

DEFAULT = "default"


@frozen(kw_only=True)
class Setting:
    """One key. ``value`` is plain data, masked where it is or may hold a secret. ``origin`` is ``default``, ``env`` and
    a variable, or the key as it is written; ``line`` is where, if it is in the file.
    """

    path: str
    value: object
    origin: str
    line: int | None = None
    live: bool = False


def settings(text: str, env: Mapping[str, str]) -> tuple[tuple[Setting, ...], Loaded]:
    """Every key of the configuration in a JSON5 text ("{}" for none). Raises ``ConfigError``."""
    whole = read_text(text)
    loaded, lines = understand(whole, env), lines_of(text)
    notices = read_block(whole).notices
    found: list[Setting] = []
    for path, about, value in _leaves(Config, loaded.config, ""):
        origin, line = DEFAULT, None
        if _given(loaded.keys, path):
            origin = written(whole, path, notices)
            line = line_at(lines, origin)
        elif (name := _variable(about, loaded.config, env)) is not None:
            origin = f"env {name}"
        shown = _shown(value, about)
        found.append(Setting(path=path, value=shown, origin=origin, line=line, live=about is not None and about.live))
    return tuple(found), loaded


def _leaves(cls: type[object], value: object, path: str) -> Iterator[tuple[str, Key | None, object]]:
    for name, about in keys_of(cls).items():
        here, inner, rows = join(path, wire_name(name, about)), getattr(value, name), about.shape.rows
        if rows is None:
            yield here, about, inner
        elif is_section(cls, name):
            yield from _leaves(rows, inner, here)
        else:
            for chosen, one in cast("Mapping[str, object]", inner).items():
                yield from _leaves(rows, one, join(here, chosen))
    others, each = rest_of(cls), rest_shape(cls)
    for chosen, one in dict[str, object](getattr(value, others)).items() if others else ():
        if each is not None and each.rows is not None:
            yield from _leaves(each.rows, one, join(path, chosen))
        else:
            yield join(path, chosen), None, one


def _given(keys: Mapping[str, object], path: str) -> bool:
    name, _, more = path.partition(".")
    inner = keys.get(name)
    if not more or name not in keys:
        return name in keys
    return isinstance(inner, Mapping) and _given(cast("Mapping[str, object]", inner), more)


def _variable(about: Key | None, config: Config, env: Mapping[str, str]) -> str | None:
    if about is None or (about.carrier and about.carrier != config.provider):
        return None
    return next((name for name in about.env if env.get(name)), None)


def _shown(value: object, about: Key | None) -> object:
    """Plain data without secrets: what we do not know is only counted as there."""
    if value is None or value == {}:
        return value
    if isinstance(value, Secret | Hidden) or about is None or about.shape.secret or about.shape.opaque:
        return MASK
    if isinstance(value, tuple):
        return [_shown(one, about) for one in cast("tuple[object, ...]", value)]
    return MASK if "(hidden)" in show(value) else value
