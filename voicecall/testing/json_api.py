"""Small pieces of a JSON API: bodies in, answers out, errors that name what is wrong."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import msgspec

from voicecall.ports import HttpRequest, HttpResponse

Plain = dict[str, Any]
Body = TypeVar("Body")


class Refusal(Exception):
    """The request is answered with an error of this status. The text says what is wrong and where."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def object_of(request: HttpRequest) -> Plain:
    """The object in a request's body; no body is an empty one. Raises ``Refusal``."""
    try:
        data = msgspec.json.decode(request.body or b"{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Refusal(400, "the body must be an object")
    return cast("Plain", data)


def body_of(request: HttpRequest, shape: type[Body]) -> Body:
    """The body as a value of this shape. Raises ``Refusal``."""
    try:
        return msgspec.convert(object_of(request), shape)
    except msgspec.ValidationError as error:
        raise Refusal(400, str(error)) from error


def json_response(status: int, plain: Plain) -> HttpResponse:
    """An answer in JSON."""
    return HttpResponse(status=status, headers={"content-type": "application/json"}, body=msgspec.json.encode(plain))
