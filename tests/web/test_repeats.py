"""A webhook that comes again, at a whole system with a real journal: the journal is the only memory there is."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import trio
import trio.testing

from journal.reading import Reader
from tests.web.kit import Answer, event, post, read_answer, signed
from voicecall.config import parse
from voicecall.events import Entry
from voicecall.events.schema import decode_entry
from voicecall.system import System, open_system

OFFER: dict[str, Any] = {
    "type": "call.initiated",
    "callId": "",
    "providerCallId": "mock-in-1",
    "direction": "inbound",
    "from": "+15550001000",
    "to": "+15550000000",
}


def live(state: Path, story: Callable[[System], Awaitable[None]], **config: Any) -> None:
    """One life of a system in this state directory, which nobody may call."""
    checked = parse({"mock": {"apiUrl": "http://127.0.0.1:1", "secret": "kept between us"}, **config}, {})

    async def main() -> None:
        with trio.fail_after(600):
            async with open_system(
                attrs.evolve(checked, serve=attrs.evolve(checked.serve, port=0)), state=state
            ) as system:
                await story(system)

    # Nothing here waits for time to pass; a receipt's 1.5 s must outlast the flush of a busy disk.
    trio.run(main, clock=trio.testing.MockClock(rate=0.2))


async def send(system: System, request: bytes) -> Answer:
    async with await trio.open_tcp_stream("127.0.0.1", system.door.port) as stream:
        await stream.send_all(request)
        return await read_answer(stream)


def entries(state: Path) -> list[Entry]:
    """Everything in the journal, after the system has gone."""

    async def read() -> list[Entry]:
        async with Reader(state / "journal").read(None) as lines:
            return [decode_entry(line.body) async for line in lines if line.stream.startswith("call/")]

    return trio.run(read)


def stamped(system: System, body: bytes, late_s: int = 0) -> bytes:
    """The webhook as the network sends it now, or sent it a while ago: each time with another signature."""
    return post(body, signed(body, at=system.calls.world.wall() // 1000 - late_s))


def test_a_repeated_webhook_gets_the_first_answer_now_and_after_a_restart(tmp_path: Path) -> None:
    body = event(id="offer-1", **OFFER)
    answers: list[Answer] = []

    async def story(system: System) -> None:
        answers.append(await send(system, stamped(system, body)))
        answers.append(await send(system, stamped(system, body, late_s=7)))

    live(tmp_path, story)
    live(tmp_path, story)
    assert [one.status for one in answers] == [200] * 4
    assert b"reject" in answers[0].body
    assert {one.body for one in answers} == {answers[0].body}
    (first,) = [entry for entry in entries(tmp_path) if entry.key == "offer-1"]
    assert first.verified
    assert first.evidence == "sha256:" + hashlib.sha256(body).hexdigest()


def test_repeats_that_come_at_once_share_one_fact_and_one_answer(tmp_path: Path) -> None:
    body = event(id="offer-1", **OFFER)
    answers: list[Answer] = []

    async def story(system: System) -> None:
        async def once() -> None:
            answers.append(await send(system, stamped(system, body)))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(once)

    live(tmp_path, story)
    assert {(one.status, one.body) for one in answers} == {(200, answers[0].body)}
    assert len([entry for entry in entries(tmp_path) if entry.key == "offer-1"]) == 1


def test_the_same_words_under_another_name_are_another_fact(tmp_path: Path) -> None:
    said = {"type": "call.speech", "callId": "", "providerCallId": "mock-in-1", "transcript": "Yes."}

    async def story(system: System) -> None:
        await send(system, stamped(system, event(id="offer-1", **OFFER)))
        for name in ("said-1", "said-2", "said-2"):
            assert (await send(system, stamped(system, event(id=name, **said)))).status == 200

    live(tmp_path, story)
    assert [entry.key for entry in entries(tmp_path) if entry.key.startswith("said")] == ["said-1", "said-2"]


def test_an_unsigned_webhook_that_is_believed_is_journaled_as_unverified(tmp_path: Path) -> None:
    async def story(system: System) -> None:
        assert (await send(system, post(event(id="offer-1", **OFFER), {}))).status == 200

    live(tmp_path, story, skipSignatureVerification=True)
    (first,) = [entry for entry in entries(tmp_path) if entry.key == "offer-1"]
    assert not first.verified


def test_a_refused_webhook_is_in_the_state_directory_and_not_in_the_journal(tmp_path: Path) -> None:
    body = event(id="offer-1", **OFFER)

    async def story(system: System) -> None:
        assert (await send(system, post(body, signed(body, "guessed")))).status == 401

    live(tmp_path, story)
    assert entries(tmp_path) == []
    kept = (tmp_path / "refused.jsonl").read_text()
    assert '"reason":"signature"' in kept
    assert "5550001000" not in kept
