"""The simulated Twilio's media streams: how they begin, what is said on them, and what comes after their end."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import trio
from twilio.request_validator import RequestValidator

from tests.testing.twilio.stage import NEXT, STREAM, STREAM_STATUS, VOICE, WAIT, Customer, Plain, play, sent
from voicecall.testing.memory_network import LinkEnd
from voicecall.testing.script import Answer, HangUp, Press, Say, StaySilent, Step, Wait
from voicecall.testing.voice import say as voice

SOUND = voice("Hello there, how are you today?")
CONNECT = (
    f'<Connect action="{NEXT}"><Stream url="{STREAM}" name="line" statusCallback="{STREAM_STATUS}">'
    '<Parameter name="ticket" value="t-1"/></Stream></Connect>'
)


async def streaming(customer: Customer, *steps: Step) -> tuple[str, LinkEnd]:
    customer.documents |= {VOICE: [CONNECT], NEXT: [WAIT]}
    sid = await customer.dial(Answer(), *steps)
    await customer.until(STREAM_STATUS)
    return sid, customer.ends[-1]


def say(end: LinkEnd, stream: str, event: str, **fields: Any) -> None:
    end.send(json.dumps({"event": event, "streamSid": stream, **fields}).encode())


def sound(end: LinkEnd, stream: str, mark: str) -> None:
    say(end, stream, "media", media={"payload": base64.b64encode(SOUND).decode()})
    say(end, stream, "mark", mark={"name": mark})


def marks(messages: list[Plain]) -> list[str]:
    return [one["mark"]["name"] for one in messages if one["event"] == "mark"]


def test_a_stream_begins_signed_and_numbered() -> None:
    async def story(customer: Customer) -> None:
        sid, end = await streaming(customer, Say(text="Hello?"), StaySilent())
        await trio.sleep(3)
        connected, start, *frames = sent(end)
        assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        assert (start["event"], start["sequenceNumber"], start["start"]["callSid"]) == ("start", "1", sid)
        assert start["start"]["customParameters"] == {"ticket": "t-1"}
        assert frames
        assert {one["streamSid"] for one in frames} == {start["streamSid"]}
        assert [one["media"]["chunk"] for one in frames] == [str(number + 1) for number in range(len(frames))]
        assert [one["sequenceNumber"] for one in frames] == [str(number + 2) for number in range(len(frames))]
        (handshake,) = customer.handshakes
        signature = handshake.headers["x-twilio-signature"]
        assert RequestValidator(customer.network.account["auth_token"]).validate(STREAM, {}, signature)
        told = customer.at(STREAM_STATUS)[0]
        assert (told["StreamEvent"], told["StreamName"]) == ("stream-started", "line")
        assert (told["StreamSid"], told["Timestamp"][-1]) == (start["streamSid"], "Z")

    play(story)


def test_a_mark_comes_back_when_it_was_played_and_at_once_after_a_clear() -> None:
    async def story(customer: Customer) -> None:
        _, end = await streaming(customer, StaySilent())
        stream = sent(end)[1]["streamSid"]
        sound(end, stream, "first")
        await trio.sleep(len(SOUND) / 8_000 / 2)
        assert marks(sent(end)) == []
        await trio.sleep(len(SOUND) / 8_000)
        assert marks(sent(end)) == ["first"]
        sound(end, stream, "second")
        sound(end, stream, "third")
        await trio.sleep(0.3)
        say(end, stream, "clear")
        await trio.sleep(0.05)
        assert marks(sent(end)) == ["second", "third"]
        assert customer.call()["clears"] == 1

    play(story)


def test_keys_are_told_on_the_stream() -> None:
    async def story(customer: Customer) -> None:
        _, end = await streaming(customer, Wait(ms=500), Press(digits="5#"), StaySilent())
        await trio.sleep(2)
        keys = [one["dtmf"] for one in sent(end) if one["event"] == "dtmf"]
        assert keys == [{"track": "inbound_track", "digit": "5"}, {"track": "inbound_track", "digit": "#"}]

    play(story)


def test_whoever_closes_the_socket_is_asked_what_to_do() -> None:
    async def story(customer: Customer) -> None:
        _, end = await streaming(customer, StaySilent())
        end.close()
        asked = await customer.until(NEXT)
        assert asked["CallStatus"] == "in-progress"
        assert customer.at(STREAM_STATUS)[-1]["StreamEvent"] == "stream-stopped"

    play(story)


def test_without_an_action_the_next_verb_runs() -> None:
    async def story(customer: Customer) -> None:
        customer.documents[VOICE] = [f'<Connect><Stream url="{STREAM}"/></Connect><Say>Goodbye.</Say>']
        await customer.dial(Answer(), StaySilent())
        await customer.until(VOICE)
        await trio.sleep(1)
        customer.ends[-1].cut()
        await customer.over()
        assert [one["text"] for one in customer.call()["carrierSaid"]] == ["Goodbye."]

    play(story)


def test_another_document_stops_the_stream_and_may_open_another() -> None:
    async def story(customer: Customer) -> None:
        sid, end = await streaming(customer, StaySilent())
        sound(end, sent(end)[1]["streamSid"], "lost")
        await trio.sleep(0.5)
        await customer.update(sid, Twiml=f'<Response><Play digits="1"/>{CONNECT}</Response>')
        await trio.sleep(2)
        assert [one["event"] for one in sent(end)][-1] == "stop"
        assert end.closed
        assert (len(customer.ends), customer.ends[-1].closed) == (2, False)
        assert customer.at(NEXT) == []
        assert customer.call()["marks"]["played"] == 0

    play(story)


def test_the_end_of_the_call_stops_the_stream() -> None:
    async def story(customer: Customer) -> None:
        sid, end = await streaming(customer, Wait(ms=2_000), HangUp())
        await customer.over()
        await trio.sleep(1)
        stop = sent(end)[-1]
        assert (stop["event"], stop["stop"]["callSid"]) == ("stop", sid)
        assert end.closed

    play(story)


def test_a_stream_that_is_turned_away_is_an_error_and_then_as_if_it_had_ended() -> None:
    async def story(customer: Customer) -> None:
        customer.refuses = True
        customer.documents |= {VOICE: [CONNECT], NEXT: [WAIT]}
        await customer.dial(Answer(), StaySilent())
        await customer.until(NEXT)
        (told,) = customer.at(STREAM_STATUS)
        assert (told["StreamEvent"], "closed for today" in told["StreamError"]) == ("stream-error", True)

    play(story)


@pytest.mark.parametrize(("message", "closes"), [(b"noise", True), (b'{"event":"media","streamSid":"MZ0"}', False)])
def test_a_message_that_breaks_the_protocol_is_noted(message: bytes, closes: bool) -> None:
    async def story(customer: Customer) -> None:
        _, end = await streaming(customer, StaySilent())
        end.send(message)
        await trio.sleep(1)
        assert any(one["what"].startswith("media message: 319") for one in customer.call()["timeline"])
        assert end.closed is closes

    play(story)
