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
from voicecall.events import CallId, Mode
from voicecall.events.schema import decode_entry
from voicecall.policies import outbound_policy
from voicecall.ports import Capability
from voicecall.projections import operation as operations
from voicecall.projections.directory import Directory
from voicecall.projections.operation import Operation
from voicecall.projections.status import call_line, call_record
from voicecall.rpc import draining, pairing
from voicecall.rpc.asking import ATTACH
from voicecall.rpc.configuring import Configuring
from voicecall.rpc.hosts import Hosts
from voicecall.rpc.logs import SUBSCRIBE, LogFeed
from voicecall.rpc.params import given, no_call
from voicecall.rpc.protocol import METHOD_NOT_FOUND, Params, RpcError, invalid, refused
from voicecall.rpc.schema import document

MOCK_NUMBER = "+15550000000"
"""Our number when the mock carrier is given none, as in the reference."""

TAIL = "voicecall.tail.subscribe"
CONNECTIONS = (TAIL, SUBSCRIBE, ATTACH, "voicecall.hello", "voicecall.cancel")
"""What is about the connection itself."""
OPERATION = re.compile(r"[1-9][0-9]{0,9}")
NOT_THIS = "requestId: names another request of this call already; give every request a name of its own"

Method = Callable[["Methods", Params], Awaitable[dict[str, Any]]]


@frozen(kw_only=True)
class Methods:
    """``call`` one by name."""

    configuring: Configuring
    supervisor: Supervisor
    journal: Journal
    directory: Directory
    capabilities: frozenset[Capability]
    pairings: Pairings
    gateway: GatewayAgent | None = None
    """Asks the hosts that are attached, where the configuration wants them to think."""
    logs: LogFeed | None = None
    version: str = ""
    instance: str = ""
    """The name by which the door answers to a probe."""
    webhook_url: Callable[[], str] = lambda: ""
    """Where carriers post now."""
    place: Mapping[str, Any] = field(factory=dict[str, Any])
    """Where the server is, as a hello tells it."""
    hosts: Hosts = field(factory=Hosts)
    drain: Drain | None = None
    """How the server ends, where that is its own business."""

    @property
    def config(self) -> Config:
        """What counts for calls that begin now."""
        return self.configuring.current.config

    async def call(self, method: str, params: Params) -> dict[str, Any]:
        """The answer to one of ``METHODS``. Raises ``RpcError``."""
        self.check(method)
        return await METHODS[method](self, given(method, params))

    @classmethod
    def check(cls, method: str) -> None:
        """Raises ``RpcError`` for what cannot be asked."""
        if method not in METHODS and method not in CONNECTIONS:
            words = f"method: unknown, {method[:40]!r}; known: {', '.join(cls.names())}"
            raise RpcError(METHOD_NOT_FOUND, words, {"code": "INVALID_REQUEST", "field": "method"})

    @staticmethod
    def names() -> list[str]:
        """Everything that can be asked, also what ``connection.py`` answers by itself."""
        return sorted((*METHODS, *CONNECTIONS))

    async def initiate(self, params: Params) -> dict[str, Any]:
        """``{callId, initiated}``; a repeated ``requestId`` gives the first call."""
        return await self._place({"to": self.config.to_number, **params})

    async def start(self, params: Params) -> dict[str, Any]:
        """Like ``initiate``, but ``to`` must be given and ``message`` need not be."""
        return await self._place(params)

    async def _place(self, params: Params) -> dict[str, Any]:
        if not params["to"]:
            raise invalid("to", "to required", hint="whom to call, e.g. +15550001234; or set toNumber")
        policy = outbound_policy(
            self.config,
            message=params.get("message", ""),
            mode=Mode(params["mode"]) if "mode" in params else None,
            capabilities=self.capabilities,
            keys=params.get("dtmfSequence", ""),
            session=params.get("sessionKey", ""),
            requester=params.get("requesterSessionKey", ""),
        )
        wish = PlaceCall(
            request_id=params["requestId"],
            carrier=self.config.provider,
            caller=self.config.from_number or MOCK_NUMBER,
            callee=params["to"],
            policy=policy,
            by=_by(params),
        )
        accepted = _accepted(await self.supervisor.place(wish))
        return {"callId": accepted.call_id, "initiated": True}

    async def speak(self, params: Params) -> dict[str, Any]:
        """``{success}`` once the wish is on record."""
        await self._ask(params, Say(text=params["message"], by=_by(params)))
        return {"success": True}

    async def end(self, params: Params) -> dict[str, Any]:
        """``{success}``."""
        await self._ask(params, EndCall(by=_by(params)))
        return {"success": True}

    async def dtmf(self, params: Params) -> dict[str, Any]:
        """``{success}``."""
        await self._ask(params, PressDigits(digits=params["digits"], by=_by(params)))
        return {"success": True}

    async def proceed(self, params: Params) -> dict[str, Any]:
        """``continue``: say something and wait for the caller's next final words: ``{success, transcript}``."""
        call_id, accepted = await self._ask(params, Ask(text=params["message"], by=_by(params)))
        done = await self._operation(call_id, accepted.seq, wait=True)
        if not done.found:
            raise invalid("requestId", NOT_THIS)
        if done.status == "failed":
            raise refused(done.result, reason="operation-failed")
        return {"success": True, "transcript": done.result}

    async def proceed_start(self, params: Params) -> dict[str, Any]:
        """``continue.start``: the same without waiting."""
        call_id, accepted = await self._ask(params, Ask(text=params["message"], by=_by(params)))
        if not (await self._operation(call_id, accepted.seq, wait=False)).found:
            raise invalid("requestId", NOT_THIS)
        poll = self.config.transcript_timeout_ms + 30_000
        return {"operationId": f"{call_id}:{accepted.seq}", "status": "pending", "pollTimeoutMs": poll}

    async def proceed_result(self, params: Params) -> dict[str, Any]:
        """``continue.result``: answered from the journal, by whichever process has it."""
        name = params["operationId"]
        call_id, _, seq = name.rpartition(":")
        if not OPERATION.fullmatch(seq) or not self.directory.knows(CallId(call_id)):
            raise _no_operation()
        done = await self._operation(CallId(call_id), int(seq), wait=False)
        if not done.found:
            raise _no_operation()
        answer: dict[str, Any] = {"operationId": name, "status": done.status}
        if done.status == "completed":
            answer["result"] = {"success": True, "transcript": done.result}
        elif done.status == "failed":
            answer["error"] = done.result
        return answer

    async def status(self, params: Params) -> dict[str, Any]:
        """One call's record, or (no id) the calls that have not ended."""
        name = params.get("callId")
        if not name:
            return {"found": True, "calls": [call_line(row) for row in self.directory.live_rows()]}
        call_id = self.directory.find(name)
        if call_id is None:
            return {"found": False}
        return {"found": True, "call": call_record(call_id, await read_call(self.journal, call_id))}

    async def _ask(self, params: Params, wish: Wish) -> tuple[CallId, Accepted]:
        call_id = self.directory.find(params["callId"])
        if call_id is None:
            raise no_call(params["callId"])
        return call_id, _accepted(await self.supervisor.request(call_id, wish, request_id=params["requestId"]))

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
    del methods, params
    return {}


async def _schema(methods: Methods, params: Params) -> dict[str, Any]:
    del methods, params
    return document()


async def _drain(methods: Methods, params: Params) -> dict[str, Any]:
    return draining.drain(methods.drain, params)


async def _pairing_list(methods: Methods, params: Params) -> dict[str, Any]:
    del params
    return await pairing.show(methods.pairings)


async def _pairing_approve(methods: Methods, params: Params) -> dict[str, Any]:
    return await pairing.approve(methods.pairings, params)


async def _pairing_revoke(methods: Methods, params: Params) -> dict[str, Any]:
    return await pairing.revoke(methods.pairings, params)


async def _config_update(methods: Methods, params: Params) -> dict[str, Any]:
    return await methods.configuring.update(params)


async def _config_reload(methods: Methods, params: Params) -> dict[str, Any]:
    return await methods.configuring.reload(params)


METHODS: Mapping[str, Method] = {
    "voicecall.ping": _ping,
    "voicecall.config.update": _config_update,
    "voicecall.config.reload": _config_reload,
    "voicecall.schema": _schema,
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


def _no_operation() -> RpcError:
    hint = "operationId is what voicecall.continue.start answered"
    return invalid("operationId", "operation not found", hint=hint)


def _by(params: Params) -> str:
    return str(params.get("by", "rpc"))


def _accepted(result: Accepted | Refused) -> Accepted:
    if isinstance(result, Accepted):
        return result
    if result.code == "bad-request":
        raise invalid(result.reason.partition(" ")[0].rstrip(":"), result.reason)
    fix = {"hint": "end one of them, or raise maxConcurrentCalls"} if result.code == "limit" else {}
    raise refused(result.reason, reason=result.code, **fix)
