"""On which line of a JSON5 text each key is, for messages that lead there. The text has been read without complaint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from voicecall.config.keys import join

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n\r]*|/\*.*?\*/)|(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
    r"""|(?P<mark>[{}\[\]:,])|(?P<word>[^\s{}\[\]:,"']+)""",
    re.DOTALL,
)
_Tokens = Iterator[tuple[str, int]]


def lines_of(text: str) -> dict[str, int]:
    """Line numbers, from 1, by dotted path; items of a list are ``path[0]``."""
    found: dict[str, int] = {}
    tokens = _tokens(text)
    for token, _ in tokens:
        _value(token, "", tokens, found)
    return found


def line_at(lines: Mapping[str, int], path: str) -> int | None:
    """The line of ``path``, or of the nearest object around it."""
    while path:
        if path in lines:
            return lines[path]
        path = re.split(r"[.\[](?=[^.\[]*$)", path, maxsplit=1)[0] if re.search(r"[.\[]", path) else ""
    return None


def _tokens(text: str) -> _Tokens:
    line = 1
    for found in _TOKEN.finditer(text):
        if found.lastgroup != "skip":
            yield found[0], line
        line += found[0].count("\n")


def _value(token: str, path: str, tokens: _Tokens, found: dict[str, int]) -> None:
    if token == "{":
        for name, line in tokens:
            if name == "}":
                return
            if name != ",":
                here = join(path, _key(name))
                found[here] = line
                next(tokens)  # the colon
                _value(next(tokens)[0], here, tokens, found)
    elif token == "[":
        index = 0
        for item, line in tokens:
            if item == "]":
                return
            if item != ",":
                here = f"{path}[{index}]"
                found[here] = line
                index += 1
                _value(item, here, tokens, found)


def _key(token: str) -> str:
    if "\\" in token:
        import json5

        return str(json5.loads(token if token[0] in "\"'" else f'"{token}"'))
    return token[1:-1] if token[0] in "\"'" else token
