"""Framing of the media messages, both ways."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecall.adapters.carriers.mock import carrier
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

media = carrier.media()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"event": "connected"}, MediaIgnored(kind="connected")),
        (
            {"event": "start", "streamId": "s1", "callId": "c1", "providerCallId": "mock-c1", "ticket": "t"},
            MediaStart(stream_id="s1", vendor_call_id="mock-c1", ticket="t"),
        ),
        (
            {"event": "start", "streamId": "s1", "encoding": "audio/l16", "sampleRate": 16000},
            MediaStart(stream_id="s1", vendor_call_id="", ticket="", encoding="audio/l16", sample_rate=16_000),
        ),
        ({"event": "media", "payload": "//8="}, MediaAudio(payload=b"\xff\xff")),
        ({"event": "mark", "name": "u1/3"}, MediaMark(name="u1/3")),
        ({"event": "dtmf", "digits": "5"}, MediaDigits(digits="5")),
        ({"event": "stop", "reason": "hangup-user"}, MediaStop(reason="hangup-user")),
        ({"event": "weather"}, MediaIgnored(kind="weather")),
    ],
)
def test_each_message_is_understood(message: dict[str, Any], expected: MediaMessage) -> None:
    assert media.receive(json.dumps(message).encode()) == expected


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (b"", "media message"),
        (b"\x80", "media message"),
        (b"[]", "media message"),
        (b"{}", "event"),
        (b'{"event":"media","payload":"*"}', "payload"),
        (b'{"event":"media","payload":5}', "payload"),
        (b'{"event":"start"}', "streamId"),
    ],
)
def test_a_message_that_is_none_is_refused_by_name(message: bytes, names: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        media.receive(message)
    assert names in str(caught.value)


@given(message=st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_else(message: bytes) -> None:
    with contextlib.suppress(NotUnderstood):
        media.receive(message)


@given(stream=st.text(max_size=20).filter(str.isprintable), payload=st.binary(max_size=320))
def test_what_we_send_is_json_that_says_it(stream: str, payload: bytes) -> None:
    assert media.receive(media.send(stream, payload)) == MediaAudio(payload=payload)
    assert media.receive(media.mark(stream, "u1/2")) == MediaMark(name="u1/2")
    for message in (media.send(stream, payload), media.mark(stream, "m"), media.clear(stream)):
        assert json.loads(message)["streamId"] == stream
    assert json.loads(media.clear(stream))["event"] == "clear"
