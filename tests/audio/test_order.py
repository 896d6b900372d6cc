"""Messages that overtake each other: what was said is understood all the same."""

from __future__ import annotations

import base64
import json

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.kit import CALL, Mailbox, Stage, play
from voicecall.adapters.carriers.telnyx import carrier
from voicecall.audio.order import WINDOW, InOrder
from voicecall.events import EffectId
from voicecall.events import facts as fact
from voicecall.testing.memory_network import LinkEnd
from voicecall.testing.voice import say

WORDS = "Is Thursday at ten good for you?"


def heard(places: list[int]) -> list[int]:
    """What is heard of messages that come like this, by their places."""
    order = InOrder()
    payloads = [one for place in places for one in order.take(place, b"%d" % place)]
    return [int(one) for one in [*payloads, *order.flush()]]


@given(st.lists(st.floats(0, WINDOW - 1), max_size=60))
def test_what_comes_a_little_late_is_heard_in_its_turn(delays: list[float]) -> None:
    places = list(range(1, len(delays) + 1))
    assert heard(sorted(places, key=lambda place: place + delays[place - 1])) == places


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([2, 1, 3], [1, 2, 3]),
        ([1, 1, 2, 2], [1, 2]),
        ([1, 3, 3, 2], [1, 2, 3]),
        ([4, 5, 6], [4, 5, 6]),
        ([1, 3, 4, 5, 6, 7, 8, 2, 9], [1, 3, 4, 5, 6, 7, 8, 9]),
        ([1, 3, 4], [1, 3, 4]),
        ([], []),
    ],
)
def test_what_is_missing_is_not_waited_for_for_ever(places: list[int], expected: list[int]) -> None:
    assert heard(places) == expected


def test_nothing_waits_when_nothing_is_missing() -> None:
    order = InOrder()
    assert [order.take(place, b"x") for place in (1, 2, 3)] == [[b"x"]] * 3
    assert order.take(5, b"later") == []
    assert order.take(4, b"now") == [b"now", b"later"]


def messages(text: str) -> list[bytes]:
    """Telnyx's messages for somebody who says something."""
    sound = say(text) + b"\xff" * 8_000
    frames = [sound[at : at + 160] for at in range(0, len(sound), 160)]
    return [
        json.dumps(
            {
                "event": "media",
                "stream_id": "s1",
                "media": {"track": "inbound", "chunk": str(at), "payload": base64.b64encode(frame).decode()},
            }
        ).encode()
        for at, frame in enumerate(frames, 1)
    ]


async def listens(stage: Stage, frames: list[bytes]) -> Mailbox:
    """Somebody's sound comes like this, two messages in 40 ms."""
    mailbox, end = stage.adopt(), LinkEnd()
    stage.plane.accept(end, carrier="telnyx", codec=carrier.media(), peer="10.0.0.1")
    start = {"call_control_id": "v3:x", "custom_parameters": {"ticket": CALL}}
    end.put(json.dumps({"event": "start", "stream_id": "s1", "start": start}).encode())
    await trio.sleep(0.1)
    stage.plane.listen(CALL, EffectId("listen"))
    for at in range(0, len(frames), 2):
        for frame in frames[at : at + 2]:
            end.put(frame)
        await trio.sleep(0.04)
    end.cut()
    await mailbox.until(fact.MediaClosed)
    return mailbox


def test_a_person_is_understood_whose_messages_overtake_each_other() -> None:
    async def story(stage: Stage) -> None:
        frames = messages(WORDS)
        swapped = [one for at in range(0, len(frames) - 1, 2) for one in (frames[at + 1], frames[at])]
        mailbox = await listens(stage, swapped)
        assert [one.text for one in mailbox.of(fact.CallerSaid)] == [WORDS]

    play(story)


def test_a_message_that_is_lost_costs_what_was_in_it_and_not_the_call() -> None:
    async def story(stage: Stage) -> None:
        frames = [*messages("Hello?"), *messages(WORDS)]
        again = [json.loads(one) for one in frames]
        for place, one in enumerate(again, 1):
            one["media"]["chunk"] = str(place)
        told = [json.dumps(one).encode() for one in again]
        mailbox = await listens(stage, [*told[:4], *told[5:]])
        assert [one.text for one in mailbox.of(fact.CallerSaid)][-1:] == [WORDS]

    play(story)
