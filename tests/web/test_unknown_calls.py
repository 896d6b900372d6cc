"""A genuine webhook about a call that is not ours: kept for the operator, and answered so that nobody repeats it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
import trio
import trio.testing

from tests.web.kit import event, new_gate, signed
from voicecall.__main__ import main
from voicecall.events import Instant
from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing.dialect import Webhook
from voicecall.testing.happenings import Offer
from voicecall.testing.memory_system import (
    OURS,
    WEBHOOK_URL,
    MemorySystem,
    open_memory_system,
    open_memory_town,
)
from voicecall.testing.script import load_script
from voicecall.web.gate import receive
from voicecall.web.redaction import outline_name
from voicecall.web.refused_log import RefusedRequest

CARRIERS = ("mock", "twilio", "telnyx", "plivo")
OTHERS = f"{WEBHOOK_URL}?callId=5b0e2c1e-0000-5000-8000-000000000009"
ENDED: dict[str, dict[str, Any]] = {
    "mock": {"id": "e1", "type": "call.ended", "callId": "c9", "providerCallId": "mock-c9", "reason": "completed"},
    "twilio": {"CallSid": "CA" + "9" * 31 + "a", "CallStatus": "completed", "CallbackSource": "call-progress-events"},
    "telnyx": {
        "event_type": "call.hangup",
        "id": "d1a5",
        "payload": {"call_control_id": "v3:nobodys", "hangup_cause": "normal_clearing", "hangup_source": "callee"},
    },
    "plivo": {"CallUUID": "uuid-9", "Event": "Hangup", "CallStatus": "completed", "HangupCauseCode": "4000"},
}
"""That a call is over which another server of the same account has placed."""
NAMES = {"mock": "mock-c9", "twilio": ENDED["twilio"]["CallSid"], "telnyx": "v3:nobodys", "plivo": "uuid-9"}
ASKS: dict[str, dict[str, Any]] = {
    "twilio": {"CallSid": "CA9x", "CallStatus": "in-progress", "Direction": "outbound-api"},
    "plivo": {"CallUUID": "uuid-9", "CallStatus": "in-progress", "Direction": "outbound"},
}
"""What to do next with such a call."""


def play(carrier: str, story: Callable[[MemorySystem], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        async with open_memory_system(carrier=carrier, settings=settings) as system:
            await story(system)

    with structlog.testing.capture_logs():
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def tell(system: MemorySystem, fields: dict[str, Any], url: str = OTHERS) -> HttpResponse:
    """A webhook as the simulated carrier signs it."""
    dialect = system.network.board.dialect
    return await receive(system.calls.gate, dialect.sign(Webhook(kind="test", url=url, fields=fields), 1))


def kept(system: MemorySystem) -> RefusedRequest:
    (one,) = system.calls.gate.refused.newest_last
    return one


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_report_about_nobodys_call_is_kept_and_not_asked_for_again(carrier: str) -> None:
    async def story(system: MemorySystem) -> None:
        before = system.calls.directory.position
        for _ in range(2):
            assert (await tell(system, ENDED[carrier])).status == 200
        one = kept(system)
        assert (one.reason, one.status, one.times) == ("call", 200, 2)
        assert one.why == f"call.ended of {NAMES[carrier]}"
        assert any(verdict.matches for verdict in one.verdicts)
        assert system.calls.gate.refusals["call"] == 2
        assert system.calls.directory.position == before, "no fact, no call: nothing that a stranger could fill up"
        assert system.calls.supervisor.actors == 0

    play(carrier, story)


@pytest.mark.parametrize("carrier", ["twilio", "plivo"])
def test_whoever_is_on_such_a_call_is_hung_up_on_and_hears_no_error(carrier: str) -> None:
    async def story(system: MemorySystem) -> None:
        answer = await tell(system, ASKS[carrier], f"{OTHERS}&flow=turn&n=7")
        assert (answer.status, b"<Hangup" in answer.body) == (200, True)
        assert "xml" in answer.headers["content-type"]
        assert kept(system).why.startswith("flow.asked of ")

    play(carrier, story)


def test_what_names_no_call_at_all_is_kept_too() -> None:
    async def story(system: MemorySystem) -> None:
        assert (await tell(system, {"event_type": "number.ported", "id": "d2", "payload": {"x": 1}})).status == 200
        assert (kept(system).reason, kept(system).why) == ("call", "it names no call")

    play("telnyx", story)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_call_that_is_over_or_was_refused_is_known_and_what_is_told_of_it_is_a_fact(carrier: str) -> None:
    async def story(system: MemorySystem) -> None:
        board = system.network.board
        offer = Offer(
            caller="+15551112222", callee=OURS, webhook_url=WEBHOOK_URL, script=load_script([{"do": "staySilent"}])
        )
        name = board.dialect.offer(offer).party.vendor_call_id
        call_id = None
        while call_id is None:
            await trio.sleep(0.5)
            call_id = system.calls.directory.named(carrier, name)
        await system.ended(call_id)
        await trio.sleep(60)
        before = len(await system.entries(call_id))
        fields = json.loads(json.dumps(ENDED[carrier]).replace(NAMES[carrier], name))
        fields.update({"CallStatus": "strange"} if "CallStatus" in fields else {})
        assert (await tell(system, fields, WEBHOOK_URL)).status in (200, 204)
        assert len(await system.entries(call_id)) > before
        assert system.calls.gate.refused.newest_last == ()

    play(carrier, story, inboundPolicy="disabled")


def test_a_call_whose_journal_was_erased_is_nobodys_and_stays_erased() -> None:
    async def main() -> None:
        async with open_memory_town(carrier="twilio") as town:
            async with town.serve() as system:
                call_id = await system.place("+15551112222")
                await system.ended(call_id)
                name = system.network.board.report()["calls"][0]["providerCallId"]
            await town.journal.erase(f"call/{call_id}")
            async with town.serve() as system:
                fields = {**ENDED["twilio"], "CallSid": name, "CallStatus": "completed"}
                assert (await tell(system, fields, f"{WEBHOOK_URL}?callId={call_id}&report=status")).status == 200
                assert kept(system).why == f"call.ended of {name}"
                assert not system.calls.directory.knows(call_id)

    with structlog.testing.capture_logs():
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


# --- what the operator is told ---------------------------------------------------------------------------------------


def explained(tmp_path: Path, one: RefusedRequest, capsys: pytest.CaptureFixture[str]) -> str:
    (tmp_path / "refused.jsonl").write_bytes(msgspec.json.encode(one) + b"\n")
    assert main(["why-signature", "last", "--state", str(tmp_path), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["advice"]


def asked(body: bytes, **gate: Any) -> RefusedRequest:
    """What a gate keeps of a webhook that it lets in and then cannot use."""
    made = new_gate(expects=lambda _carrier, _heard: False, **gate)
    whole = HttpRequest(
        method="POST", url="http://phone.example/voice/webhook?callId=c1", headers=signed(body), body=body
    )
    with structlog.testing.capture_logs():
        trio.run(receive, made, whole)
    (one,) = made.refused.newest_last
    return one


def test_the_operator_is_told_that_the_signature_was_right_and_the_call_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    advice = explained(tmp_path, asked(event()), capsys)
    assert advice.startswith("the signature was right, but the call is unknown: call.ringing of mock-c1 is not in")
    advice = explained(tmp_path, asked(event(), skip_verification=True, wall=lambda: Instant(0)), capsys)
    assert advice.startswith("the request was let in without proof, as the configuration says, but the call is unknown")


def test_a_right_signature_is_not_blamed_for_what_came_after_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    advice = explained(tmp_path, asked(b"{}"), capsys)
    assert advice.startswith("the signature was right, but what was said is not understood: ")

    async def broken(*_: object, **__: object) -> HttpResponse:
        raise OSError

    made = new_gate(broken)
    whole = HttpRequest(method="POST", url="http://phone.example/voice/webhook", headers=signed(event()), body=event())
    with structlog.testing.capture_logs():
        assert trio.run(receive, made, whole).status == 500
    advice = explained(tmp_path, made.refused.newest_last[0], capsys)
    assert advice == "the signature was right; it was refused for another reason: fault"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("CA" + "0" * 32, "CA" + "0" * 32),
        ("v3:T02llQxIyaRkhfRKxgAP8nY5_EOLVdA", "v3:T02llQxIyaRkhfRKxgAP8nY5_EOLVdA"),
        ("5b0e2c1e-0000-5000-8000-000000000001", "5b0e2c1e-0000-5000-8000-000000000001"),
        ("15550001000", "…"),
        ("sip:+15550001000@h", "…"),
        ("a b", "…"),
        ("a" * 121, "…"),
        ("", ""),
    ],
)
def test_a_calls_name_is_told_and_nothing_else_in_its_place(name: str, told: str) -> None:
    assert outline_name(name) == told
