"""One simulated Realtime socket, as a session sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
from attrs import define

from voicecall.testing.vendors.openai_script import OpenAiScript


class Cut(Exception):
    """The socket ends here, with a close code: 1011 when the server dies."""

    def __init__(self, code: int = 1011) -> None:
        super().__init__(code)
        self.code = code


@define
class Wire:
    """Sends events, each with an id of its own, and keeps them for the test."""

    script: OpenAiScript
    write: Callable[[str], Awaitable[None]]

    async def send(self, kind: str, **fields: Any) -> None:
        """One event."""
        event = {"type": kind, "event_id": self.script.name("event"), **fields}
        encoded = msgspec.json.encode(event)
        self.script.sent.append(msgspec.json.decode(encoded))
        await self.write(encoded.decode())

    async def error(
        self,
        message: str,
        *,
        cause: Mapping[str, Any] | None = None,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        """An error event; ``cause`` is the message that it is about."""
        event_id = (cause or {}).get("event_id")
        error = {"type": kind, "code": code, "message": message, "param": param, "event_id": event_id}
        await self.send("error", error=error)


def merge(old: Any, new: Any) -> Any:
    """``old`` with the fields of ``new``: what is not sent stays as it is."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    merged = {**cast("dict[str, Any]", old)}
    for name, value in cast("dict[str, Any]", new).items():
        merged[name] = merge(merged.get(name), value)
    return merged
