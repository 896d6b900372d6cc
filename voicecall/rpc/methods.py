"""What can be asked of a running system: the reference's methods, with its parameters and answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import field, frozen

from journal import Journal
from voicecall.actors.drain import Drain
from voicecall.actors.pairing import Pairings
from voicecall.actors.supervisor import Accepted, Supervisor
from voicecall.actors.world import read_call, stream_of
from voicecall.adapters.agents.gateway import GatewayAgent
from voicecall.config import Config
from voicecall.core.requests import Ask, EndCall, PlaceCall, PressDigits, Refused, Say, Wish
from voicecall.events import CallId
from voicecall.events.schema import decode_entry
from voicecall.policies import outbound_policy
from voicecall.ports import Capability
from voicecall.projections import operation as operations
from voicecall.projections.directory import Directory
from voicecall.projections.operation import Operation
from voicecall.projections.status import call_line, call_record
from voicecall.rpc import draining, pairing
from voicecall.rpc import params as read
from voicecall.rpc.asking import ATTACH
from voicecall.rpc.hosts import Hosts
from voicecall.rpc.logs import SUBSCRIBE, LogFeed
from voicecall.rpc.protocol import METHOD_NOT_FOUND, Params, RpcError, invalid, refused

MOCK_NUMBER = "+15550000000"
"""Our number when the mock carrier is given none, as in the reference."""

TAIL = "voicecall.tail.subscribe"
CONNECTIONS = (TAIL, SUBSCRIBE, ATTACH, "voicecall.hello", "voicecall.cancel")
"""What is about the connection itself."""
OPERATION = re.compile(r"[1-9][0-9]{0,9}")
NO_OPERATION = "operation not found: operationId is what voicecall.continue.start answered"
NOT_THIS = "requestId: names another request of this call already; give every request a name of its own"

Method = Callable[["Methods", Params], Awaitable[dict[str, Any]]]


@frozen(kw_only=True)
class Methods:
    """``call`` one by name."""

    config: Config
    supervisor: Supervisor
    journal: Journal
    directory: Directory
    capabilities: frozenset[Capability]
    pairings: Pairings
    gateway: GatewayAgent | None = None
    """Asks the hosts that are attached, where the configuration wants them to think."""
    logs: LogFeed | None = None
    version: str = ""
    place: Mapping[str, Any] = field(factory=dict[str, Any])
    """Where the server is, as a hello tells it."""
    hosts: Hosts = field(factory=Hosts)
    drain: Drain | None = None
    """How the server ends, where that is its own business."""

    async def call(self, method: str, params: Params) -> dict[str, Any]:
        """The answer. Raises ``RpcError``."""
        found = METHODS.get(method)
        if found is None:
            words = f"method: unknown, {method[:40]!r}; known: {', '.join(self.names())}"
            raise RpcError(METHOD_NOT_FOUND, words, {"code": "INVALID_REQUEST", "field": "method"})
        return await found(self, params)

    @staticmethod
    def names() -> list[str]:
        """Everything that can be asked, also what ``connection.py`` answers by itself."""
        return sorted((*METHODS, *CONNECTIONS))

    async def initiate(self, params: Params) -> dict[str, Any]:
        """``{callId, initiated}``; a repeated ``requestId`` gives the first call."""
        read.only(params, "to", "message", "mode", "requestId", "by", "sessionKey", "requesterSessionKey")
        return await self._place(params, read.text(params, "message", "message required"), self.config.to_number)

    async def start(self, params: Params) -> dict[str, Any]:
        """Like ``initiate``, but ``to`` must be given and ``message`` need not be."""
        read.only(params, "to", "message", "mode", "requestId", "by", "sessionKey")
        return await self._place(params, read.optional_text(params, "message"), None)

    async def _place(self, params: Params, message: str, fallback: str | None) -> dict[str, Any]:
        to = read.number(params, fallback)
        mode = read.mode(params)
        wish = PlaceCall(
            request_id=_request_id(params),
            carrier=self.config.provider,
            caller=self.config.from_number or MOCK_NUMBER,
            callee=to,
            policy=outbound_policy(self.config, message=message, mode=mode, capabilities=self.capabilities),
            by=read.optional_text(params, "by") or "rpc",
        )
        accepted = _accepted(await self.supervisor.place(wish))
        return {"callId": accepted.call_id, "initiated": True}

    async def speak(self, params: Params) -> dict[str, Any]:
        """``{success}`` once the wish is on record."""
        call_id, message = self._call_and_message(params)
        await self._ask(call_id, Say(text=message, by=_by(params)), params)
        return {"success": True}

    async def end(self, params: Params) -> dict[str, Any]:
        """``{success}``."""
        read.only(params, "callId", "requestId", "by")
        call_id = self._call(read.text(params, "callId", "callId required"))
        await self._ask(call_id, EndCall(by=_by(params)), params)
        return {"success": True}

    async def dtmf(self, params: Params) -> dict[str, Any]:
        """``{success}``."""
        read.only(params, "callId", "digits", "requestId", "by")
        name = read.text(params, "callId", "callId and digits required")
        digits = read.text(params, "digits", "callId and digits required")
        call_id = self._call(name)
        await self._ask(call_id, PressDigits(digits=digits, by=_by(params)), params)
        return {"success": True}

    async def proceed(self, params: Params) -> dict[str, Any]:
        """``continue``: say something and wait for the caller's next final words: ``{success, transcript}``."""
        call_id, message = self._call_and_message(params)
        accepted = await self._ask(call_id, Ask(text=message, by=_by(params)), params)
        done = await self._operation(call_id, accepted.seq, wait=True)
        if not done.found:
            raise invalid("requestId", NOT_THIS)
        if done.status == "failed":
            raise refused(done.result, reason="operation-failed")
        return {"success": True, "transcript": done.result}

    async def proceed_start(self, params: Params) -> dict[str, Any]:
        """``continue.start``: the same without waiting."""
        call_id, message = self._call_and_message(params)
        accepted = await self._ask(call_id, Ask(text=message, by=_by(params)), params)
        if not (await self._operation(call_id, accepted.seq, wait=False)).found:
            raise invalid("requestId", NOT_THIS)
        poll = self.config.transcript_timeout_ms + 30_000
        return {"operationId": f"{call_id}:{accepted.seq}", "status": "pending", "pollTimeoutMs": poll}

    async def proceed_result(self, params: Params) -> dict[str, Any]:
        """``continue.result``: answered from the journal, by whichever process has it."""
        read.only(params, "operationId")
        name = read.text(params, "operationId", "operationId required")
        call_id, _, seq = name.rpartition(":")
        if not OPERATION.fullmatch(seq) or not self.directory.knows(CallId(call_id)):
            raise invalid("operationId", NO_OPERATION)
        done = await self._operation(CallId(call_id), int(seq), wait=False)
        if not done.found:
            raise invalid("operationId", NO_OPERATION)
        answer: dict[str, Any] = {"operationId": name, "status": done.status}
        if done.status == "completed":
            answer["result"] = {"success": True, "transcript": done.result}
        elif done.status == "failed":
            answer["error"] = done.result
        return answer

    async def status(self, params: Params) -> dict[str, Any]:
        """One call's record, or (no id) the calls that have not ended."""
        read.only(params, "callId", "sid")
        name = read.optional_text(params, "callId") or read.optional_text(params, "sid")
        if not name:
            return {"found": True, "calls": [call_line(row) for row in self.directory.live_rows()]}
        call_id = self.directory.find(name)
        if call_id is None:
            return {"found": False}
        return {"found": True, "call": call_record(call_id, await read_call(self.journal, call_id))}

    def _call_and_message(self, params: Params) -> tuple[CallId, str]:
        read.only(params, "callId", "message", "requestId", "by")
        name = read.text(params, "callId", "callId and message required")
        message = read.text(params, "message", "callId and message required")
        return self._call(name), message

    def _call(self, name: str) -> CallId:
        call_id = self.directory.find(name)
        if call_id is None:
            raise read.no_call(name)
        return call_id

    async def _ask(self, call_id: CallId, wish: Wish, params: Params) -> Accepted:
        return _accepted(await self.supervisor.request(call_id, wish, request_id=_request_id(params)))

    async def _operation(self, call_id: CallId, seq: int, *, wait: bool) -> Operation:
        state = Operation(seq=seq)
        source = self.journal.follow(stream_of(call_id)) if wait else self.journal.read(stream_of(call_id))
        async with source as lines:
            async for line in lines:
                state = operations.apply(state, decode_entry(line.body))
                if state.status != "pending":
                    break
        return state


async def _ping(methods: Methods, params: Params) -> dict[str, Any]:
    del methods
    read.only(params)
    return {}


async def _drain(methods: Methods, params: Params) -> dict[str, Any]:
    return draining.drain(methods.drain, params)


async def _pairing_list(methods: Methods, params: Params) -> dict[str, Any]:
    return await pairing.show(methods.pairings, params)


async def _pairing_approve(methods: Methods, params: Params) -> dict[str, Any]:
    return await pairing.approve(methods.pairings, params)


async def _pairing_revoke(methods: Methods, params: Params) -> dict[str, Any]:
    return await pairing.revoke(methods.pairings, params)


METHODS: Mapping[str, Method] = {
    "voicecall.ping": _ping,
    draining.DRAIN: _drain,
    "voicecall.pairing.list": _pairing_list,
    "voicecall.pairing.approve": _pairing_approve,
    "voicecall.pairing.revoke": _pairing_revoke,
    "voicecall.initiate": Methods.initiate,
    "voicecall.start": Methods.start,
    "voicecall.continue": Methods.proceed,
    "voicecall.continue.start": Methods.proceed_start,
    "voicecall.continue.result": Methods.proceed_result,
    "voicecall.speak": Methods.speak,
    "voicecall.dtmf": Methods.dtmf,
    "voicecall.end": Methods.end,
    "voicecall.status": Methods.status,
}


def _request_id(params: Params) -> str:
    return read.text(params, "requestId", read.REQUEST_ID)


def _by(params: Params) -> str:
    return read.optional_text(params, "by") or "rpc"


def _accepted(result: Accepted | Refused) -> Accepted:
    if isinstance(result, Accepted):
        return result
    if result.code == "bad-request":
        raise invalid(result.reason.partition(":")[0], result.reason)
    fix = "; end one of them, or raise maxConcurrentCalls" if result.code == "limit" else ""
    raise refused(result.reason + fix, reason=result.code)
