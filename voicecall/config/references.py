"""Values that are elsewhere: ``${VARIABLE}`` in any text, and references to secrets as the gateway has them.

``{source: "env", id: "NAME"}`` is a variable of the environment, ``{source: "file", path: "…"}`` the text of a file
without its last line break, with ``id: "/a/b"`` a text in the JSON object that the file holds (RFC 6901). Instead of
``path``, ``provider`` names one of the gateway's ``secrets.providers``. What only the gateway can resolve is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

from attrs import frozen

from voicecall.config.secret import Hidden

Plain = Mapping[str, object]
Complain = Callable[[str, str, str], None]
"""Told of a value that cannot be had: its path, what is there fit to be shown, and why not."""

SOURCES = ("env", "file", "exec", "store")
PARTS = frozenset({"source", "provider", "id", "path"})
LONGEST = 1 << 16
_SURROGATE = re.compile("[\ud800-\udfff]")
_VARIABLE = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Unresolved(Exception):
    """A reference leads nowhere. The text says why, and what to do."""


@frozen(kw_only=True)
class References:
    """Replaces references. ``env`` is the environment; ``complain`` hears of each that leads nowhere."""

    env: Mapping[str, str]
    complain: Complain

    def replace(self, plain: Plain, path: str = "") -> dict[str, object]:
        """The same keys, with what their references lead to; a key whose reference leads nowhere is left out."""
        return dict(self._kept(((name, f"{path}.{name}" if path else name, value) for name, value in plain.items())))

    def _kept(self, items: Iterator[tuple[str, str, object]]) -> Iterator[tuple[str, object]]:
        for name, path, value in items:
            try:
                yield name, self._value(value, path)
            except Unresolved as error:
                shown = value if isinstance(value, str) and value.count("${") == 1 else "a reference"
                self.complain(path, str(shown), str(error))

    def _value(self, value: object, path: str) -> object:
        if isinstance(value, str):
            return _VARIABLE.sub(self._variable, _whole(value))
        if isinstance(value, list | tuple):
            items = enumerate(cast("list[object]", value))
            return [one for _, one in self._kept((str(index), f"{path}[{index}]", one) for index, one in items)]
        if is_reference(value):
            return Hidden(self._secret(cast("Plain", value)))
        return self.replace(cast("Plain", value), path) if isinstance(value, Mapping) else value

    def _variable(self, found: re.Match[str]) -> str:
        escaped, name = found.groups()
        if escaped:
            return found[0][1:]
        value = self.env.get(name)
        if not value:
            raise Unresolved(f"the environment has no {name}: set it, or write $${{{name}}} for these characters")
        return value

    def _secret(self, reference: Plain) -> str:
        match reference["source"]:
            case "env":
                name = reference.get("id")
                if not isinstance(name, str) or not name:
                    raise Unresolved('names no variable: give "id", e.g. {source: "env", id: "TWILIO_AUTH_TOKEN"}')
                if not self.env.get(name):
                    raise Unresolved(f"the environment has no {name}: set it")
                return self.env[name]
            case "file":
                return self._in_file(reference)
            case source:
                words = f'only the gateway can resolve a reference with source "{source}"'
                raise Unresolved(f'{words}: run inside it, or use "env" or "file"')

    def _in_file(self, reference: Plain) -> str:
        path, pointer = reference.get("path"), reference.get("id", "value")
        if not isinstance(path, str) or not path:
            known = reference.get("provider")
            why = f'secrets.providers has no file provider "{known}"' if known else "names no file"
            raise Unresolved(f'{why}: give "path", e.g. {{source: "file", path: "~/.secrets/twilio"}}')
        text = _read(Path(self.env.get("HOME", "/")) / path[2:] if path.startswith("~/") else Path(path))
        return text if pointer == "value" else _pointed(text, pointer, path)


def is_reference(value: object) -> bool:
    """Whether an object stands for a text that is elsewhere."""
    if not isinstance(value, Mapping):
        return False
    plain = cast("Plain", value)
    return plain.get("source") in SOURCES and plain.keys() <= PARTS


def with_places(value: object, secrets: Plain) -> object:
    """The same data, its references independent of the gateway's ``secrets``: ``path`` instead of ``provider``."""
    if isinstance(value, list | tuple):
        return [with_places(one, secrets) for one in cast("list[object]", value)]
    if not isinstance(value, Mapping):
        return value
    plain = cast("Plain", value)
    if not is_reference(plain):
        return {name: with_places(one, secrets) for name, one in plain.items()}
    usual = _object(secrets.get("defaults")).get(str(plain["source"]))
    provider = _object(_object(secrets.get("providers")).get(str(plain.get("provider", usual))))
    if plain["source"] != "file" or provider.get("source") != "file" or "path" in plain:
        return plain
    return {**plain, "path": provider.get("path")}


def _whole(text: str) -> str:
    """The same text, its surrogates joined: the parser leaves an escaped pair in two, which no wire takes."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _object(value: object) -> Plain:
    return cast("Plain", value) if isinstance(value, Mapping) else {}


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST + 1)
    except FileNotFoundError:
        raise Unresolved(f"there is no file {path}: create it, or name another one") from None
    except UnicodeDecodeError:
        raise Unresolved(f"{path} is not UTF-8: save it as UTF-8") from None
    except OSError as error:
        raise Unresolved(f"{path} cannot be read: {error.strerror}; check the path and its permissions") from None
    if len(text) > LONGEST:
        raise Unresolved(f"{path} is longer than {LONGEST} characters: name a file that holds one secret")
    return text.removesuffix("\n").removesuffix("\r")


def _pointed(text: str, pointer: object, path: str) -> str:
    """The text at a JSON pointer."""
    import json

    try:
        found: object = json.loads(text)
    except ValueError:
        raise Unresolved(f'{path} is not JSON: leave "id" away to take all of it') from None
    steps = pointer.split("/")[1:] if isinstance(pointer, str) and pointer.startswith("/") else None
    for step in steps or ():
        found = _object(found).get(step.replace("~1", "/").replace("~0", "~"))
    if steps is None or not isinstance(found, str):
        raise Unresolved(f'{path} has no text at "id" {pointer!r}: give a JSON pointer, e.g. "/twilio/authToken"')
    return found
