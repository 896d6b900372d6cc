"""Telnyx's media messages, both ways, and whatever else may come on a socket or to the door."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from attrs import evolve as change
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.carriers.telnyx.kit import CALL, SAMPLES, heard, plain, sample, state, webhook
from voicecall.adapters.carriers.telnyx import carrier
from voicecall.events import Instant
from voicecall.ports import (
    Account,
    BadSignature,
    MediaAudio,
    MediaIgnored,
    MediaMark,
    MediaMessage,
    MediaStart,
    MediaStop,
    NotUnderstood,
)

STREAM = "32de0dea-53cb-4b21-89a4-9e1819c043bc"
SILENCE = b"\xff" * 160
MEDIA = carrier.media()
RECEIVED: dict[str, MediaMessage] = {
    "ws-connected": MediaIgnored(kind="connected"),
    "ws-connected-auth": MediaIgnored(kind="connected"),
    "ws-start": MediaStart(stream_id=STREAM, vendor_call_id=CALL, ticket=""),
    "ws-media": MediaAudio(payload=SILENCE, place=2),
    "ws-media-out-of-order": MediaAudio(payload=SILENCE, place=1),
    "ws-dtmf": MediaIgnored(kind="dtmf"),
    "ws-mark-received": MediaMark(name="utt-7"),
    "ws-error-malformed": MediaIgnored(kind="error 100003 malformed_frame"),
    "ws-error-rate-limit": MediaIgnored(kind="error 100005 rate_limit_reached"),
    "ws-stop": MediaStop(reason="stopped"),
}


def receive(message: dict[str, Any] | bytes) -> MediaMessage:
    return MEDIA.receive(message if isinstance(message, bytes) else json.dumps(message).encode())


def started(**fields: Any) -> MediaMessage:
    message = plain("ws-start.json")
    return receive({**message, "start": {**message["start"], **fields}})


def test_every_sample_of_a_socket_is_in_a_table() -> None:
    names = {path.stem for path in SAMPLES.glob("ws-*.json")}
    assert names == {*RECEIVED, "ws-send-media", "ws-send-mark", "ws-send-clear"}


@pytest.mark.parametrize("name", RECEIVED)
def test_a_sample_is_the_message_it_is(name: str) -> None:
    assert receive(sample(f"{name}.json")) == RECEIVED[name]


def test_what_we_send_is_what_the_vendor_shows() -> None:
    assert json.loads(MEDIA.send(STREAM, SILENCE)) == plain("ws-send-media.json")
    assert json.loads(MEDIA.mark(STREAM, "utt-7")) == plain("ws-send-mark.json")
    assert json.loads(MEDIA.clear(STREAM)) == plain("ws-send-clear.json")
    assert json.loads(MEDIA.mark(STREAM, 'a "b" \n ü'))["mark"]["name"] == 'a "b" \n ü'


# --- tickets ---------------------------------------------------------------------------------------------------------


def test_a_ticket_comes_with_the_command_that_opened_the_stream_or_in_the_state_of_the_call() -> None:
    echoed = state("inbound", ticket="t-answer")
    for fields, ticket in (
        ({"custom_parameters": {"ticket": "t-start"}}, "t-start"),
        ({"custom_parameters": {}, "client_state": echoed}, "t-answer"),
        ({"custom_parameters": None, "client_state": echoed}, "t-answer"),
        ({"custom_parameters": {"ticket": "t-start"}, "client_state": echoed}, "t-start"),
        ({"custom_parameters": {"ticket": 7, "callId": None}}, ""),
        ({"client_state": "not ours"}, ""),
        ({"client_state": None}, ""),
    ):
        message = started(**fields)
        assert isinstance(message, MediaStart)
        assert message.ticket == ticket


def test_a_stream_in_another_format_is_told_as_it_is() -> None:
    message = started(media_format={"encoding": "L16", "sample_rate": 16_000, "channels": 1})
    assert isinstance(message, MediaStart)
    assert (message.encoding, message.sample_rate) == ("L16", 16_000)


# --- places ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chunk", "place"), [("17", 17), (17, 17), ("x", 0), ("-1", 0), ("9" * 13, 0), ("٣", 0)])
def test_a_frame_has_its_place(chunk: Any, place: int) -> None:
    message = receive({"event": "media", "media": {"chunk": chunk, "payload": "//8="}})
    assert message == MediaAudio(payload=b"\xff\xff", place=place)


def test_our_own_sound_is_not_the_persons() -> None:
    message = {"event": "media", "media": {"track": "outbound", "chunk": "1", "payload": "//8="}}
    assert receive(message) == MediaIgnored(kind="media")


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "media message"),
        (sample("ws-media.json")[:-30], "media message"),
        (b"[]", "media message"),
        (b'{"event":7}', r"\$\.event"),
        (b"[" * 100_000, "media message"),
        (b'{"event":"start"}', "start: is missing"),
        (b'{"event":"start","start":{}}', "stream_id: is missing"),
        (b'{"event":"mark"}', "mark: is missing"),
        (b'{"event":"media"}', "media: is missing"),
        (b'{"event":"media","media":{"payload":"***"}}', r"payload"),
        (b'{"event":"start","stream_id":"s","start":{"media_format":{"sample_rate":"8k"}}}', "sample_rate"),
    ],
)
def test_a_message_that_makes_no_sense_names_what_is_wrong(message: bytes, words: str) -> None:
    with pytest.raises(NotUnderstood, match=words):
        receive(message)


def test_a_message_of_a_kind_that_is_new_is_ignored() -> None:
    assert receive(b'{"event":"weather","weather":{"rain":true}}') == MediaIgnored(kind="weather")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BODIES = sorted(path for path in SAMPLES.glob("*.json") if path.stem != "signatures")


@given(message=st.binary(max_size=100) | JSON.map(lambda data: json.dumps(data).encode()))
def test_anything_on_a_socket_is_a_message_or_not_understood(message: bytes) -> None:
    with suppress(NotUnderstood):
        assert MEDIA.receive(message) is not None


@given(message=st.binary(max_size=100) | JSON.map(lambda data: json.dumps(data).encode()))
def test_anything_at_the_door_is_refused_by_one_of_two_errors(message: bytes) -> None:
    account = Account(api_url="", secrets={"public_key": "AAAA"})
    request = webhook(message)
    with pytest.raises(BadSignature):
        carrier.verify(request, account=account, now=Instant(0))
    with pytest.raises(NotUnderstood):
        carrier.decode(request)


@given(headers=st.dictionaries(st.sampled_from(["telnyx-signature-ed25519", "telnyx-timestamp"]), st.text(max_size=99)))
def test_any_header_is_a_bad_signature(headers: dict[str, str]) -> None:
    request = change(webhook(b"{}"), headers=headers)
    with pytest.raises(BadSignature):
        carrier.verify(request, account=Account(api_url="", secrets={"public_key": "A" * 43 + "="}), now=Instant(0))


@given(data=st.data(), path=st.sampled_from(BODIES), value=JSON)
def test_a_sample_with_anything_anywhere_in_it_is_understood_or_not(data: st.DataObject, path: Any, value: Any) -> None:
    found = json.loads(path.read_bytes())
    where: Any = found
    while True:
        keys = list(where) if isinstance(where, dict) else list(range(len(where)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(where[key], dict | list) or not where[key] or data.draw(st.booleans()):
            break
        where = where[key]
    where[key] = value
    with suppress(NotUnderstood):
        assert all(one.key for one in heard(found))
    with suppress(NotUnderstood):
        assert receive(found) is not None


@given(path=st.sampled_from(BODIES), cut=st.floats(0, 0.999))
def test_a_sample_that_breaks_off_is_not_understood(path: Any, cut: float) -> None:
    body = path.read_bytes().strip()
    body = body[: int(len(body) * cut)]
    for read in (heard, receive):
        with pytest.raises(NotUnderstood):
            read(body)
