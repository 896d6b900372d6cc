"""The wire: newline-delimited JSON-RPC 2.0, and the errors that cross it."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from attrs import define, field, frozen

LINE_BYTES = 1 << 20
"""The longest line; a longer one ends the connection."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL, REFUSED = (
    -32700,
    -32600,
    -32601,
    -32602,
    -32603,
    -32000,
)

Params = dict[str, Any]


@frozen
class RpcError(Exception):
    """What a caller is told. ``data`` has a stable ``code`` and, where one is to blame, the ``field``."""

    code: int
    message: str
    data: dict[str, Any] | None = None

    def __str__(self) -> str:
        return self.message


def invalid(field: str, message: str) -> RpcError:
    """A parameter is missing or wrong."""
    return RpcError(INVALID_PARAMS, message, {"code": "INVALID_REQUEST", "field": field})


def refused(message: str, code: str = "UNAVAILABLE") -> RpcError:
    """The request is well-formed but cannot be done now."""
    return RpcError(REFUSED, message, {"code": code})


@frozen(kw_only=True)
class RpcRequest:
    """One request; ``id`` is None for a notification."""

    method: str
    params: Params
    id: str | int | None


def read_request(line: bytes) -> RpcRequest:
    """The request in a line. Raises ``RpcError``."""
    try:
        data = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RpcError(PARSE_ERROR, f"not JSON: {error}") from None
    if isinstance(data, list):
        raise RpcError(INVALID_REQUEST, "batches are not supported; send one request a line")
    plain = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    method, params, name = plain.get("method"), plain.get("params", {}), plain.get("id")
    if plain.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, 'expected {"jsonrpc": "2.0", "method": "…", "params": {…}, "id": …}')
    if not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "params: expected an object with named parameters", {"field": "params"})
    if name is not None and not isinstance(name, str | int):
        raise RpcError(INVALID_REQUEST, "id: expected a string or a number")
    return RpcRequest(method=method, params=cast("Params", params), id=name)


def result_line(name: str | int | None, result: Any) -> bytes:
    """An answer."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": name, "result": result}) + b"\n"


def error_line(name: str | int | None, error: RpcError) -> bytes:
    """A refusal."""
    plain: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        plain["data"] = error.data
    return msgspec.json.encode({"jsonrpc": "2.0", "id": name, "error": plain}) + b"\n"


def notification_line(method: str, params: Params) -> bytes:
    """News that nobody answers."""
    return msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params}) + b"\n"


class TooLong(Exception):
    """A line is longer than ``LINE_BYTES``."""


@define
class Lines:
    """Whole lines out of pieces."""

    _rest: bytearray = field(factory=bytearray)

    def feed(self, data: bytes) -> list[bytes]:
        """The lines completed by ``data``, without newlines; blank ones are skipped. Raises ``TooLong``."""
        self._rest = self._rest + data
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        if len(rest) > LINE_BYTES or any(len(line) > LINE_BYTES for line in lines):
            raise TooLong
        return [bytes(line) for line in lines if line.strip()]
