"""What we send is what the vendor's own package allows, and what we read is what it sends."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import OpenAI
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import ValidationError

from tests.adapters.speech.openai.stage import conforms
from voicecall.adapters.speech.openai import Hearing, Speaking, events, messages
from voicecall.adapters.speech.openai.fault import VendorFault

HEARINGS = st.builds(
    Hearing,
    api_key=st.just("k"),
    model=st.sampled_from(["gpt-transcribe", "gpt-live-transcribe", "gpt-4o-transcribe", "gpt-realtime-whisper", "x"]),
    threshold=st.floats(0, 1),
    silence_ms=st.integers(1, 10_000),
    languages=st.lists(st.sampled_from(["de", "en", "zh"])).map(tuple),
    keywords=st.lists(st.text(), max_size=3).map(tuple),
)
SPEAKINGS = st.builds(
    Speaking, api_key=st.just("k"), voice=st.sampled_from(["marin", "voice_1"]), instructions=st.text()
)


@given(HEARINGS, SPEAKINGS, st.booleans(), st.text(), st.binary())
def test_every_message_of_ours_is_one_of_the_package(
    hearing: Hearing, speaking: Speaking, flag: bool, text: str, audio: bytes
) -> None:
    for message in (
        messages.start_listening(hearing, server_vad=flag, pcm=not flag),
        messages.append(audio),
        messages.commit("turn-1"),
        messages.start_speaking(speaking),
        messages.read_aloud(speaking, text, "clause-1"),
        messages.cancel("resp_1"),
    ):
        conforms(json.loads(message), RealtimeClientEvent)


def test_what_is_none_of_the_package_is_noticed() -> None:
    """The check that the other tests rely on can fail."""
    for message in (
        {"type": "input_audio_buffer.append"},
        {"type": "session.update", "session": {"type": "transcription", "audio": {"input": {"format": "g711_ulaw"}}}},
    ):
        with pytest.raises(ValidationError):
            conforms(message, RealtimeClientEvent)
    with pytest.raises(ValidationError):
        conforms({"type": "input_audio_buffer.speech_started", "event_id": "1", "item_id": "a"}, RealtimeServerEvent)


def test_the_vendors_package_is_imported_only_by_the_voice_that_needs_it() -> None:
    modules = ("", ".transcriber", ".realtime_voice")
    imports = "; ".join(f"import voicecall.adapters.speech.openai{one}" for one in modules)
    program = f"import sys; {imports}; print('openai' in sys.modules, 'httpx2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_addresses_follow_the_base_url() -> None:
    assert Hearing(api_key="k").base_url == Speaking(api_key="k").base_url == str(OpenAI(api_key="k").base_url)[:-1]
    assert messages.listen_url("https://api.openai.com/v1") == "wss://api.openai.com/v1/realtime?intent=transcription"
    assert messages.speak_url("http://127.0.0.1:8/v1/", "a b") == "ws://127.0.0.1:8/v1/realtime?model=a%20b"
    assert messages.bearer("k") == {"Authorization": "Bearer k"}


def test_every_event_that_we_read_is_known_to_the_package() -> None:
    (union, *_) = get_args(RealtimeServerEvent)
    known = {kind for one in get_args(union) for kind in get_args(one.model_fields["type"].annotation)}
    ours = {str(one.__struct_config__.tag) for one in get_args(events.ServerEvent)}
    assert ours - known == set()


def test_an_event_is_read_and_what_does_not_matter_is_not_missed() -> None:
    delta = {
        "type": "response.output_audio.delta",
        "event_id": "event_1",
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 0,
        "delta": b64encode(b"sound").decode(),
        "something": {"new": True},
    }
    assert events.parse(json.dumps(delta).encode()) == events.AudioDelta(response_id="resp_1", delta=b"sound")
    assert events.parse(b'{"type":"session.created","session":{}}') is None
    assert events.parse(b'{"type":"from.the.future"}') is None


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"type":1}',
        b'{"type":"response.output_audio.delta","response_id":"r","delta":"&"}',
        b'{"type":"input_audio_buffer.speech_started","item_id":"a","audio_start_ms":"soon"}',
        b"[" * 100_000,
    ],
)
def test_what_makes_no_sense_is_a_fault(message: bytes) -> None:
    with pytest.raises(VendorFault, match="OpenAI sent a message that makes no sense"):
        events.parse(message)


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_no_bytes_crash_the_reader(message: bytes) -> None:
    parsed(message)


NOISE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("item_id", "audio_start_ms", "audio_end_ms", "delta", "transcript", "error", "response", "response_id")
KINDS = [str(one.__struct_config__.tag) for one in get_args(events.ServerEvent)]


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), NOISE))
def test_no_fields_crash_the_reader(kind: str, fields: dict[str, Any]) -> None:
    parsed(msgspec.json.encode({**fields, "type": kind}))


def parsed(message: bytes) -> events.ServerEvent | None:
    """The event; a fault is as good as none."""
    try:
        return events.parse(message)
    except VendorFault:
        return None
