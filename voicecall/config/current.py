"""The configuration that calls go by, while the system runs: some keys may change under it, others want a restart.

What a call was begun with is a fact in its stream, so a change is for calls that begin afterwards. ``Key.live`` says
which keys those are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

import attrs
from attrs import define, field, frozen

from voicecall.config.keys import is_section, join, keys_of, rest_of, rest_shape, wire_name
from voicecall.config.root import Config
from voicecall.config.rules import check


@frozen(kw_only=True)
class Change:
    """What a new configuration has come to, by path: what counts from now on, and what only after a restart."""

    applied: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()

    def plain(self) -> dict[str, list[str]]:
        """As it crosses the wire."""
        return {"applied": list(self.applied), "needsRestart": list(self.needs_restart)}


@frozen(kw_only=True)
class Source:
    """Where new configurations come from. Both raise ``ConfigError`` and may take a moment.

    ``interpret`` reads plain data as the system's own was read; ``reread`` reads its file again, if it has one.
    """

    interpret: Callable[[Mapping[str, object]], Config]
    reread: Callable[[], Config] | None = None


def _nobody() -> Iterable[str]:
    return ()


def _unheard(config: Config) -> None:
    """Nobody wants to know of a change."""


@define(kw_only=True)
class Current:
    """Holds what counts for calls that begin now, and what those that began before it go by.

    ``living`` names the calls that have not ended; ``changed`` is called after each change.
    """

    config: Config
    living: Callable[[], Iterable[str]] = _nobody
    changed: Callable[[Config], None] = _unheard
    _begun_with: dict[str, Config] = field(factory=dict[str, Config])

    def of(self, call_id: str) -> Config:
        """What a call goes by: what counted when it began, or when it was found again by a new process."""
        return self._begun_with.get(call_id, self.config)

    def update(self, new: Config) -> Change:
        """Let what may change count from now on; the rest stays as it was, and is named."""
        change, merged = merge(self.config, new)
        if change.applied:
            self._begun_with = {call_id: self.of(call_id) for call_id in self.living()}
            self.config = merged
            self.changed(merged)
        return change


def merge(old: Config, new: Config) -> tuple[Change, Config]:
    """What becomes of ``old``. A live key waits, too, where it could not be used without one that waits."""
    differences = tuple(_differences(Config, old, new, ""))
    live = frozenset(path for path, alive in differences if alive)
    for held in (frozenset[str](), frozenset(problem.path for problem in check(_merged(old, new, live))) & live, live):
        applied = live - held
        merged = _merged(old, new, applied)
        if not check(merged):
            break
    names = [path for path, _ in differences]
    needs = tuple(path for path in names if path not in applied)
    return Change(applied=tuple(path for path in names if path in applied), needs_restart=needs), merged


def _differences(cls: type[object], old: object, new: object, path: str) -> Iterator[tuple[str, bool]]:
    """Every key that differs, and whether it is live."""
    for name, about in keys_of(cls).items():
        here = join(path, wire_name(name, about))
        before, after = getattr(old, name), getattr(new, name)
        rows = about.shape.rows
        if before == after:
            continue
        if rows is None:
            yield here, about.live
        elif is_section(cls, name):
            yield from _differences(rows, before, after, here)
        else:
            yield from _in_table(rows, before, after, here)
    others, each = rest_of(cls), rest_shape(cls)
    if others is not None:
        before, after = getattr(old, others), getattr(new, others)
        yield from _in_table(each.rows if each else None, before, after, path)


def _in_table(
    rows: type[object] | None, before: Mapping[str, object], after: Mapping[str, object], path: str
) -> Iterator[tuple[str, bool]]:
    """What differs below keys that the user chooses."""
    for name in sorted({*before, *after}):
        here = join(path, name)
        if before.get(name) == after.get(name):
            continue
        if rows is None:
            yield here, False
        else:
            yield from _differences(rows, before.get(name, rows()), after.get(name, rows()), here)


def _merged(old: Config, new: Config, applied: frozenset[str]) -> Config:
    return cast("Config", _merge_keys(Config, old, new, "", applied))


def _merge_keys(cls: type[object], old: object, new: object, path: str, applied: frozenset[str]) -> Any:
    values: dict[str, object] = {}
    for name, about in keys_of(cls).items():
        here = join(path, wire_name(name, about))
        before, after = getattr(old, name), getattr(new, name)
        rows = about.shape.rows
        if rows is None:
            values[name] = after if here in applied else before
        elif is_section(cls, name):
            values[name] = _merge_keys(rows, before, after, here, applied)
        else:
            values[name] = _merge_table(rows, before, after, here, applied)
    return attrs.evolve(cast("Any", old), **values)


def _merge_table(
    rows: type[object], before: Mapping[str, object], after: Mapping[str, object], path: str, applied: frozenset[str]
) -> dict[str, object]:
    """Entries may come and go; one stays as long as anything of it waits."""
    found = {
        name: _merge_keys(rows, before.get(name, rows()), after.get(name, rows()), join(path, name), applied)
        for name in {**before, **after}
    }
    empty = rows()
    return {name: one for name, one in found.items() if one != empty or after.get(name) == empty}
