"""What a model streams back, read piece by piece. Pure.

Server-sent events are split here and not by the HTTP client: that one also ends a line at U+2028, which JSON may hold.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, cast

import msgspec
from attrs import define, field

from voicecall.adapters.agents.openai.failing import NoReply, cause
from voicecall.adapters.agents.openai.tools import ToolCall

T = TypeVar("T")
DONE = b"[DONE]"


@define
class DataLines:
    """Bytes in, the data of complete events out. Comments, names and ids of events mean nothing here."""

    _held: bytes = b""
    _data: list[bytes] = field(factory=list[bytes])

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that ``piece`` completes."""
        *lines, self._held = (self._held + piece).split(b"\n")
        events: list[bytes] = []
        for raw in lines:
            line = raw.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        return events


class Reading(Protocol):
    """One reply as it comes. ``over``: it is complete, and ``calls`` are the tools to call before there is more."""

    @property
    def over(self) -> bool: ...

    @property
    def calls(self) -> list[ToolCall]: ...

    def receive(self, data: bytes) -> str:
        """The words in one event, often none. Raises ``NoReply``."""
        ...


# --- chat completions ------------------------------------------------------------------------------------------------


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _CallDelta(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""


class _Delta(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    tool_calls: list[_CallDelta] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    error: Any = None


@define
class ChatReading:
    """See ``Reading``. Reasoning that a vendor sends in fields of its own is never read."""

    over: bool = False
    _calls: dict[int, ToolCall] = field(factory=dict[int, ToolCall])
    _silent: bool = True

    @property
    def calls(self) -> list[ToolCall]:
        """See ``Reading``."""
        return [self._calls[index] for index in sorted(self._calls)]

    def receive(self, data: bytes) -> str:
        """See ``Reading``."""
        if data == DONE:
            self.over = True
            return ""
        chunk = _decode(data, _Chunk)
        if chunk.error is not None:
            raise NoReply(cause(chunk.error))
        return "".join([self._read(choice) for choice in chunk.choices or ()])

    def _read(self, choice: _Choice) -> str:
        delta = choice.delta or _Delta()
        words = _text(delta.content) + (delta.refusal or "")
        self._silent = self._silent and not words.strip()
        for one in delta.tool_calls or ():
            self._collect(one)
        if choice.finish_reason:
            _check(choice.finish_reason, silent=self._silent)
            self.over = True
        return words

    def _collect(self, one: _CallDelta) -> None:
        known = self._calls.get(one.index) or ToolCall(call_id="", name="", arguments="")
        function = one.function or _Function()
        self._calls[one.index] = ToolCall(
            call_id=known.call_id or one.id or "",
            name=known.name or function.name or "",
            arguments=known.arguments + (function.arguments or ""),
        )


def _text(content: str | list[_Part] | None) -> str:
    """The words of a content; some vendors give parts, of which only text is for people."""
    if isinstance(content, list):
        return "".join(part.text for part in content if part.type == "text")
    return content or ""


# --- responses -------------------------------------------------------------------------------------------------------


class _Typed(msgspec.Struct):
    type: str = ""


class _Words(msgspec.Struct):
    delta: str = ""


class _Item(msgspec.Struct):
    type: str = ""
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class _ItemDone(msgspec.Struct):
    item: _Item


class _Why(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    error: Any = None
    incomplete_details: _Why | None = None


class _Ended(msgspec.Struct):
    response: _Response


@define
class ResponsesReading:
    """See ``Reading``."""

    over: bool = False
    calls: list[ToolCall] = field(factory=list[ToolCall])
    _silent: bool = True

    def receive(self, data: bytes) -> str:
        """See ``Reading``."""
        if data == DONE:
            return ""
        match _decode(data, _Typed).type:
            case "response.output_text.delta" | "response.refusal.delta":
                words = _decode(data, _Words).delta
                self._silent = self._silent and not words.strip()
                return words
            case "response.output_item.done":
                item = _decode(data, _ItemDone).item
                if item.type == "function_call":
                    self.calls.append(ToolCall(call_id=item.call_id, name=item.name, arguments=item.arguments))
            case "response.completed":
                self.over = True
            case "response.incomplete":
                why = _decode(data, _Ended).response.incomplete_details
                _check((why.reason if why else None) or "incomplete", silent=self._silent)
                self.over = True
            case "response.failed":
                raise NoReply(cause(_decode(data, _Ended).response.error))
            case "error":
                body = cast("dict[str, object]", msgspec.json.decode(data))
                raise NoReply(cause(body.get("error") or body))
            case _:
                pass  # a new kind of event is none of ours
        return ""


def _check(reason: str, *, silent: bool) -> None:
    """Why a reply ended: a filter is no reply, and neither is a limit that left no room for words."""
    if reason == "content_filter":
        raise NoReply("the vendor's content filter stopped the reply (content_filter)")
    if silent and reason in ("length", "max_output_tokens"):
        raise NoReply(f"the reply was cut off before its first word ({reason})")


def _decode(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:  # its words name the place, not what stands there
        raise NoReply(f"an event is not as expected: {error}") from error
