"""The simulated Plivo's media streams: their messages, what it makes of ours, and how they begin and end."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.testing.plivo.stage import HOME, MULAW, QUIET, START_MS, STREAM, Customer, Plain, play, say, sent
from voicecall.testing.memory_network import LinkEnd
from voicecall.testing.script import Answer, HangUp, Hear, Press, Say, StaySilent, Step, Wait
from voicecall.testing.voice import say as voice

SAMPLES = Path(__file__).parents[2] / "adapters/carriers/plivo/samples"
SOUND = voice("Hello there, how are you today?")
REPORTS = f'statusCallbackUrl="{HOME}/stream"'
BOTH_WAYS = f'bidirectional="true" keepCallAlive="true" audioTrack="inbound" {MULAW}'
STREAMING = f'<Stream {BOTH_WAYS} {REPORTS} extraHeaders="callId=0198f2,token=st1">{STREAM}</Stream>'
AFTER = f"<Redirect>{HOME}/after</Redirect>"
REST = {"service_url": STREAM, "bidirectional": True, "content_type": "audio/x-mulaw;rate=8000"}


def sample(name: str) -> Plain:
    return json.loads((SAMPLES / name).read_bytes())


def media(sound: bytes, **more: Any) -> Plain:
    content = {"contentType": "audio/x-mulaw", "sampleRate": 8_000, "payload": base64.b64encode(sound).decode(), **more}
    return {"event": "playAudio", "media": content}


async def open_stream(customer: Customer, *steps: Step) -> tuple[str, LinkEnd]:
    name = await customer.dial(Answer(), *steps)
    await customer.until("/answer")
    await trio.sleep(0.1)
    return name, customer.ends[-1]


def test_a_stream_begins_as_the_samples_do() -> None:
    async def story(customer: Customer) -> None:
        name, end = await open_stream(customer, Say(text="Hello?"), StaySilent())
        await trio.sleep(3)
        start, *frames = sent(end)
        assert start.keys() == sample("ws-start.json").keys()
        told = start["start"]
        assert (start["sequenceNumber"], told["callId"], told["tracks"]) == (0, name, ["inbound"])
        assert told["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8_000}
        assert json.loads(start["extra_headers"]) == {"callId": "0198f2", "token": "st1"}
        assert frames
        assert all(one.keys() == sample("ws-media.json").keys() for one in frames)
        assert {one["streamId"] for one in frames} == {told["streamId"]}
        assert [one["media"]["chunk"] for one in frames] == [number + 1 for number in range(len(frames))]
        assert [one["sequenceNumber"] for one in frames] == [number + 1 for number in range(len(frames))]
        assert all(len(base64.b64decode(one["media"]["payload"])) == 160 for one in frames)
        assert all(int(one["media"]["timestamp"]) > START_MS for one in frames)
        handshake = customer.handshakes[0]
        assert handshake.url == STREAM
        assert {"x-plivo-signature-v3", "x-plivo-signature-v3-nonce"} <= set(handshake.headers)
        assert (await customer.until("/stream"))["Event"] == "StartStream"

    play(story, answer=STREAMING + AFTER)


def test_a_key_is_told_on_the_stream_and_nowhere_else() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, Hear(), Press(digits="5"), StaySilent())
        say(end, media(SOUND))
        await trio.sleep(6)
        (key,) = [one for one in sent(end) if one["event"] == "dtmf"]
        assert key["dtmf"]["digit"] == "5"
        assert key["dtmf"].keys() == sample("ws-dtmf.json")["dtmf"].keys()
        assert {path for path, _ in customer.told} == {"/ring", "/answer", "/stream"}

    play(story, answer=STREAMING + AFTER)


# --- checkpoints -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_comes_back_when_it_was_reached_or_at_once_when_nothing_waits() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent())
        sent(end)
        say(end, {"event": "checkpoint", "name": "now"})
        await trio.sleep(0.1)
        (now,) = sent(end)
        assert (now["event"], now["name"], now["sequenceNumber"]) == ("playedStream", "now", 1)
        assert now.keys() == sample("ws-played-stream.json").keys()
        say(end, media(SOUND))
        say(end, {"event": "checkpoint", "streamId": now["streamId"], "name": "later"})
        await trio.sleep(len(SOUND) / 8_000 - 0.2)
        assert [one for one in sent(end) if one["event"] == "playedStream"] == []
        await trio.sleep(0.4)
        assert [one["name"] for one in sent(end) if one["event"] == "playedStream"] == ["later"]

    play(story, answer=STREAMING + AFTER)


def test_of_checkpoints_that_are_cleared_nothing_is_ever_heard() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent())
        say(end, media(SOUND))
        say(end, {"event": "checkpoint", "name": "never"})
        await trio.sleep(0.5)
        say(end, {"event": "clearAudio"})
        await trio.sleep(0.1)
        (cleared,) = [one for one in sent(end) if one["event"] not in ("start", "media")]
        assert cleared["event"] == "clearedAudio"
        assert cleared.keys() == sample("ws-cleared-audio.json").keys()
        say(end, {"event": "checkpoint", "name": "next"})
        await trio.sleep(5)
        assert [one["name"] for one in sent(end) if one["event"] == "playedStream"] == ["next"]
        (call,) = customer.network.board.report()["calls"]
        assert call["heardMs"] < len(SOUND) / 8

    play(story, answer=STREAMING + AFTER)


# --- messages of ours ------------------------------------------------------------------------------------------------


def test_keys_can_be_pressed_on_the_stream() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent())
        say(end, sample("ws-send-dtmf.json"))
        await trio.sleep(0.1)
        assert customer.network.board.report()["calls"][0]["keysHeard"] == "42"

    play(story, answer=STREAMING + AFTER)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"no", "not JSON"),
        (b"[]", "not an object"),
        ({"event": "media"}, "event: must be"),
        ({"event": "playAudio"}, "contentType and sampleRate"),
        (media(b"x", sampleRate=16_000), "contentType and sampleRate"),
        (media(b"x", payload="*"), "must be base64"),
        (media(b"x", payload=None), "must be base64"),
        (media(bytes(60_000)), "more than 65536"),
        ({"event": "checkpoint"}, "name: must be text"),
        ({"event": "checkpoint", "name": "x", "streamId": "other"}, "streamId: is not"),
        ({"event": "sendDTMF", "dtmf": "x"}, "dtmf: must be keys"),
    ],
)
def test_a_message_of_ours_that_is_wrong_is_overlooked_and_the_stream_stays(message: Any, words: str) -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent())
        say(end, message)
        await trio.sleep(1)
        (call,) = customer.network.board.report()["calls"]
        assert any(words in one["what"] for one in call["timeline"])
        assert (call["mediaOpen"], call["heardMs"]) == (True, 0)

    play(story, answer=STREAMING + AFTER)


def test_a_stream_that_only_listens_takes_nothing() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent())
        say(end, media(SOUND))
        await trio.sleep(1)
        (call,) = customer.network.board.report()["calls"]
        assert call["heardMs"] == 0

    play(story, answer=f'<Stream keepCallAlive="true" {MULAW}>{STREAM}</Stream>{AFTER}')


# --- beginnings and ends ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clean", [True, False])
def test_when_a_stream_is_over_the_next_element_runs(clean: bool) -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent())
        await trio.sleep(2)
        if clean:
            end.close()
        else:
            end.cut()
        assert (await customer.until("/after"))["Event"] == "Redirect"
        how = (await customer.until("/stream", 2))["Event"]
        assert how == ("StopStream" if clean else "DroppedStream")

    play(story, answer=STREAMING + AFTER, after=QUIET)


def test_without_a_next_element_the_call_is_over_with_its_stream() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, StaySilent())
        end.close()
        told, _ = await customer.over()
        assert told["HangupCauseCode"] == "4010"

    play(story, answer=STREAMING)


def test_a_stream_that_does_not_keep_the_call_alive_ends_with_it_at_once() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), StaySilent())
        told, seen = await customer.over()
        assert (told["HangupCauseCode"], told["Duration"]) == ("4010", "0")
        assert seen["mediaOpen"] is False

    play(story, answer=f'<Stream bidirectional="true" {MULAW}>{STREAM}</Stream>')


def test_a_stream_that_is_turned_away_twice_has_failed_and_the_next_element_runs() -> None:
    async def story(customer: Customer) -> None:
        customer.refuses = True
        await customer.dial(Answer(), StaySilent())
        assert (await customer.until("/after"))["Event"] == "Redirect"
        (call,) = customer.network.board.report()["calls"]
        refusals = [one for one in call["timeline"] if one["what"] == "media refused: closed for today"]
        assert len(refusals) == 2
        assert (await customer.until("/stream"))["Event"] == "DroppedStream"

    play(story, answer=STREAMING + AFTER, after=QUIET)


def test_another_document_ends_the_stream_that_was_waited_for() -> None:
    async def story(customer: Customer) -> None:
        name, end = await open_stream(customer, StaySilent())
        assert (await customer.ask("POST", f"/Call/{name}/", {"aleg_url": f"{HOME}/other"}))[0] == 202
        await customer.until("/other")
        await trio.sleep(1)
        assert end.closed
        assert (customer.at("/after"), [one["event"] for one in sent(end)]) == ([], ["start"])

    play(story, answer=STREAMING + AFTER, other=QUIET)


def test_a_stream_lasts_as_long_as_was_ordered() -> None:
    async def story(customer: Customer) -> None:
        await open_stream(customer, StaySilent())
        await customer.until("/after")
        assert 20 <= trio.current_time() - 2 < 21

    play(story, answer=f'<Stream {BOTH_WAYS} streamTimeout="20">{STREAM}</Stream>{AFTER}', after=QUIET)


def test_the_end_of_the_call_closes_its_stream_without_a_word() -> None:
    async def story(customer: Customer) -> None:
        _, end = await open_stream(customer, Wait(ms=1_000), HangUp())
        told, _ = await customer.over()
        assert told["HangupSource"] == "Callee"
        assert end.closed
        assert [one["event"] for one in sent(end)] == ["start"]

    play(story, answer=STREAMING + AFTER)


# --- over the API ----------------------------------------------------------------------------------------------------


def test_a_stream_over_the_api_leaves_the_document_as_it_is_and_there_is_one_at_a_time() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("/answer")
        place = f"/Call/{name}/Stream/"
        wanted = {**REST, "status_callback_url": f"{HOME}/stream", "extra_headers": "token=st1", "stream_timeout": 600}
        status, answer = await customer.ask("POST", place, wanted)
        assert (status, answer["message"]) == (202, "audio streaming started")
        assert answer.keys() == sample("rest-stream-start.response.json").keys()
        await customer.until("/stream")
        assert await customer.error("POST", place, wanted) == (400, "a stream is already active")
        assert await customer.error("DELETE", f"{place}other/") == (404, "not found")
        assert (await customer.fetch("DELETE", f"{place}{answer['stream_id']}/")).status == 204
        assert (await customer.until("/stream", 2))["Event"] == "StopStream"
        assert await customer.error("DELETE", place) == (404, "not found")
        assert customer.network.board.report()["living"] == 1

    play(story, answer=QUIET)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"service_url": "ws://voice.example.com/"}, "no wss URL"),
        ({"service_url": ""}, "no wss URL"),
        ({"content_type": "audio/x-l16;rate=8000"}, "is simulated"),
        ({"bidirectional": "true"}, "must be true or false"),
        ({"audio_track": "both"}, "inbound track"),
        ({"extra_headers": "a=b.c"}, "extraHeaders"),
        ({"stream_timeout": 0}, "stream_timeout"),
        ({"url": STREAM}, "no such field"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(fields: dict[str, Any], words: str) -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("/answer")
        status, error = await customer.error("POST", f"/Call/{name}/Stream/", {**REST, **fields})
        assert status == 400
        assert words in error

    play(story, answer=QUIET)
