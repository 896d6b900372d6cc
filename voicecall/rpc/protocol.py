"""The wire: newline-delimited JSON-RPC 2.0, and the errors that cross it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from attrs import define, field, frozen

LINE_BYTES = 1 << 20
"""The longest line that a server reads; a longer one is passed over and answered with an error."""
ANSWER_BYTES = 64 << 20
"""The longest line that a client reads: an answer may hold a whole call."""

REASON_CHARACTERS = 300
"""More of a client's own words is not needed to understand an error."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL, REFUSED, CANCELLED = (
    -32700,
    -32600,
    -32601,
    -32602,
    -32603,
    -32000,
    -32800,
)

Params = dict[str, Any]
Id = str | int | float | None

_JSON_TYPES = (
    (bool, "true or false"),
    (str, "text"),
    ((int, float), "a number"),
    (list, "a list"),
    (dict, "an object"),
)


def type_of(value: object) -> str:
    """What a JSON value is, in words."""
    return next((words for kind, words in _JSON_TYPES if isinstance(value, kind)), "null")


@frozen
class RpcError(Exception):
    """What a caller is told. ``data`` has a stable ``code`` and, where one is to blame, the ``field``; a ``hint`` where
    the message says, in the words that users of the reference know, what is wrong but not what to do."""

    code: int
    message: str
    data: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return self.message


def invalid(field: str, message: str, *, hint: str = "") -> RpcError:
    """A parameter is missing or wrong. ``hint``: the fix, where the message is in the words that users know."""
    more = {"hint": hint} if hint else {}
    return RpcError(INVALID_PARAMS, message, {"code": "INVALID_REQUEST", "field": field, **more})


def refused(message: str, **more: str) -> RpcError:
    """The request is well-formed but cannot be done now. ``more`` says why, for programs."""
    return RpcError(REFUSED, message, {"code": "UNAVAILABLE", **more})


@frozen(kw_only=True)
class RpcRequest:
    """One request; a ``notification`` (it has no ``id``) is carried out and never answered."""

    method: str
    params: Params
    id: Id = None
    notification: bool = False


@frozen(kw_only=True)
class BadRequest:
    """A line that is no request, and what its sender is told; ``id`` as far as it could be read."""

    error: RpcError
    id: Id = None


@frozen(kw_only=True)
class RpcAnswer:
    """What a client says to a request of ours: a ``result``, or an ``error`` in its words."""

    id: Id
    result: Params = field(factory=dict[str, Any])
    error: str | None = None


EXPECTED = 'expected {"jsonrpc": "2.0", "id": …, "method": "…", "params": {…}}'
TOO_LONG = BadRequest(error=RpcError(INVALID_REQUEST, f"line: longer than {LINE_BYTES} bytes; send less at once"))


def read_line(line: bytes) -> RpcRequest | RpcAnswer | BadRequest:
    """The request in a line, or the answer to one of ours."""
    try:
        data = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return BadRequest(error=RpcError(PARSE_ERROR, f"line: not JSON: {error}; {EXPECTED}"))
    if isinstance(data, list):
        return _bad("batches are not supported; send one request a line")
    if not isinstance(data, dict):
        return _bad(f"got {type_of(data)}; {EXPECTED}")
    plain = cast("dict[str, Any]", data)
    if "method" not in plain and ("result" in plain or "error" in plain):
        return _answer(plain)
    method, params, name = plain.get("method"), plain.get("params", {}), plain.get("id")
    if isinstance(name, bool | list | dict):
        return _bad(f"id: expected text or a number, got {type_of(cast('object', name))}", field="id")
    if plain.get("jsonrpc") != "2.0":
        return _bad(f'jsonrpc: expected "2.0"; {EXPECTED}', name, field="jsonrpc")
    if not isinstance(method, str):
        return _bad(f"method: expected text, got {type_of(method)}; {EXPECTED}", name, field="method")
    if not isinstance(params, dict):
        message = f"params: expected an object with named parameters, got {type_of(params)}"
        return BadRequest(error=invalid("params", message), id=name)
    return RpcRequest(method=method, params=cast("Params", params), id=name, notification="id" not in plain)


def _answer(plain: dict[str, Any]) -> RpcAnswer:
    result, error = plain.get("result"), plain.get("error")
    if error is not None:
        words = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else error
        return RpcAnswer(id=plain.get("id"), error=str(words or "no reason given")[:REASON_CHARACTERS])
    return RpcAnswer(id=plain.get("id"), result=cast("Params", result) if isinstance(result, dict) else {})


def _bad(message: str, name: Id = None, **more: str) -> BadRequest:
    return BadRequest(error=RpcError(INVALID_REQUEST, message, {"code": "INVALID_REQUEST", **more}), id=name)


def request_line(name: str, method: str, params: Params) -> bytes:
    """A request of ours."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": name, "method": method, "params": params}) + b"\n"


def result_line(name: Id, result: Any) -> bytes:
    """An answer."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": name, "result": result}) + b"\n"


def error_line(name: Id, error: RpcError) -> bytes:
    """A refusal."""
    plain: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        plain["data"] = error.data
    return msgspec.json.encode({"jsonrpc": "2.0", "id": name, "error": plain}) + b"\n"


def notification_line(method: str, params: Params) -> bytes:
    """News that nobody answers."""
    return msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params}) + b"\n"


@define
class Lines:
    """Whole lines out of pieces. Never holds much more than ``limit`` bytes."""

    limit: int = LINE_BYTES
    _rest: bytearray = field(factory=bytearray)
    _passing_over: bool = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines completed by ``data``, without newlines and without blank ones.

        None stands for a line longer than ``limit``; it comes once, as soon as the line is known to be too long.
        """
        found: list[bytes | None] = []
        for number, piece in enumerate(data.split(b"\n")):
            if number:
                line = bytes(self._rest)
                if line.strip() and not self._passing_over:
                    found.append(line)
                self._rest, self._passing_over = bytearray(), False
            if not self._passing_over:
                self._rest += piece
            if len(self._rest) > self.limit:
                found.append(None)
                self._rest, self._passing_over = bytearray(), True
        return found
