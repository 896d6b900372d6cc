"""Audio that is kept, and turns that a vendor mixes up in every way: nothing crashes, nothing overtakes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecall.adapters.speech.openai import Hearing, events
from voicecall.adapters.speech.openai.encoding import Encoding
from voicecall.adapters.speech.openai.fault import VendorFault, quote
from voicecall.adapters.speech.openai.kept import Kept
from voicecall.adapters.speech.openai.models import finds_turns, is_realtime, retirement
from voicecall.adapters.speech.openai.own_turns import OwnTurns
from voicecall.adapters.speech.openai.turns import Turns, VendorTurns
from voicecall.audio.g711 import ulaw_decode, ulaw_encode
from voicecall.audio.resample import Resampler
from voicecall.events.facts import CallerSaid
from voicecall.testing import voice
from voicecall.testing.voice import SILENCE

HEARING = Hearing(api_key="k", model="gpt-transcribe")
SOUND = voice.say("Hello.")


# --- kept audio ------------------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.binary(min_size=1, max_size=64), st.integers(-50, 500)), max_size=30), st.integers(1, 200))
def test_kept_audio_is_the_end_of_all_audio(steps: list[bytes | int], limit: int) -> None:
    kept, everything = Kept(limit=limit), b""
    start = 0
    for step in steps:
        if isinstance(step, bytes):
            everything += step
            kept.pour(step, len(everything) // 8)
            start = max(start, len(everything) - limit)
        else:
            kept.forget(step)
            start = min(max(start, step), len(everything))
        assert (kept.start, kept.end) == (start, len(everything))
        for begin in range(-5, len(everything) + 5, 7):
            assert kept.read(begin, begin + 20) == everything[max(begin, start) : max(begin + 20, 0)]


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 300)), min_size=1, max_size=20), st.integers(0, 19))
def test_a_position_is_found_on_the_taps_clock_also_after_a_gap(pieces: list[tuple[int, int]], gone: int) -> None:
    kept, places, position, now_ms = Kept(), list[tuple[int, int]](), 0, 0
    for length_ms, gap_ms in pieces:
        now_ms += gap_ms
        places.append((position, now_ms))
        now_ms += length_ms
        kept.pour(bytes(8 * length_ms), now_ms)
        position += 8 * length_ms
    kept.forget(places[min(gone, len(places) - 1)][0])
    for (begin, ms), (length_ms, _) in zip(places, pieces, strict=True):
        if begin >= kept.start:
            assert [kept.tap_ms(begin + 8 * step) for step in range(length_ms)] == list(range(ms, ms + length_ms))


def test_a_clock_without_audio_is_at_its_beginning() -> None:
    assert Kept().tap_ms(1_000) == 0
    kept = Kept()
    kept.pour(bytes(800), 50)
    assert kept.tap_ms(0) == 0


# --- turns -----------------------------------------------------------------------------------------------------------

ITEMS = st.sampled_from(["a", "b", "c"])
MS = st.integers(-(10**12), 10**12) | st.integers(0, 3_000)
EVENTS: st.SearchStrategy[events.ServerEvent] = st.one_of(
    st.builds(events.SpeechStarted, item_id=ITEMS, audio_start_ms=MS),
    st.builds(events.SpeechStopped, item_id=ITEMS, audio_end_ms=MS),
    st.builds(events.Committed, item_id=ITEMS),
    st.builds(events.TranscriptDelta, item_id=ITEMS, delta=st.none() | st.text(max_size=5)),
    st.builds(events.TranscriptCompleted, item_id=ITEMS, transcript=st.text(max_size=5)),
    st.builds(events.TranscriptFailed, item_id=ITEMS, error=st.builds(events.Problem)),
    st.just(events.SessionUpdated()),
    st.builds(
        events.Trouble,
        error=st.builds(
            events.Problem,
            code=st.sampled_from([None, "input_audio_buffer_commit_empty"]),
            event_id=st.sampled_from([None, "turn-1", "turn-2"]),
        ),
    ),
)
STEPS = st.lists(st.one_of(EVENTS, st.sampled_from([SOUND, SILENCE * 8_000, SILENCE * 160, None])), max_size=30)


@pytest.mark.parametrize("make", [VendorTurns, OwnTurns])
@given(steps=STEPS)
def test_no_vendor_brings_the_turns_into_disorder(
    make: Callable[..., Turns], steps: list[events.ServerEvent | bytes | None]
) -> None:
    kept = Kept(limit=40_000)
    turns, encoding, poured, said = make(settings=HEARING, kept=kept), Encoding(), 0, list[CallerSaid]()
    turns.connect()
    for step in steps:
        try:
            match step:
                case bytes():
                    poured += len(step)
                    kept.pour(step, poured // 8)
                    turns.poured()
                    turns.outgoing(encoding)
                case None:
                    turns.connect()
                case _:
                    said += [one for one in turns.take(step) if isinstance(one, CallerSaid)]
        except VendorFault:
            turns.connect()
    assert all(one.text.strip() and 0 <= one.started_ms <= one.ended_ms <= poured // 8 for one in said)
    if make is OwnTurns:
        assert all(one.ended_ms <= other.started_ms for one, other in pairwise(said))


def test_a_vendor_that_is_too_slow_is_left() -> None:
    kept = Kept(limit=1_000)
    turns = VendorTurns(settings=HEARING, kept=kept)
    turns.connect()
    kept.pour(bytes(1_001), 125)
    with pytest.raises(VendorFault, match="more slowly than it comes"):
        turns.outgoing(Encoding())


def test_a_long_backlog_is_kept_until_the_vendor_has_had_time_for_it() -> None:
    """What a new connection is told at once is not known to the vendor at once."""
    kept = Kept()
    turns = VendorTurns(settings=HEARING, kept=kept)
    kept.pour(SILENCE * 80_000, 10_000)
    turns.connect()
    turns.outgoing(Encoding())
    for ms in range(100, 5_000, 100):
        kept.pour(SILENCE * 800, 10_000 + ms)
        turns.poured()
        turns.outgoing(Encoding())
        assert kept.start == 0
    kept.pour(SILENCE * 800, 15_000)
    turns.poured()
    assert kept.start > 0


def test_a_turn_that_the_vendor_forgets_does_not_hold_up_the_next() -> None:
    kept = Kept()
    turns = VendorTurns(settings=HEARING, kept=kept)
    turns.connect()
    kept.pour(SILENCE * 40_000, 5_000)
    turns.outgoing(Encoding())
    turns.take(events.SpeechStarted(item_id="a", audio_start_ms=100))
    assert turns.owed == ""
    turns.take(events.SpeechStarted(item_id="b", audio_start_ms=2_000))
    turns.take(events.SpeechStopped(item_id="b", audio_end_ms=4_000))
    assert turns.owed == "b"
    (said,) = turns.take(events.TranscriptCompleted(item_id="b", transcript="Hello."))
    assert said == CallerSaid(text="Hello.", started_ms=2_300, ended_ms=3_200)
    assert (turns.owed, turns.idle) == ("", True)


def test_our_own_detector_sends_nothing_between_two_turns() -> None:
    kept = Kept()
    turns = OwnTurns(settings=HEARING, kept=kept)
    sent = list[str]()
    for step, sound in enumerate((SILENCE * 80_000, SOUND, SILENCE * 80_000, SOUND, SILENCE * 80_000)):
        for at in range(0, len(sound), 800):
            kept.pour(sound[at : at + 800], step)
            turns.poured()
            sent += turns.outgoing(Encoding())
    audio = sum(len(one) for one in sent if "append" in one) * 3 / 4
    assert sum("commit" in one for one in sent) == 2
    # The prefix, the voice, and the silence after which a turn is over, twice.
    assert audio == pytest.approx(2 * (300 * 8 + len(SOUND) + 800 * 8), rel=0.1)


def test_what_still_comes_of_a_turn_that_is_reported_is_not_the_next_ones() -> None:
    kept = Kept()
    turns = OwnTurns(settings=HEARING, kept=kept)
    turns.connect()
    for count, item in enumerate(("a", "b"), 1):
        kept.pour(SILENCE * 1_600 + SOUND + SILENCE * 8_000, count * 10_000)
        turns.poured()
        turns.outgoing(Encoding())
        assert turns.take(events.Committed(item_id=item)) == []
        if item == "a":
            assert [type(one) for one in turns.take(events.TranscriptCompleted(item_id="a", transcript="One."))] == [
                CallerSaid
            ]
            kept.pour(SILENCE * 1_600 + SOUND, 15_000)
            turns.poured()
            assert turns.take(events.TranscriptDelta(item_id="a", delta="late")) == []
            assert turns.take(events.TranscriptCompleted(item_id="a", transcript="One.")) == []


def test_pcm_at_24_khz_is_the_same_sound() -> None:
    encoding, narrow = Encoding(pcm=True), Resampler(24_000, 8_000)
    wide = b"".join(encoding.encode(SOUND[at : at + 160]) for at in range(0, len(SOUND), 160))
    assert len(wide) == pytest.approx(len(SOUND) * 6, abs=600)
    again = ulaw_encode(ulaw_decode(SOUND)), narrow.feed(wide)
    assert len(again[1]) == pytest.approx(2 * len(again[0]), abs=200)
    assert Encoding().encode(SOUND) == SOUND


# --- models and words ------------------------------------------------------------------------------------------------


def test_what_is_known_of_models() -> None:
    assert retirement("gpt-4o-mini-tts-2025-12-15") == (
        "gpt-4o-mini-tts-2025-12-15 is shut down on 2027-01-06; use gpt-realtime-2.1-mini"
    )
    assert retirement("tts-1-hd").endswith("use gpt-realtime-2.1-mini")
    assert retirement("gpt-4o-transcribe") == "gpt-4o-transcribe is shut down on 2027-02-26; use gpt-transcribe"
    assert retirement("gpt-realtime") == "gpt-realtime is shut down on 2027-01-20; use gpt-realtime-2.1"
    assert [retirement(model) for model in ("gpt-transcribe", "gpt-realtime-2.1", "gpt-realtime-2.1-mini")] == [""] * 3
    assert [finds_turns(model) for model in ("gpt-transcribe", "gpt-live-transcribe")] == [True, False]
    assert [is_realtime(model) for model in ("gpt-realtime-2.1-mini", "gpt-4o-mini-tts")] == [True, False]


def test_a_key_is_never_quoted_not_even_the_half_that_the_vendor_shows() -> None:
    assert quote("Wrong: secret-key.\nTry again.", "secret-key") == "Wrong: [secret]. Try again."
    assert quote("Incorrect API key provided: sk-ab***yz.", "secret-key") == "Incorrect API key provided: [secret]."
    assert len(quote("long " * 200, "secret-key")) <= 300
