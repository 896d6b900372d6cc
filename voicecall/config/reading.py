"""One pass over plain data: every problem is noted, none stops the reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define, field

from voicecall.config.keys import Key, Row, hides
from voicecall.config.problems import Problem, show
from voicecall.config.shapes import Unusable


@define(kw_only=True)
class Reading:
    """Collects problems and hands out environment fallbacks. ``rows`` is every key there is, for the nearest one."""

    env: Mapping[str, str] = field(repr=False)
    rows: tuple[Row, ...] = field(repr=False)
    carrier: str = ""
    problems: list[Problem] = field(factory=list[Problem])

    def wrong(self, path: str, value: object, allowed: str, *, secret: bool = False) -> Unusable:
        shown = show(value, secret=secret)
        fix = allowed if allowed.startswith("Expected") else f"expected {allowed}"
        near = "" if secret or not isinstance(value, str) else _nearest_word(value, allowed)
        hint = f'; did you mean "{near}"?' if near else ""
        self.note(path, shown, f"{path or 'the configuration'}: got {shown}: {fix}{hint}")
        return Unusable()

    def unknown(self, path: str, value: object, siblings: tuple[str, ...]) -> None:
        parent, _, name = path.rpartition(".")
        meant = _nearest(name, siblings)
        beside = f"{parent}.{meant}" if parent and meant else meant
        place = beside or self._elsewhere(path)
        about = next((row.key for row in self.rows if row.path == place), None)
        shown = show(value, secret=hides(name, about) or isinstance(value, Mapping | list))
        fix = f"did you mean {place}?" if place else f"known here: {', '.join(sorted(siblings))}"
        self.note(path, shown, f"{path}: got {shown}: unknown key; {fix}")

    def lost(self, path: str, shown: str, why: str) -> None:
        """Note that what is at ``path`` leads nowhere."""
        self.note(path, shown, f"{path}: got {shown}: {why}")

    def fallback(self, key: Key) -> tuple[str, str] | None:
        if key.carrier and key.carrier != self.carrier:
            return None
        return next(((name, self.env[name]) for name in key.env if self.env.get(name)), None)

    def note(self, path: str, value: str, message: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(path=path, value=value, message=message))

    def _elsewhere(self, path: str) -> str:
        """The key that was probably meant, when it belongs under another object: ``port`` is ``serve.port``."""
        by_leaf: dict[str, str] = {}
        for row in self.rows:
            by_leaf.setdefault(row.path.rpartition(".")[2], row.path)
        leaf = _nearest(path.rpartition(".")[2], by_leaf)
        return by_leaf.get(leaf, "")


def _nearest(name: str, known: Iterable[str]) -> str:
    """The known name that looks most like ``name``, whatever its case; "" when none does."""
    from difflib import get_close_matches

    lowered = {one.lower(): one for one in known}
    found = get_close_matches(name.lower(), lowered, n=1, cutoff=0.7)
    return lowered[found[0]] if found else ""


def _nearest_word(value: str, allowed: str) -> str:
    """The choice that was probably meant."""
    words = allowed.split('"')[1::2]
    return _nearest(value, words) if allowed.startswith(('"', "one of")) else ""
