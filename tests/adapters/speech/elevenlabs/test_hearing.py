"""The messages of realtime transcription, and how audio becomes text with times: no socket, no clock."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import evolve
from elevenlabs.types.committed_transcript_with_timestamps_payload import CommittedTranscriptWithTimestampsPayload
from elevenlabs.types.input_audio_chunk_payload import InputAudioChunkPayload
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.speech.elevenlabs.kit import config
from tests.adapters.speech.elevenlabs.test_speaking import JSON
from voicecall.adapters.speech.elevenlabs import hearing
from voicecall.adapters.speech.elevenlabs.hearing import QUIET_BYTES, SPEECH_BYTES, Ear, Message, parse
from voicecall.events.facts import CallerHeard, CallerSaid
from voicecall.testing.vendors.elevenlabs_hearing import Ear as VendorsEar
from voicecall.testing.voice import SILENCE, say

KEYS = config("http://localhost:1").streaming.providers.elevenlabs
KINDS = (
    "partial_transcript",
    "committed_transcript",
    "committed_transcript_with_timestamps",
    "warning",
    "error",
    "new",
)


def message(kind: str, text: str = "", *words: tuple[float, float]) -> Message:
    plain: dict[str, Any] = {"message_type": kind, "text": text}
    if words:
        plain["words"] = [{"start": start, "end": end, "text": "?", "type": "word"} for start, end in words]
    parsed = parse(json.dumps(plain).encode())
    assert parsed is not None
    return parsed


def partial(text: str) -> Message:
    return message("partial_transcript", text)


def final(text: str) -> Message:
    return message("committed_transcript", text)


def timed(text: str, *words: tuple[float, float]) -> Message:
    return message("committed_transcript_with_timestamps", text, *words)


def ear(seconds: float = 0, *, begins_ms: int = 0) -> Ear:
    """An ear with a session that was sent so much audio, which begins then."""
    made = Ear(silence_ms=800)
    made.begin()
    more(made, seconds, begins_ms=begins_ms)
    return made


def more(ear: Ear, seconds: float, *, begins_ms: int) -> list[bytes]:
    """More audio, 100 ms at a time."""
    for index in range(round(seconds * 10)):
        ear.pour(SILENCE * 800, begins_ms + 100 * (index + 1))
    return ear.unsent()


def test_the_address_asks_for_telephone_sound_and_the_configured_silence() -> None:
    parts = urlsplit(hearing.socket_url(evolve(KEYS, silence_duration_ms=650, keyterms=("Acme", "Zoë & Co"))))
    assert (parts.scheme, parts.path) == ("ws", "/v1/speech-to-text/realtime")
    assert parse_qs(parts.query) == {
        "model_id": ["scribe_v2_realtime"],
        "audio_format": ["ulaw_8000"],
        "commit_strategy": ["vad"],
        "vad_silence_threshold_secs": ["0.65"],
        "include_timestamps": ["true"],
        "keyterms": ["Acme", "Zoë & Co"],
    }
    assert urlsplit(hearing.socket_url(evolve(KEYS, base_url="https://api.elevenlabs.io/"))).scheme == "wss"


def test_audio_is_the_packages_message() -> None:
    sent = InputAudioChunkPayload.model_validate_json(hearing.audio_message(b"\x00\xff~"))
    assert (sent.commit, sent.sample_rate, base64.b64decode(sent.audio_base_64)) == (False, 8000, b"\x00\xff~")


def test_a_remark_has_the_times_of_its_words_on_the_calls_clock() -> None:
    one = ear(4, begins_ms=10_000)
    assert one.receive(partial("Hello")) == [CallerHeard(text="Hello")]
    assert one.receive(partial("Hello")) == []
    assert one.receive(final("Hello there.")) == []
    said = CallerSaid(text="Hello there.", started_ms=11_250, ended_ms=12_500)
    assert one.receive(timed("Hello there.", (1.25, 1.6), (1.7, 2.5))) == [said]
    # Nothing of it would be sent again, and the half of the silence after it neither.
    one.begin()
    assert len(b"".join(one.unsent())) == (4_000 - 2_500 - 400) * 8


def test_times_are_right_after_a_gap_and_in_a_later_session() -> None:
    one = ear(2)
    more(one, 2, begins_ms=60_000)
    one.receive(final("Late."))
    assert one.receive(timed("Late.", (2.0, 3.0))) == [CallerSaid(text="Late.", started_ms=60_000, ended_ms=61_000)]
    one.begin()
    more(one, 2, begins_ms=62_000)
    # The new session began with what was kept: from 61,400 on.
    [said] = one.receive(timed("Later.", (1.0, 1.5)))
    assert said == CallerSaid(text="Later.", started_ms=62_400, ended_ms=62_900)


def test_without_times_a_remark_ends_a_silence_ago_and_begins_with_its_first_words() -> None:
    one = ear(2)
    one.receive(partial("Yes"))
    more(one, 2, begins_ms=2_000)
    assert one.receive(final("Yes.")) == []
    more(one, 1, begins_ms=4_000)
    assert one.holding
    said = CallerSaid(text="Yes.", started_ms=2_000, ended_ms=3_200)
    assert one.release() == [said]
    assert one.release() == []
    # Its times may come too late, and are not another remark; the same words again are one.
    assert one.receive(timed("Yes.", (2.5, 3.0))) == []
    assert [type(each) for each in one.receive(timed("Yes.", (3.9, 4.4)))] == [CallerSaid]


def test_whatever_else_comes_releases_what_is_held() -> None:
    one = ear(3)
    one.receive(final("One."))
    assert [each.text for each in one.receive(partial("Two"))] == ["One.", "Two"]
    one.receive(final("Two."))
    assert [each.text for each in one.receive(final("Three."))] == ["Two."]
    assert [each.text for each in one.receive(timed("Four."))] == ["Three.", "Four."]
    # In the other order it is one remark, too.
    assert one.receive(final("Four.")) == []
    assert one.receive(final("Four.")) == []
    assert [each.text for each in one.release()] == ["Four."]


def test_an_empty_transcript_says_nothing() -> None:
    one = ear(3)
    for text in ("", " ", "\n"):
        assert one.receive(partial(text)) == one.receive(final(text)) == one.receive(timed(text, (1, 2))) == []
    assert not one.speaking


def test_impossible_times_are_not_believed() -> None:
    for words in ([(0.5, 99.0)], [(2.0, 1.0)], [(-5.0, 1.0)], [(-1e308, 1e308)]):
        one = ear(3)
        [said] = one.receive(timed("Hm.", *words))
        assert said == CallerSaid(text="Hm.", started_ms=2_200, ended_ms=2_200)


def test_what_is_not_answered_for_is_kept_within_bounds() -> None:
    one = Ear(silence_ms=800)
    for begins_ms in range(0, 20_000, 100):
        more(one, 0.1, begins_ms=begins_ms)  # which is sent as it comes
    one.begin()
    assert len(b"".join(one.unsent())) == QUIET_BYTES
    one.receive(partial("So"))
    more(one, 60, begins_ms=20_000)
    one.begin()
    assert len(b"".join(one.unsent())) == SPEECH_BYTES
    assert max(map(len, one.unsent()), default=0) <= hearing.CHUNK_BYTES


def test_what_comes_while_there_is_no_session_is_kept_until_the_next_one_had_its_time() -> None:
    one = Ear(silence_ms=800)
    told = say("Is anybody there?")
    for start in range(0, len(told), 800):
        one.pour(told[start : start + 800], (start + 800) // 8)
    for begins_ms in range(len(told) // 8, 20_000, 100):
        one.pour(SILENCE * 800, begins_ms + 100)
    one.begin()
    assert b"".join(one.unsent()).startswith(told)
    more(one, 4, begins_ms=20_000)
    one.begin()
    assert b"".join(one.unsent()).startswith(told)
    for begins_ms in range(24_000, 34_000, 100):
        more(one, 0.1, begins_ms=begins_ms)
    one.begin()
    assert len(b"".join(one.unsent())) == QUIET_BYTES


def test_only_what_could_be_recognized_is_worth_waiting_for() -> None:
    one = ear(3)
    assert one.quiet
    one.pour(say("Hello"), 4_000)
    assert not one.quiet


def test_the_vendor_and_we_understand_each_other() -> None:
    """All of a voice through the simulated vendor's ear and ours."""
    vendor, one = VendorsEar(silence_ms=800, timestamps=True), ear()
    sound = SILENCE * 8_000 + say("Is Thursday good?") + SILENCE * 8_000
    said: list[CallerSaid] = []
    for start in range(0, len(sound), 800):
        one.pour(sound[start : start + 800], (start + 800) // 8)
        for piece in one.unsent():
            for told in vendor.hear(piece):
                if told["message_type"] == "committed_transcript_with_timestamps":
                    CommittedTranscriptWithTimestampsPayload.model_validate(told)
                events = one.receive(parse(json.dumps(told).encode()) or message("new"))
                said += [event for event in events if isinstance(event, CallerSaid)]
    [only] = said
    assert only.text == "Is Thursday good?"
    assert only.started_ms == pytest.approx(1_000, abs=20)
    assert only.ended_ms == pytest.approx(1_000 + len(say("Is Thursday good?")) / 8, abs=40)


@given(st.binary() | JSON.map(lambda one: json.dumps(one).encode()))
def test_nonsense_is_nothing(data: bytes) -> None:
    assert parse(data) is None or isinstance(parse(data), Message)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"message_type": st.sampled_from(KINDS)},
            optional={
                "text": st.sampled_from(("", "One.", "Two.")) | JSON,
                "words": st.lists(st.fixed_dictionaries({}, optional={"start": st.floats(), "end": st.floats()}))
                | JSON,
                "error": JSON,
            },
        )
        | st.integers(min_value=0, max_value=3)
    )
)
def test_any_messages_in_any_order_do_no_harm(events: list[dict[str, Any] | int]) -> None:
    one, at = ear(), 0
    for event in events:
        if isinstance(event, int):
            more(one, event, begins_ms=at)
            at += 1_000 * event
            if event == 3:
                one.begin()
            continue
        parsed = parse(json.dumps(event).encode())
        for told in one.receive(parsed) if parsed is not None else ():
            assert told.text.strip()
            if isinstance(told, CallerSaid):
                assert 0 <= told.started_ms <= told.ended_ms <= at
    one.release()
