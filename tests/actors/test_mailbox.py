"""The only way in: what enters, what is refused, and what its sender is told."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from voicecall.actors.mailbox import BOUND, Failed, Full, Letter, Mailbox, Receipt, Written
from voicecall.core.requests import Refused, Say
from voicecall.events import Entry, Instant
from voicecall.events import facts as fact

ENTRY = Entry(seq=1, at=Instant(1), writer="w1", event=fact.CallRinging())


def webhook(number: int = 0) -> Letter:
    return Letter(content=fact.DigitsPressed(digits="1"), key=f"k{number}", webhook=True, receipt=Receipt())


def test_letters_are_taken_in_order_and_one_that_is_put_back_comes_first() -> None:
    async def main() -> None:
        mailbox = Mailbox()
        mailbox.post(fact.CallRinging())
        mailbox.put(webhook(1))
        mailbox.put_back(webhook(0))
        keys = [(await mailbox.take()).key for _ in range(3)]
        assert keys == ["k0", "", "k1"]

    trio.run(main)


def test_whoever_takes_waits_for_a_letter() -> None:
    async def main() -> None:
        mailbox = Mailbox()
        taken: list[Letter] = []

        async def take() -> None:
            taken.append(await mailbox.take())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(take)
            await trio.testing.wait_all_tasks_blocked()
            assert taken == []
            mailbox.post(fact.CallRinging())
        assert [letter.content for letter in taken] == [fact.CallRinging()]

    trio.run(main)


def test_only_webhooks_and_requests_count_against_the_bound() -> None:
    async def main() -> None:
        mailbox = Mailbox()
        for _ in range(10 * BOUND):
            mailbox.post(fact.AudioMeasured(offset_ms=0, caller_dbfs=-20, agent_dbfs=-20))
        for number in range(BOUND):
            mailbox.put(webhook(number))
        with pytest.raises(Full):
            mailbox.put(webhook())
        mailbox.post(fact.CallRinging())
        for _ in range(10 * BOUND + 1):
            await mailbox.take()
        mailbox.put(webhook())
        with pytest.raises(Full):
            mailbox.put(webhook())

    trio.run(main)


def test_closing_tells_everybody_who_waits_and_who_comes_later() -> None:
    mailbox = Mailbox()
    waiting, late = webhook(), webhook()
    mailbox.put(waiting)
    mailbox.close("gone")
    mailbox.post(fact.CallRinging())
    mailbox.put(late)
    assert len(mailbox) == 0
    assert waiting.receipt is not None
    assert waiting.receipt.result == Failed(reason="gone")
    assert late.receipt is not None
    assert isinstance(late.receipt.result, Failed)


def test_the_first_result_of_a_receipt_counts() -> None:
    receipt = Receipt()
    receipt.settle(Written(entry=ENTRY))
    receipt.settle(Failed(reason="too late"))
    assert receipt.result == Written(entry=ENTRY)


def test_a_sender_that_is_cancelled_hurts_nobody() -> None:
    async def main() -> None:
        receipt = Receipt()
        with trio.move_on_after(0) as gone:
            await receipt.wait()
        assert gone.cancelled_caught
        receipt.settle(Written(entry=ENTRY))
        assert await receipt.wait() == Written(entry=ENTRY)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_request_whose_sender_was_told_no_is_withdrawn_but_a_fact_never_is() -> None:
    request = Letter(content=Say(text="hi"), receipt=Receipt())
    fact_of_the_world = webhook()
    assert not request.withdrawn
    for letter in (request, fact_of_the_world):
        letter.settle(Refused(code="unavailable", reason="too slow"))
    assert request.withdrawn
    assert not fact_of_the_world.withdrawn
    assert not Letter(content=Say(text="hi")).withdrawn
