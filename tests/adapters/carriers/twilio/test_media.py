"""Media Streams, both ways, and what is no message of them."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.carriers.twilio.kit import CALL, sample
from voicecall.adapters.carriers.twilio import carrier
from voicecall.ports import (
    MediaAudio,
    MediaDigits,
    MediaIgnored,
    MediaMark,
    MediaMessage,
    MediaStart,
    MediaStop,
    NotUnderstood,
)
from voicecall.testing.framing import BadMessage, ClearSound, PlayMark, PlaySound
from voicecall.testing.twilio.media import TwilioFraming

media = carrier.media()
STREAM = "MZ13579bdf02468ace13579bdf02468ace"
HEARD: dict[str, MediaMessage] = {
    "ws-connected.json": MediaIgnored(kind="connected"),
    "ws-start.json": MediaStart(stream_id=STREAM, vendor_call_id=CALL, ticket=""),
    "ws-media.json": MediaAudio(payload=b"\xff" * 160),
    "ws-dtmf.json": MediaDigits(digits="5"),
    "ws-mark-received.json": MediaMark(name="utt-7"),
    "ws-stop.json": MediaStop(reason="stopped"),
}


def heard(plain: Any) -> MediaMessage:
    return media.receive(json.dumps(plain).encode())


def framing(stream_sid: str = STREAM) -> TwilioFraming:
    return TwilioFraming(account_sid="AC1", call_sid=CALL, stream_sid=stream_sid, parameters={"ticket": "t1"})


@pytest.mark.parametrize("name", HEARD)
def test_a_sample_is_this_message(name: str) -> None:
    assert media.receive(sample(name)) == HEARD[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ws-send-media.json", media.send(STREAM, b"\xff" * 160)),
        ("ws-send-mark.json", media.mark(STREAM, "utt-7")),
        ("ws-send-clear.json", media.clear(STREAM)),
    ],
)
def test_what_we_send_is_the_sample(name: str, message: bytes) -> None:
    assert json.loads(message) == json.loads(sample(name))


def test_the_ticket_comes_with_the_start() -> None:
    plain = json.loads(sample("ws-start.json"))
    plain["start"]["customParameters"] = {"ticket": "t1.abc", "other": "x"}
    start = heard(plain)
    assert isinstance(start, MediaStart)
    assert (start.ticket, start.encoding, start.sample_rate) == ("t1.abc", "audio/x-mulaw", 8_000)
    assert "t1.abc" not in repr(start)


def test_another_format_is_told_as_it_is() -> None:
    plain = json.loads(sample("ws-start.json"))
    plain["start"]["mediaFormat"] = {"encoding": "audio/l16", "sampleRate": 16_000, "channels": 1}
    start = heard(plain)
    assert isinstance(start, MediaStart)
    assert (start.encoding, start.sample_rate) == ("audio/l16", 16_000)


@pytest.mark.parametrize(
    "plain",
    [
        {"event": "media", "streamSid": STREAM, "media": {"track": "outbound", "payload": ""}},
        {"event": "closed"},
        {"event": "something new", "media": {"payload": "AA=="}, "more": {"a": 1}},
    ],
)
def test_what_means_nothing_is_ignored_by_name(plain: dict[str, Any]) -> None:
    assert heard(plain) == MediaIgnored(kind=plain["event"])


@pytest.mark.parametrize(
    ("plain", "field"),
    [
        ({"event": "start", "streamSid": STREAM}, "start"),
        ({"event": "start", "start": {"callSid": CALL}}, "streamSid"),
        ({"event": "start", "streamSid": STREAM, "start": {"customParameters": {"ticket": 7}}}, "customParameters"),
        ({"event": "media", "streamSid": STREAM}, "media"),
        ({"event": "media", "media": {"track": "inbound"}}, "payload"),
        ({"event": "media", "media": {"payload": "no base64!"}}, "payload"),
        ({"event": "media", "media": "x"}, "media"),
        ({"event": "mark"}, "mark"),
        ({"event": "mark", "mark": {}}, "name"),
        ({"event": "mark", "mark": {"name": 7}}, "name"),
        ({"event": "dtmf"}, "dtmf"),
        ({"event": "dtmf", "dtmf": {"digit": "x"}}, "digit"),
        ({"event": "dtmf", "dtmf": {"digit": ""}}, "digit"),
        ({"streamSid": STREAM}, "event"),
        ([], "array"),
    ],
)
def test_what_is_broken_is_not_understood_and_the_field_is_named(plain: Any, field: str) -> None:
    with pytest.raises(NotUnderstood, match=field):
        heard(plain)


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_arbitrary_bytes_are_a_message_or_not_understood(message: bytes) -> None:
    with suppress(NotUnderstood):
        assert media.receive(message)


@given(name=st.sampled_from(sorted(HEARD)), data=st.data())
def test_a_message_that_is_cut_short_is_not_understood(name: str, data: st.DataObject) -> None:
    whole = sample(name).strip()
    with pytest.raises(NotUnderstood):
        media.receive(whole[: data.draw(st.integers(0, len(whole) - 1))])


# --- against the simulator -------------------------------------------------------------------------------------------


def test_the_simulator_says_what_the_samples_say() -> None:
    stream = framing()
    connected, start = (json.loads(one) for one in stream.opening())
    sound = json.loads(stream.sound(b"\xff" * 160, 20))
    (mark,), (key,), (stop,) = (
        [json.loads(one) for one in told] for told in (stream.played("utt-7"), stream.key("5"), stream.closing(None))
    )
    assert connected == json.loads(sample("ws-connected.json"))
    for told, name, number in (
        (start, "ws-start.json", 1),
        (sound, "ws-media.json", 2),
        (mark, "ws-mark-received.json", 3),
        (key, "ws-dtmf.json", 4),
        (stop, "ws-stop.json", 5),
    ):
        assert _shape(told) == _shape(json.loads(sample(name)))
        assert told["sequenceNumber"] == str(number)
    assert (sound["media"]["chunk"], sound["media"]["timestamp"]) == ("1", "20")
    assert start["start"]["customParameters"] == {"ticket": "t1"}


def _shape(plain: Any) -> Any:
    """Names and kinds of everything in a message; our own parameters aside."""
    if isinstance(plain, dict):
        return {name: _shape(value) for name, value in plain.items() if name != "customParameters"}
    return [_shape(one) for one in plain] if isinstance(plain, list) else type(plain)


@given(payload=st.binary(max_size=400), name=st.text(max_size=20), stream_id=st.text(min_size=1, max_size=20))
def test_the_simulator_understands_what_we_send(payload: bytes, name: str, stream_id: str) -> None:
    stream = framing(stream_id)
    assert stream.receive(media.send(stream_id, payload)) == PlaySound(payload)
    assert stream.receive(media.mark(stream_id, name)) == PlayMark(name)
    assert stream.receive(media.clear(stream_id)) == ClearSound()
    assert isinstance(stream.receive(media.clear(stream_id + "x")), BadMessage)


@given(frame=st.binary(min_size=160, max_size=160), name=st.text(max_size=20), key=st.sampled_from("0123456789*#ABCD"))
def test_we_understand_what_the_simulator_sends(frame: bytes, name: str, key: str) -> None:
    stream = framing()
    assert media.receive(stream.sound(frame, 40)) == MediaAudio(payload=frame)
    assert [media.receive(one) for one in stream.cleared(["a", name])] == [MediaMark(name="a"), MediaMark(name=name)]
    assert [media.receive(one) for one in stream.key(key)] == [MediaDigits(digits=key)]
    assert base64.b64encode(frame) in stream.sound(frame, 60)


@pytest.mark.parametrize(
    ("message", "fatal"),
    [
        (b"\xff\xfe", True),
        (b"[]", True),
        (b'{"event":"media","streamSid":"MZother","media":{"payload":""}}', False),
        (f'{{"event":"media","streamSid":"{STREAM}","media":{{"payload":"?"}}}}'.encode(), False),
        (f'{{"event":"media","streamSid":"{STREAM}"}}'.encode(), False),
        (f'{{"event":"mark","streamSid":"{STREAM}","mark":{{}}}}'.encode(), False),
        (f'{{"event":"dtmf","streamSid":"{STREAM}"}}'.encode(), False),
    ],
)
def test_the_simulator_complains_of_what_breaks_the_rules(message: bytes, fatal: bool) -> None:
    told = framing().receive(message)
    assert isinstance(told, BadMessage)
    assert told.fatal is fatal
    assert told.why.startswith("31924" if fatal else "31951")
