"""The simulated Telnyx's media streams: their messages, what it makes of ours, and how they begin and end."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import trio

from tests.testing.telnyx.stage import RTP, STATE, STREAM, THEM, US, Customer, Plain, play, say, sent
from voicecall.testing.memory_network import LinkEnd
from voicecall.testing.script import Answer, HangUp, Hear, Press, Say, StaySilent, Step
from voicecall.testing.voice import say as voice

SOUND = voice("Hello there, how are you today?")


def media(sound: bytes) -> Plain:
    return {"event": "media", "media": {"payload": base64.b64encode(sound).decode()}}


async def open_stream(customer: Customer, *steps: Step, **fields: Any) -> tuple[str, LinkEnd]:
    name = await customer.dial(Answer(), *steps, client_state=STATE)
    await customer.until("call.answered")
    assert await customer.command(name, "streaming_start", **{**RTP, **fields}) == (200, "ok")
    await customer.until("streaming.started")
    return name, customer.ends[-1]


def test_a_stream_begins_as_the_vendor_shows_it() -> None:
    async def story(customer: Customer) -> None:
        name, end = await open_stream(
            customer,
            Say(text="Hello?"),
            StaySilent(),
            stream_auth_token="st_example",
            custom_parameters=[{"name": "ticket", "value": "t-1"}],
        )
        await trio.sleep(3)
        connected, start, *frames = sent(end)
        assert connected == {
            "event": "connected",
            "version": "1.0.0",
            "x-telnyx-streaming-auth-token": "st_example",
        }
        assert customer.handshakes[0].url == STREAM
        assert customer.handshakes[0].headers == {"x-telnyx-streaming-auth-token": "st_example"}
        assert (start["event"], start["sequence_number"]) == ("start", "1")
        told = start["start"]
        assert (told["call_control_id"], told["client_state"]) == (name, STATE)
        assert (told["from"], told["to"]) == (US, THEM)
        assert told["custom_parameters"] == {"ticket": "t-1"}
        assert told["media_format"] == {"encoding": "PCMU", "sample_rate": 8_000, "channels": 1}
        assert frames
        assert {one["stream_id"] for one in frames} == {start["stream_id"]}
        assert [one["media"]["chunk"] for one in frames] == [str(number + 1) for number in range(len(frames))]
        assert [one["sequence_number"] for one in frames] == [str(number + 2) for number in range(len(frames))]
        assert all(len(base64.b64decode(one["media"]["payload"])) == 160 for one in frames)
        stamps = [int(one["media"]["timestamp"]) for one in frames]
        assert stamps == sorted(stamps)
        assert customer.payloads("streaming.started")[0]["stream_url"] == STREAM

    play(story)


def test_a_key_is_told_on_the_stream_and_by_webhook() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, Hear(), Press(digits="5"), StaySilent())
        say(end, media(SOUND))
        await customer.until("call.dtmf.received")
        (key,) = [one for one in sent(end) if one["event"] == "dtmf"]
        assert key["dtmf"] == {"digit": "5"}
        assert key["occurred_at"].endswith("Z")

    play(story)


# --- marks -----------------------------------------------------------------------------------------------------------


def marks(messages: list[Plain]) -> list[str]:
    return [one["mark"]["name"] for one in messages if one["event"] == "mark"]


def test_a_mark_comes_back_when_it_was_reached_or_at_once_when_nothing_waits() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent())
        say(end, {"event": "mark", "mark": {"name": "idle"}})
        await trio.sleep(0.05)
        assert marks(sent(end)) == ["idle"]
        say(end, media(SOUND))
        say(end, {"event": "mark", "mark": {"name": "said"}})
        await trio.sleep(len(SOUND) / 8_000 / 2)
        assert marks(sent(end)) == []
        await trio.sleep(len(SOUND) / 8_000)
        assert marks(sent(end)) == ["said"]

    play(story)


def test_a_clear_returns_the_marks_that_wait_and_plays_no_more() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent())
        say(end, media(SOUND * 3))
        say(end, {"event": "mark", "mark": {"name": "one"}})
        say(end, {"event": "mark", "mark": {"name": "two"}})
        await trio.sleep(1)
        say(end, {"event": "clear"})
        await trio.sleep(0.2)
        assert marks(sent(end)) == ["one", "two"]
        heard = customer.network.board.report()["calls"][0]["heardMs"]
        await trio.sleep(10)
        call = customer.network.board.report()["calls"][0]
        assert (call["heardMs"], call["marks"]["cleared"]) == (heard, 2)

    play(story)


# --- what is not as it should be -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "code", "title"),
    [
        (b"nonsense", 100003, "malformed_frame"),
        (b'{"event":"start"}', 100003, "malformed_frame"),
        (b'{"event":"mark"}', 100003, "malformed_frame"),
        (b'{"event":"media"}', 100003, "malformed_frame"),
        (b'{"event":"media","media":{"payload":"***"}}', 100004, "invalid_media"),
        (b'{"event":"media","media":{"payload":"//8="}}', 100004, "invalid_media"),
    ],
)
def test_a_message_of_ours_that_is_wrong_is_answered_and_the_stream_stays(
    message: bytes, code: int, title: str
) -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent())
        say(end, message)
        await trio.sleep(0.1)
        (error,) = [one for one in sent(end) if one["event"] == "error"]
        assert (error["payload"]["code"], error["payload"]["title"]) == (code, title)
        say(end, {"event": "mark", "mark": {"name": "still here"}})
        await trio.sleep(0.1)
        assert marks(sent(end)) == ["still here"]

    play(story)


def test_raw_sound_is_noise_to_a_stream_that_was_not_asked_for_rtp() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent(), stream_bidirectional_mode="mp3")
        say(end, media(SOUND))
        await trio.sleep(3)
        assert [one["payload"]["title"] for one in sent(end) if one["event"] == "error"] == ["invalid_media"]
        assert customer.network.board.report()["calls"][0]["heardMs"] == 0

    play(story)


def test_nobody_hears_what_is_sent_to_a_leg_that_is_not_there() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent(), stream_bidirectional_target_legs="opposite")
        say(end, media(SOUND))
        await trio.sleep(5)
        assert customer.network.board.report()["calls"][0]["heardMs"] == 0

    play(story)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"stream_track": "both_tracks"}, "90046"),
        ({"stream_codec": "L16"}, "90046"),
        ({"stream_bidirectional_codec": "L16"}, "90046"),
        ({"stream_bidirectional_codec": "pcmu"}, "10015"),
        ({"stream_bidirectional_sampling_rate": 11_025}, "10015"),
        ({"stream_url": "https://voice.example.com"}, "10015"),
        ({"custom_parameters": {"ticket": "t"}}, "10015"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(fields: dict[str, Any], code: str) -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("call.answered")
        assert await customer.command(name, "streaming_start", **{**RTP, **fields}) == (422, code)

    play(story)


# --- beginnings and ends ---------------------------------------------------------------------------------------------


def test_there_is_one_stream_at_a_time() -> None:
    async def story(customer: Customer) -> None:
        name, end = await open_stream(customer, StaySilent())
        assert await customer.command(name, "streaming_start", **RTP) == (422, "90045")
        assert await customer.command(name, "streaming_stop") == (200, "ok")
        await customer.until("streaming.stopped")
        assert [one["event"] for one in sent(end)][-1] == "stop"
        assert await customer.command(name, "streaming_start", **RTP) == (200, "ok")
        await customer.until("streaming.started", 2)
        assert len(customer.ends) == 2

    play(story)


@pytest.mark.parametrize("clean", [True, False])
def test_a_stream_that_we_close_is_over_and_the_call_goes_on_in_silence(clean: bool) -> None:
    async def story(customer: Customer) -> None:
        name, end = await open_stream(customer, StaySilent())
        end.close() if clean else end.cut()
        await customer.until("streaming.stopped")
        await trio.sleep(60)
        assert customer.payloads("call.hangup") == []
        assert len(customer.ends) == 1
        assert await customer.command(name, "streaming_start", **RTP) == (200, "ok")

    play(story)


def test_a_stream_that_is_turned_away_has_failed_and_the_call_goes_on() -> None:
    async def story(customer: Customer) -> None:
        customer.refuses = True
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("call.answered")
        assert await customer.command(name, "streaming_start", **RTP) == (200, "ok")
        failed = await customer.until("streaming.failed")
        assert failed["failure_reason"] == "connection_failed"
        assert failed["stream_params"]["stream_url"] == STREAM
        assert failed["stream_type"] == "websocket"
        assert customer.payloads("call.hangup") == []
        customer.refuses = False
        assert await customer.command(name, "streaming_start", **RTP) == (200, "ok")
        await customer.until("streaming.started")

    play(story)


def test_the_end_of_the_call_ends_its_stream_first() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, Say(text="Bye."), HangUp())
        await customer.until("call.hangup")
        assert customer.kinds()[-2:] == ["streaming.stopped", "call.hangup"]
        last = sent(end)[-1]
        assert (last["event"], last["stop"]["call_control_id"]) == (
            "stop",
            customer.payloads("call.hangup")[0]["call_control_id"],
        )

    play(story)


def test_a_call_can_be_answered_with_a_stream() -> None:
    async def story(customer: Customer) -> None:
        name = customer.offer(StaySilent())
        await customer.until("call.initiated")
        assert await customer.command(name, "answer", **RTP, client_state=STATE) == (200, "ok")
        await customer.until("streaming.started")
        assert sent(customer.ends[0])[1]["start"]["client_state"] == STATE

    play(story)
