"""What a host asks of a running system. Whatever is decided, is decided where RPC asks, too: ``rpc/methods.py``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import trio
from attrs import field, frozen

from journal.api import START, JournalError, Position
from voicecall.actors.world import stream_of
from voicecall.config import Config
from voicecall.embedding.errors import CallRefused, InvalidRequest, NoAnswer, typed
from voicecall.embedding.records import Accepted, Answer, Call, CallRecord, call_of, record_of
from voicecall.embedding.tail import Tail
from voicecall.events import CallId, Mode
from voicecall.events.facts import CallEnded
from voicecall.events.schema import BadEntry
from voicecall.rpc.methods import Methods
from voicecall.rpc.protocol import RpcError, type_of

MODES = tuple(one.value for one in Mode)


@frozen(kw_only=True)
class EmbeddedSystem:
    """A running system. Calls are named by their id, by a beginning of it that only one call has (at least 4
    characters), or by the carrier's id.

    A ``request_id`` names a request: the same one again is the same request, so whoever does not know whether it was
    heard may repeat it. Without one, each is a request of its own. Every method raises ``InvalidRequest`` for an
    argument that cannot be used and ``CallRefused`` for what cannot be done now.
    """

    state: Path
    """The state directory: journal, keys, recordings, and ``voicecall.sock`` for other programs."""
    _methods: Methods = field(alias="methods", repr=False)
    _webhook_url: Callable[[], str] = field(alias="webhook_url", repr=False)
    _nursery: trio.Nursery = field(alias="nursery", repr=False)
    _fresh_id: Callable[[], str] = field(alias="fresh_id", repr=False)
    _by: str = field(alias="by")

    @property
    def config(self) -> Config:
        """The configuration, completed and checked."""
        return self._methods.config

    @property
    def webhook_url(self) -> str:
        """Where the carrier reaches us now."""
        return self._webhook_url()

    async def initiate(
        self,
        to: str | None,
        message: str = "",
        *,
        mode: Literal["notify", "conversation"] | None = None,
        request_id: str | None = None,
    ) -> Accepted:
        """Call ``to`` (E.164; None: ``toNumber``) and say ``message``; "" waits for their first words.

        Returns once the call is on record, before it rings. ``mode``: say it and hang up, or talk; None is
        ``outbound.defaultMode``.
        """
        if mode is not None and mode not in MODES:
            raise InvalidRequest("mode", f"mode: expected one of {', '.join(MODES)} or None, got {mode!r}")
        to = self.config.to_number if to is None else to
        params = {"to": to, "message": message, **({"mode": mode} if mode else {})}
        method = "start" if message == "" else "initiate"
        answer, name = await self._change(method, params, request_id)
        return Accepted(call_id=CallId(answer["callId"]), request_id=name)

    async def speak(self, call_id: str, message: str, *, request_id: str | None = None) -> Accepted:
        """Say something on a live call. Returns once that is on record; ``tail`` tells what was heard."""
        return await self._on("speak", call_id, {"message": _words(message)}, request_id)

    async def ask(self, call_id: str, message: str, *, request_id: str | None = None) -> Answer:
        """Say something and wait for the caller's next words (the reference calls it ``continue``).

        Raises ``NoAnswer`` after ``transcriptTimeoutMs``, or when the call ends. Whoever stops waiting takes nothing
        back: the same ``request_id`` waits for the same answer again.
        """
        found = self._find(call_id)
        params = {"callId": found, "message": _words(message)}
        answer, name = await self._change("continue", params, request_id)
        return Answer(call_id=found, request_id=name, transcript=answer["transcript"])

    async def dtmf(self, call_id: str, digits: str, *, request_id: str | None = None) -> Accepted:
        """Press keys on a live call: ``0-9 * # A-D``; ``w`` waits half a second."""
        return await self._on("dtmf", call_id, {"digits": digits}, request_id)

    async def end(self, call_id: str, *, request_id: str | None = None) -> Accepted:
        """Hang up."""
        return await self._on("end", call_id, {}, request_id)

    async def status(self, call_id: str) -> CallRecord | None:
        """All that is known of a call, also of one that is over; None when there is no such call."""
        answer = await self._ask("status", {"callId": _text("call_id", call_id)})
        return record_of(answer["call"]) if answer["found"] else None

    async def calls(self) -> tuple[Call, ...]:
        """The calls that have not ended."""
        return tuple(call_of(one) for one in (await self._ask("status", {}))["calls"])

    async def ended(self, call_id: str) -> CallRecord:
        """Wait until a call is over; its record."""
        found = self._find(call_id)
        async with self.tail(found) as events:
            async for event in events:
                if isinstance(event.fact, CallEnded):
                    break
        record = await self.status(found)
        if record is None or record.ended_at is None:
            raise NoAnswer("the system was closed before the call was over; open it again and ask for its status")
        return record

    def tail(self, call_id: str | None = None, *, after: int = START) -> Tail:
        """What happens, as ``CallEvent``: of one call or of all, past and future, in order and without a gap.

        ``after`` is the ``position`` of the last one that is known: a host that keeps it goes on where it was.
        """
        stream = None if call_id is None else stream_of(self._find(call_id))
        return Tail(self._methods.journal, self._nursery, stream, _position(after))

    async def _on(self, method: str, call_id: str, params: dict[str, Any], request_id: str | None) -> Accepted:
        found = self._find(call_id)
        _, name = await self._change(method, {"callId": found, **params}, request_id)
        return Accepted(call_id=found, request_id=name)

    async def _change(self, method: str, params: dict[str, Any], request_id: str | None) -> tuple[dict[str, Any], str]:
        """Carry out a method that changes something; its answer, and the name of the request."""
        name = self._fresh_id() if request_id is None else _text("request_id", request_id)
        return await self._ask(method, {**params, "requestId": name, "by": self._by}), name

    async def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._methods.call(f"voicecall.{method}", params)
        except RpcError as error:
            raise typed(error) from None
        except (JournalError, BadEntry) as error:
            raise CallRefused("unavailable", str(error)) from error

    def _find(self, call_id: str) -> CallId:
        name = _text("call_id", call_id)
        found = self._methods.directory.find(name)
        if found is None:
            words = f"call_id: no call is called {name[:40]!r}, or more than one begins like that; see calls()"
            raise CallRefused("not-found", words, "call_id")
        return found


def _words(message: str) -> str:
    return _text("message", message)


def _position(after: object) -> Position:
    if isinstance(after, bool) or not isinstance(after, int) or after < 0:
        raise InvalidRequest("after", f"after: expected the position of an event, or 0, got {after!r}")
    return Position(after)


def _text(field: str, value: object) -> str:
    """A text that is not blank. Raises ``InvalidRequest``."""
    if not isinstance(value, str):
        raise InvalidRequest(field, f"{field}: expected text, got {type_of(value)}")
    if not value.strip():
        raise InvalidRequest(field, f"{field}: is empty; it is required")
    return value
