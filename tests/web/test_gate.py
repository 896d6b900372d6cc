"""The gate in memory: order, bounds, what is logged, and what is not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import structlog
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.kit import AT, event, new_gate, ok, signed
from voicecall.adapters.carriers.mock.codec import MockCarrier
from voicecall.adapters.carriers.mock.inbound import SIGNATURE
from voicecall.ports import Heard, HttpRequest, HttpResponse
from voicecall.web.fault import redacted
from voicecall.web.gate import PROVEN, Gate, path_of, plain_path, receive
from voicecall.web.places import CLIENTS

URL = "http://phone.example/voice/webhook"


def request(body: bytes = b"", **changed: object) -> HttpRequest:
    return HttpRequest(
        **{"method": "POST", "url": URL, "headers": signed(body), "body": body, "peer": "198.51.100.7", **changed}
    )


def answer(gate: Gate, asked: HttpRequest, body: AsyncIterator[bytes] | None = None) -> HttpResponse:
    return trio.run(receive, gate, asked, body, clock=trio.testing.MockClock(autojump_threshold=0))


async def never_read() -> AsyncIterator[bytes]:
    raise AssertionError("the body was read")
    yield b""


@pytest.mark.parametrize(
    ("configured", "asked", "same"),
    [
        ("/voice/webhook", "/voice/webhook", True),
        ("/voice/webhook/", "/voice/webhook", True),
        (" voice/webhook ", "/voice/webhook/", True),
        ("/voice/webhook", "/voice/webhook//", False),
        ("/voice/webhook", "/voice/webhookx", False),
        ("/voice/webhook", "/Voice/webhook", False),
        ("/", "/", True),
        ("/", "/voice", False),
    ],
)
def test_paths_are_compared_whole(configured: str, asked: str, same: bool) -> None:
    assert (plain_path(configured) == plain_path(asked)) is same


def test_a_path_is_taken_as_it_was_sent() -> None:
    assert path_of("http://h/a%2Fb/?c=/d#e") == "/a%2Fb/"
    assert path_of("http://[broken//x") == "//x"
    assert path_of("http://h") == "/"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"url": "http://h/other", "method": "GET", "headers": {}}, 404),
        ({"method": "GET", "headers": {}}, 405),
        ({"headers": {}}, 401),
        ({"headers": {**signed(b""), "content-length": "65537"}}, 413),
    ],
)
def test_the_head_alone_decides_when_it_can(changed: dict[str, object], status: int) -> None:
    assert answer(new_gate(), request(**changed), never_read()).status == status


def test_a_webhook_in_memory_passes_without_a_stream() -> None:
    told: list[tuple[str, str, bool]] = []

    async def deliver(
        carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        told.extend((carrier, one.key, verified) for one in heard)
        return HttpResponse(status=200)

    gate = new_gate(deliver)
    assert answer(gate, request(event(id="e1"))).status == 200
    assert answer(gate, request(b"x" * 65_537)).status == 413
    assert told == [("mock", "e1", True)]


def test_without_verification_facts_say_so() -> None:
    told: list[bool] = []

    async def deliver(
        carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        told.append(verified)
        return HttpResponse(status=200)

    gate = new_gate(deliver, skip_verification=True)
    assert answer(gate, request(event(), headers={})).status == 200
    assert told == [False]


def test_a_body_without_end_is_given_up_after_five_seconds() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            await trio.sleep(0.5)
            yield b" "

    async def main() -> float:
        response = await receive(new_gate(), request(), trickle())
        assert response.status == 408
        return trio.current_time()

    async def timed() -> float:
        start = trio.current_time()
        return await main() - start

    assert trio.run(timed, clock=trio.testing.MockClock(autojump_threshold=0)) == pytest.approx(5.0)


def test_clients_without_an_address_share_their_places_and_the_table_is_bounded() -> None:
    gate = new_gate()
    gate.unproven.taken[""] = 8
    assert answer(gate, request(event(), peer="")).status == 429
    gate.unproven.taken.update({f"2001:db8::{number:x}": 1 for number in range(CLIENTS - 1)})
    assert answer(gate, request(event(), peer="203.0.113.9")).status == 429
    assert answer(gate, request(event(), peer="2001:db8::1")).status == 200
    assert len(gate.unproven.taken) == CLIENTS
    assert gate.refusals["busy"] == 2


def test_places_are_by_address_however_it_is_spelled() -> None:
    gate = new_gate()
    gate.unproven.taken["203.0.113.9"] = 8
    assert answer(gate, request(event(), peer="::ffff:203.0.113.9")).status == 429


def test_a_proven_webhook_gives_its_place_to_the_next_stranger_and_has_more_room() -> None:
    async def deliver(
        carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        await trio.sleep(1)
        return HttpResponse(status=200)

    async def main() -> list[int]:
        gate = new_gate(deliver)
        statuses: list[int] = []

        async def one(number: int) -> None:
            statuses.append((await receive(gate, request(event(id=f"e{number}")))).status)

        async with trio.open_nursery() as nursery:
            for number in range(PROVEN + 1):
                nursery.start_soon(one, number)
        assert gate.proven.taken == gate.unproven.taken == {}
        return statuses

    assert sorted(trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))) == [200] * PROVEN + [429]


def test_a_cancelled_webhook_gives_its_place_back() -> None:
    async def deliver(
        carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        await trio.sleep_forever()
        raise AssertionError

    async def main() -> None:
        gate = new_gate(deliver)
        with trio.move_on_after(1) as patience:
            await receive(gate, request(event()))
        assert patience.cancelled_caught
        assert gate.unproven.taken == gate.proven.taken == {}
        assert sum(gate.refusals.values()) == 0

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_the_operators_log_says_why_and_never_what() -> None:
    async def deliver(
        carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        raise ValueError("+15550001000: my card number is 4111111111111111")

    with structlog.testing.capture_logs() as logs:
        assert answer(new_gate(ok), request(event(), headers=signed(b"other"))).status == 401
        assert answer(new_gate(deliver), request(event())).status == 500
    refused, failed, counted = logs
    assert refused["why"] == "x-mock-signature: the signature does not match the body"
    assert (failed["event"], failed["error"]) == ("webhook failed", "ValueError")
    assert failed["where"].startswith("test_gate.py:")
    assert counted["reason"] == "fault"
    assert "4111" not in repr(logs)
    assert "5550001000" not in repr(logs)


def test_reasons_are_redacted() -> None:
    reason = "Invalid signature for URL: https://h/voice?To=%2B15550001000 from +15550001000\n" + "k" * 40
    assert redacted(reason) == "Invalid signature for URL: https://h/voice?… from … …"
    assert len(redacted("a b " * 200)) == 200


def test_a_carrier_that_needs_no_headers_is_asked_to_verify_all_the_same() -> None:
    gate = new_gate(wall=lambda: (AT + 10_000) * 1000)
    assert answer(gate, request(event())).status == 401
    assert gate.refusals["signature"] == 1


@given(
    headers=st.dictionaries(
        st.sampled_from(["x-mock-signature", "x-mock-timestamp", "host", "content-length", "x-forwarded-for", "x-odd"]),
        st.text(st.characters(max_codepoint=255), max_size=60),
    ),
    body=st.binary(max_size=200),
    target=st.text(max_size=30),
    peer=st.text(max_size=20),
)
@settings(deadline=None)
def test_whatever_a_stranger_sends_is_refused_and_never_our_fault(
    headers: dict[str, str], body: bytes, target: str, peer: str
) -> None:
    gate = new_gate()
    asked = request(body, url=f"http://phone.example/voice/webhook?{target}", headers=headers, peer=peer)
    with structlog.testing.capture_logs():
        assert answer(gate, asked).status in (401, 413)
    assert gate.refusals["fault"] == 0
    assert len(gate.refused.newest_last) == 1


ORDER = ("path", "method", "headers", "busy", "size", "signature", "format", "call", "delivered")
"""Each step is cheaper than the next one, and tells a stranger less."""


@pytest.mark.parametrize("first", range(len(ORDER)), ids=lambda step: ORDER[step])
def test_a_request_is_refused_by_the_first_step_that_it_does_not_pass(first: int) -> None:
    """Whatever comes after that step would refuse it too, and is not asked."""
    delivered: list[int] = []

    async def deliver(
        carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        delivered.append(len(heard))
        return HttpResponse(status=200)

    def passes(step: str) -> bool:
        return ORDER.index(step) < first

    codec = MockCarrier(required_headers=((SIGNATURE,),))
    gate = new_gate(deliver, carriers={"mock": codec}, expects=lambda _carrier, _heard: passes("call"))
    gate.unproven.taken["198.51.100.7"] = 0 if passes("busy") else 8
    body = (event() if passes("format") else b"<xml/>") + (b"" if passes("size") else b" " * 65_536)
    proof = signed(body, "kept between us" if passes("signature") else "guessed")
    asked = request(
        body,
        url=URL if passes("path") else f"{URL}x",
        method="POST" if passes("method") else "GET",
        headers=proof if passes("headers") else {},
    )
    with structlog.testing.capture_logs():
        answer(gate, asked)
    told = [reason for reason, times in gate.refusals.items() if times]
    assert (told, delivered) == (([], [1]) if first == len(ORDER) - 1 else ([ORDER[first]], []))
