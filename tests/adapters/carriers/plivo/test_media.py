"""Messages of the media socket, both ways."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from attrs import evolve as change
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.carriers.plivo.kit import CALL, LEG, SAMPLES, STREAM, Plain, plain, sample
from voicecall.actors.identity import outbound_call_id
from voicecall.adapters.carriers.plivo import carrier
from voicecall.adapters.carriers.plivo.documents import stream
from voicecall.core import tickets
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

CODEC = carrier.media()
SILENCE = b"\xff" * 160


def start(ticket: str = "", **more: Any) -> MediaStart:
    return MediaStart(stream_id=STREAM, vendor_call_id=CALL, ticket=ticket, **more)


MESSAGES: dict[str, MediaMessage] = {
    "ws-cleared-audio.json": MediaIgnored(kind="clearedAudio"),
    "ws-dtmf.json": MediaDigits(digits="5"),
    "ws-media.json": MediaAudio(payload=SILENCE),
    "ws-media-l16.json": MediaAudio(payload=bytes(320)),
    "ws-played-stream.json": MediaMark(name="utt-7"),
    "ws-played-stream-string-seq.json": MediaMark(name="utt-7"),
    "ws-start.json": start(),
    "ws-start-headers-pairs.json": start(),
    "ws-start-no-headers.json": start(encoding="audio/x-l16", sample_rate=16_000),
    "ws-stop.json": MediaStop(reason="call ended"),
}


def test_every_sample_of_a_socket_is_in_a_table() -> None:
    names = {path.name for path in SAMPLES.glob("ws-*.json")}
    assert {name for name in names if not name.startswith("ws-send-")} == {*MESSAGES}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_sample_is_this_message(name: str) -> None:
    assert CODEC.receive(sample(name)) == MESSAGES[name]


def test_what_we_send_is_what_plivo_shows() -> None:
    assert json.loads(CODEC.send(STREAM, SILENCE)) == plain("ws-send-play-audio.json")
    assert json.loads(CODEC.mark(STREAM, "utt-7")) == plain("ws-send-checkpoint.json")
    assert json.loads(CODEC.clear(STREAM)) == plain("ws-send-clear-audio.json")


@given(payload=st.binary(max_size=400), name=st.text(max_size=20), stream_id=st.text(max_size=20))
def test_anything_can_be_sent(payload: bytes, name: str, stream_id: str) -> None:
    sound = json.loads(CODEC.send(stream_id, payload))
    assert (sound["streamId"], base64.b64decode(sound["media"]["payload"])) == (stream_id, payload)
    assert json.loads(CODEC.mark(stream_id, name))["name"] == name


# --- the ticket ------------------------------------------------------------------------------------------------------


def begun(extra_headers: Any) -> MediaMessage:
    return CODEC.receive(json.dumps({**plain("ws-start.json"), "extra_headers": extra_headers}).encode())


@pytest.mark.parametrize(
    "form",
    [
        '{{"ticket":"{0}"}}',
        '{{"other":"x","ticket":"{0}"}}',
        "ticket={0}",
        "other=x;ticket={0}",
        "other=x, ticket = {0}",
    ],
)
def test_a_ticket_comes_back_in_whatever_form_headers_come_back(form: str) -> None:
    assert begun(form.format(LEG.ticket.encode().hex())) == start(LEG.ticket)
    assert begun({"ticket": LEG.ticket.encode().hex()}) == start(LEG.ticket)


def test_the_ticket_that_we_send_is_the_one_that_we_read() -> None:
    name = outbound_call_id("r1")
    ticket = tickets.mint(bytes(32), call_id=name, carrier="plivo", expires=LEG.placed_at, nonce="12345.12")
    (element, _) = stream(change(LEG, ticket=ticket))
    headers = element.get("extraHeaders", "")
    assert len(headers) <= 512
    assert headers.replace("=", "").isalnum()
    assert begun(headers) == start(ticket)


@pytest.mark.parametrize("headers", ["", "{}", "ticket=", "ticket=zz", "ticket=ff", "ticket=é", '{"ticket":7}', "=,;="])
def test_no_ticket_is_an_empty_one(headers: str) -> None:
    assert begun(headers) == start()


# --- nonsense --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "media message"),
        (b"[]", "object"),
        (b"{}", "event"),
        (b'{"event":7}', "event"),
        (b'{"event":"start"}', "start is missing"),
        (b'{"event":"start","start":{}}', "streamId is missing"),
        (b'{"event":"start","start":{"streamId":"s","mediaFormat":{"sampleRate":"\xc2\xb2"}}}', "sampleRate"),
        (b'{"event":"media"}', "media is missing"),
        (b'{"event":"media","media":{}}', "payload"),
        (b'{"event":"media","media":{"payload":"*"}}', "payload"),
        (b'{"event":"dtmf"}', "dtmf is missing"),
        (b'{"event":"dtmf","dtmf":{"digit":"55"}}', "digit"),
        (b'{"event":"playedStream"}', "name is missing"),
        (b'\xff\xfe{"event":"stop"}', "media message"),
    ],
)
def test_a_message_that_makes_no_sense_names_what_is_wrong(message: bytes, words: str) -> None:
    with pytest.raises(NotUnderstood, match=words):
        CODEC.receive(message)


def test_a_message_of_a_kind_that_is_new_is_ignored() -> None:
    assert CODEC.receive(b'{"event":"degradedStream"}') == MediaIgnored(kind="degradedStream")


def test_our_own_sound_is_not_the_persons() -> None:
    message: Plain = plain("ws-media.json")
    message["media"]["track"] = "outbound"
    assert CODEC.receive(json.dumps(message).encode()) == MediaIgnored(kind="media")


@pytest.mark.parametrize("rate", [8_000, "8000"])
def test_the_sample_rate_may_be_text(rate: Any) -> None:
    message = plain("ws-start.json")
    message["start"]["mediaFormat"]["sampleRate"] = rate
    assert CODEC.receive(json.dumps(message).encode()) == start()


@given(st.binary(max_size=200) | st.sampled_from([*MESSAGES]).map(sample))
def test_anything_on_a_socket_is_a_message_or_not_understood(message: bytes) -> None:
    with suppress(NotUnderstood):
        CODEC.receive(message)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(name=st.sampled_from([*MESSAGES]), value=JSON, data=st.data())
def test_a_sample_with_anything_anywhere_in_it_is_understood_or_not(name: str, value: Any, data: st.DataObject) -> None:
    message = plain(name)
    place = message
    key = data.draw(st.sampled_from([*place]))
    while isinstance(place[key], dict) and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from([*place]))
    place[key] = value
    with suppress(NotUnderstood):
        CODEC.receive(json.dumps(message).encode())


@given(name=st.sampled_from([*MESSAGES]), cut=st.floats(0, 0.99))
def test_a_sample_that_breaks_off_is_not_understood(name: str, cut: float) -> None:
    whole = sample(name).rstrip()
    with pytest.raises(NotUnderstood):
        CODEC.receive(whole[: int(len(whole) * cut)])
