"""``continue`` over real processes: answered, given up, cut short, and asked by somebody who vanishes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trio

from tests.system.street import LISTENS, PRESSES_KEYS, SAYS_ONE_THING, Street, open_street
from voicecall.events import facts as fact
from voicecall.rpc.client import connect
from voicecall.rpc.protocol import RpcError


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    settings = {"notifyHangupDelaySec": 60}
    with open_street(tmp_path_factory.mktemp("street"), outbound=settings, transcriptTimeoutMs=6_000) as street:
        yield street


def call(street: Street, to: str) -> str:
    """A call on which nobody but us decides what is said."""
    call_id = street.call(to, "Hello.", mode="notify")
    street.saw(call_id, fact.PlaybackStarted)
    return call_id


def hang_up(street: Street, call_id: str) -> None:
    street.ask("end", callId=call_id)
    street.over(call_id)
    street.check(call_id)


def test_the_persons_next_words_are_the_answer(street: Street) -> None:
    call_id = call(street, SAYS_ONE_THING)
    answer = street.ask("continue", callId=call_id, message="Who is there?")
    assert answer == {"success": True, "transcript": "Hello? I am listening."}
    hang_up(street, call_id)


def test_pressed_keys_are_an_answer_too(street: Street) -> None:
    call_id = call(street, PRESSES_KEYS)
    answer = street.ask("continue", callId=call_id, message="Your number, please?")
    assert answer == {"success": True, "transcript": "[keys 123#]"}


def test_nobody_waits_for_ever(street: Street) -> None:
    call_id = call(street, LISTENS)
    with pytest.raises(RpcError, match=r"^Timed out waiting for transcript after 6000ms$"):
        street.ask("continue", callId=call_id, message="Is anybody there?")
    hang_up(street, call_id)


def test_a_call_that_ends_answers_for_the_person(street: Street) -> None:
    number = street.people("+15551110001", "answer", {"do": "hear", "quietMs": 3_000}, "hangUp")
    call_id = call(street, number)
    with pytest.raises(RpcError, match=r"^Call ended: hangup-user$"):
        street.ask("continue", callId=call_id, message="Is anybody there?")
    street.check(call_id)


def test_who_asked_may_vanish_and_the_question_stays(street: Street) -> None:
    call_id = call(street, SAYS_ONE_THING)
    asked = {"callId": call_id, "message": "Who is there?", "requestId": "asked once"}

    async def vanish() -> None:
        async with connect(street.state) as client, trio.open_nursery() as nursery:
            nursery.start_soon(client.call, "voicecall.continue", asked)
            await trio.to_thread.run_sync(street.saw, call_id, fact.ListenRequested)
            nursery.cancel_scope.cancel()

    trio.run(vanish)
    assert street.ask("continue", **asked) == {"success": True, "transcript": "Hello? I am listening."}
    assert len(street.events(call_id, fact.ListenRequested)) == 1
    hang_up(street, call_id)
