"""What calls still know after a restart of the process: nothing that counts was kept in memory alone."""

from __future__ import annotations

import trio

from tests.actors.stage import START_AT, Stage, play
from voicecall.actors.identity import outbound_call_id
from voicecall.core import tickets
from voicecall.core.requests import Refused
from voicecall.events import Instant, Mode
from voicecall.events import facts as fact
from voicecall.ports import Heard, HttpResponse, MediaStart

CALL = outbound_call_id("r1")


def sent(stage: Stage) -> list[str]:
    """What the carrier was asked for, in this act."""
    return [kind for kind, _ in stage.wire.sent]


async def hung_up_after(stage: Stage, seconds: float) -> None:
    """The carrier is led back to us, and then told to hang up when it is time, not before."""
    await trio.sleep(0.2)
    assert "open_media" in sent(stage)
    await stage.open_media(CALL, nonce="n2")
    await trio.sleep(seconds - 1)
    assert "hangup" not in sent(stage)
    await trio.sleep(2)
    assert sent(stage)[-1] == "hangup"


def test_a_call_that_has_ended_is_left_in_peace() -> None:
    async def first(stage: Stage) -> None:
        await stage.answer(await stage.place())
        await stage.hear(CALL, fact.CallEnded(reason="hangup-user"), "ended")
        await trio.sleep(1)

    async def second(stage: Stage) -> None:
        before = stage.memory.position
        await trio.sleep(600)
        assert (stage.supervisor.live_calls, stage.supervisor.actors) == (0, 0)
        assert (sent(stage), stage.memory.position) == ([], before)

    play(second, journal=play(first))


def test_a_call_lasts_no_longer_because_of_it() -> None:
    async def first(stage: Stage) -> None:
        await stage.answer(await stage.place(max_duration_ms=60_000))
        await trio.sleep(40)

    async def second(stage: Stage) -> None:
        await hung_up_after(stage, 20)

    play(second, journal=play(first), start_at=START_AT + 40_100)


def test_a_message_that_was_heard_is_followed_by_the_hang_up() -> None:
    async def first(stage: Stage) -> None:
        await stage.answer(await stage.place(mode=Mode.NOTIFY, notify_hangup_delay_ms=30_000))
        assert stage.speaker.said == ["Hello."]
        await trio.sleep(10)

    async def second(stage: Stage) -> None:
        await hung_up_after(stage, 20)
        assert stage.speaker.said == []

    play(second, journal=play(first), start_at=START_AT + 10_100)


def test_the_first_words_are_said_to_whoever_picks_up_after_it() -> None:
    async def first(stage: Stage) -> None:
        await stage.place(mode=Mode.NOTIFY, greeting="Your parcel is here.")

    async def second(stage: Stage) -> None:
        await stage.answer(CALL)
        assert stage.speaker.said == ["Your parcel is here."]

    play(second, journal=play(first))


def test_a_ticket_from_before_opens_the_media_stream_once() -> None:
    async def first(stage: Stage) -> None:
        await stage.place()
        await stage.hear(CALL, fact.CallAnswered(), "answered")

    async def second(stage: Stage) -> None:
        expires = Instant(START_AT + 60_000)
        ticket = tickets.mint(stage.world.ticket_key, call_id=CALL, carrier="wire", expires=expires, nonce="n1")
        start = MediaStart(stream_id="s1", vendor_call_id="", ticket=ticket)
        assert await stage.supervisor.open_stream("wire", start) == CALL

    async def third(stage: Stage) -> None:
        await trio.sleep(0.2)
        refused = await stage.open_media(CALL, nonce="n1")
        assert refused == Refused(code="busy", reason="Ticket already used")
        assert await stage.open_media(CALL, nonce="n2") == CALL

    play(third, journal=play(second, journal=play(first)))


def test_a_caller_who_was_turned_away_stays_turned_away() -> None:
    offer = Heard(key="o1", offer=True, vendor_call_id="v1", caller="+15550002000", callee="+15550000000")
    answers: list[HttpResponse] = []

    async def first(stage: Stage) -> None:
        answers.append(await stage.supervisor.receive("wire", (offer,)))
        await trio.sleep(20)

    async def second(stage: Stage) -> None:
        answers.append(await stage.supervisor.receive("wire", (offer,)))
        await trio.sleep(20)
        call = stage.directory.named("wire", "v1")
        assert call is not None
        assert (await stage.kinds(call)).count("call.offered") == 1
        assert (stage.supervisor.live_calls, sent(stage)) == (0, [])

    play(second, journal=play(first, verdict="disabled"), verdict="accept")
    assert answers[0] == answers[1]
    assert answers[0].body


def test_a_message_that_was_heard_before_is_not_news_although_its_call_has_ended() -> None:
    async def first(stage: Stage) -> None:
        await stage.answer(await stage.place())
        await stage.hear(CALL, fact.CallEnded(reason="hangup-user"), "ended")
        await trio.sleep(1)

    async def second(stage: Stage) -> None:
        before = await stage.kinds(CALL)
        assert (await stage.hear(CALL, fact.CallAnswered(by="human"), "answered")).status == 200
        await trio.sleep(1)
        assert await stage.kinds(CALL) == [*before, "actor.started"]

    play(second, journal=play(first))
