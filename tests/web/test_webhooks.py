"""Webhooks over real sockets: every way to be refused, and what a delivery may expect."""

from __future__ import annotations

import pytest
import trio
from attrs import define, field

from tests.web.kit import AT, PATH, Kit, event, head, post, read_answer, serve, signed
from voicecall.ports import Heard, HttpResponse


@define
class Ledger:
    """Deliveries, in order, each held back until it is let through."""

    delivered: list[tuple[Heard, ...]] = field(factory=list)
    open: trio.Event = field(factory=trio.Event)
    answered: int = 0

    async def deliver(
        self, carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        assert (carrier, verified) == ("mock", True)
        self.delivered.append(heard)
        await self.open.wait()
        self.answered += 1
        return HttpResponse(status=200, headers={"content-type": "application/json"}, body=b'{"actions":[]}')


def test_a_webhook_is_delivered_and_gets_the_carriers_reply() -> None:
    ledger = Ledger()
    ledger.open.set()

    async def story(kit: Kit) -> None:
        answer = await kit.ask(post(event(id="e7")))
        assert (answer.status, answer.body) == (200, b'{"actions":[]}')
        assert answer.headers["content-type"] == "application/json"

    serve(story, deliver=ledger.deliver)
    assert [[heard.key for heard in one] for one in ledger.delivered] == [["e7"]]


@pytest.mark.parametrize(
    ("request_bytes", "status", "body"),
    [
        (post(event(), path="/voice/webhook-evil"), 404, b"Not Found"),
        (post(event(), path="/voice"), 404, b"Not Found"),
        (post(event(), path="//voice/webhook"), 404, b"Not Found"),
        (post(event(), path="/voice%2Fwebhook"), 404, b"Not Found"),
        (post(event(), path="/"), 404, b"Not Found"),
        (post(event(), path=PATH + "/"), 200, b'{"actions":[]}'),
        (post(event(), path=PATH + "?attempt=2"), 200, b'{"actions":[]}'),
        (post(b"", method="GET"), 405, b"Method Not Allowed: configure this webhook as POST"),
        (post(b"", method="BREW"), 405, b"Method Not Allowed: configure this webhook as POST"),
        (post(event(), {}), 401, b"Unauthorized"),
        (post(event(), {"x-mock-signature": "0" * 64}), 401, b"Unauthorized"),
        (post(event(), {"x-mock-timestamp": str(AT)}), 401, b"Unauthorized"),
        (post(event(), signed(event(), secret="guessed")), 401, b"Unauthorized"),
        (post(event(), signed(event(), at=AT - 301)), 401, b"Unauthorized"),
        (post(event(id="changed"), signed(event())), 401, b"Unauthorized"),
        (post(b'{"surprise":1}'), 400, b'Bad Request: the body has neither "event" nor "events"'),
        (post(b"<xml/>"), 400, None),
    ],
)
def test_what_is_refused(request_bytes: bytes, status: int, body: bytes | None) -> None:
    async def story(kit: Kit) -> None:
        answer = await kit.ask(request_bytes)
        assert answer.status == status
        assert body is None or answer.body == body

    serve(story)


def test_missing_headers_are_answered_before_the_body_is_sent() -> None:
    async def story(kit: Kit) -> None:
        async with await kit.connect() as stream:
            await stream.send_all(head("POST", PATH, {"content-length": "500"}))
            answer = await read_answer(stream)
            assert (answer.status, answer.body) == (401, b"Unauthorized")
            await stream.send_all(b"x" * 500)  # late, and read away
            assert await stream.receive_some() == b""

    serve(story)


def test_an_announced_oversize_is_answered_before_the_body_is_sent() -> None:
    async def story(kit: Kit) -> None:
        async with await kit.connect() as stream:
            await stream.send_all(head("POST", PATH, {"content-length": str(64 * 1024 + 1), **signed(b"")}))
            answer = await read_answer(stream)
            assert (answer.status, answer.body) == (413, b"Payload Too Large")

    serve(story)


def test_the_largest_body_passes_and_one_byte_more_does_not() -> None:
    async def story(kit: Kit) -> None:
        fitting = event(text="a" * (64 * 1024 - len(event(text=""))))
        assert len(fitting) == 64 * 1024
        assert (await kit.ask(post(fitting))).status == 200
        assert (await kit.ask(post(fitting + b" "))).status == 413

    serve(story)


def test_a_chunked_oversize_is_refused_while_it_arrives() -> None:
    async def story(kit: Kit) -> None:
        async with await kit.connect() as stream:
            await stream.send_all(head("POST", PATH, {"transfer-encoding": "chunked", **signed(b"")}))
            for _ in range(9):
                await stream.send_all(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
            answer = await read_answer(stream)  # the last chunk was never sent
            assert (answer.status, answer.body) == (413, b"Payload Too Large")

    serve(story)


def test_a_sender_who_reads_only_after_sending_everything_still_gets_the_answer() -> None:
    async def story(kit: Kit) -> None:
        body = b"x" * 4_000_000
        answer = await kit.ask(post(body))
        assert answer.status == 413
        answer = await kit.ask(post(body, {}))
        assert answer.status == 401

    serve(story)


def test_a_chunked_body_that_fits_is_delivered() -> None:
    async def story(kit: Kit) -> None:
        body = event()
        async with await kit.connect() as stream:
            await stream.send_all(head("POST", PATH, {"transfer-encoding": "chunked", **signed(body)}))
            for at in range(0, len(body), 20):
                piece = body[at : at + 20]
                await stream.send_all(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await stream.send_all(b"0\r\n\r\n")
            assert (await read_answer(stream)).status == 200

    serve(story)


def test_a_body_that_trickles_is_given_up_after_five_seconds() -> None:
    async def story(kit: Kit) -> None:
        body = event()
        async with await kit.connect() as stream:
            start = trio.current_time()
            await stream.send_all(head("POST", PATH, {"content-length": str(len(body)), **signed(body)}) + body[:-1])
            answer = await read_answer(stream)
            assert answer.status == 408
            assert 4.9 < trio.current_time() - start < 30
            assert await stream.receive_some() == b""

    serve(story, rate=10)


def test_the_ninth_webhook_that_is_not_proven_yet_waits_for_nobody() -> None:
    async def story(kit: Kit) -> None:
        body = event(id="slow")
        slow = [await kit.connect() for _ in range(8)]
        for stream in slow:
            await stream.send_all(head("POST", PATH, {"content-length": str(len(body)), **signed(body)}) + body[:-1])
        while kit.gate.unproven.taken != {"127.0.0.1": 8}:
            await trio.lowlevel.checkpoint()
        answer = await kit.ask(post(event(id="e9")))
        assert (answer.status, answer.body) == (429, b"Too Many Requests")
        for stream in slow:
            await stream.send_all(body[-1:])
            assert (await read_answer(stream)).status == 200
            await stream.aclose()
        assert (await kit.ask(post(event(id="e10")))).status == 200

    serve(story)


def test_a_carrier_may_have_more_webhooks_becoming_durable_than_strangers_may_knock() -> None:
    ledger = Ledger()

    async def story(kit: Kit) -> None:
        statuses: list[int] = []

        async def one(number: int) -> None:
            statuses.append((await kit.ask(post(event(id=f"e{number}")))).status)

        async with trio.open_nursery() as nursery:
            for number in range(9):
                nursery.start_soon(one, number)
            while len(ledger.delivered) < 9:
                await trio.lowlevel.checkpoint()
            assert kit.gate.unproven.taken == {}
            ledger.open.set()
        assert statuses == [200] * 9

    serve(story, deliver=ledger.deliver)


def test_a_delivery_that_fails_is_a_500_without_details() -> None:
    async def deliver(
        carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        raise RuntimeError("+15550001000 said something private")

    async def story(kit: Kit) -> None:
        answer = await kit.ask(post(event()))
        assert (answer.status, answer.body) == (500, b"Internal Server Error")
        assert kit.gate.refusals["fault"] == 1

    serve(story, deliver=deliver)


def test_health_is_about_the_process_and_readiness_about_its_parts() -> None:
    async def story(kit: Kit) -> None:
        assert (await kit.ask(post(b"", {}, path="/healthz", method="GET"))).body == b'{"alive":true}'
        ready = await kit.ask(post(b"", {}, path="/readyz", method="GET"))
        assert ready.status == 200
        assert ready.body == b'{"ready":true,"journal":true,"plane":true,"draining":false}'
        assert (ready.headers["content-type"], ready.headers["cache-control"]) == ("application/json", "no-store")

    serve(story)


def test_a_server_that_drains_is_not_ready() -> None:
    async def story(kit: Kit) -> None:
        ready = await kit.ask(post(b"", {}, path="/readyz", method="GET"))
        assert ready.status == 503
        assert b'"ready":false' in ready.body
        assert b'"draining":true' in ready.body

    serve(story, draining=True)


def test_a_plane_that_is_down_is_not_ready() -> None:
    async def story(kit: Kit) -> None:
        ready = await kit.ask(post(b"", {}, path="/readyz", method="GET"))
        assert ready.status == 503
        assert b'"plane":false' in ready.body
        assert (await kit.ask(post(b"", {}, path="/healthz", method="GET"))).status == 200

    serve(story, ready=False)
