"""Words in a voice: heard exactly, or not at all, on every kind of line."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecall.audio.g711 import alaw_decode, alaw_encode, as_pcm, ulaw_decode, ulaw_encode
from voicecall.audio.modem import Demodulator, Spoken, modulate
from voicecall.audio.packets import Partial
from voicecall.audio.resample import Resampler

FRAME = 160
SENTENCE = "Is Thursday at ten free? Für zwölf, 你好, 🎂."
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
Line = Callable[[bytes], bytes]


def say(text: str) -> bytes:
    return modulate(text, least_ms=max(300, 60 * len(text)))


def hear(audio: bytes, sizes: list[int] | None = None) -> list[Partial | Spoken]:
    """What is heard of audio that comes in pieces of these sizes, and then the rest."""
    cuts = [0, *accumulate(sizes or []), len(audio)]
    demodulator = Demodulator()
    heard = [news for start, end in pairwise(cuts) for news in demodulator.feed(audio[start:end])]
    assert demodulator.fed_ms == len(audio) // 8
    return heard


def spoken(audio: bytes) -> list[str]:
    return [one.text for one in hear(audio) if isinstance(one, Spoken)]


def quiet(ms: int) -> bytes:
    return b"\xff" * (8 * ms)


def mixed(audio: bytes, gain: float = 1.0, noise_dbfs: float = -200, seed: int = 1) -> bytes:
    """Louder or softer, with white noise of this mean square."""
    noise = np.random.default_rng(seed).normal(0, 32_768 * 10 ** (noise_dbfs / 20), len(audio))
    return ulaw_encode(np.clip(np.rint(ulaw_decode(audio) * gain + noise), -32_768, 32_767).astype(np.int16))


# --- the voice -------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(text=st.text(st.characters(max_codepoint=126), max_size=100), least_ms=st.integers(0, 6_000))
def test_it_lasts_as_long_as_it_is_told_to(text: str, least_ms: int) -> None:
    needed_ms = 150 * max(2, -(-(len(text) + 7) // 10))
    assert len(modulate(text, least_ms=least_ms)) == 8 * max(least_ms, needed_ms)


def test_it_peaks_at_12_decibels_below_full_scale() -> None:
    assert np.abs(ulaw_decode(say(SENTENCE))).max() == pytest.approx(32_768 * 10 ** (-12.25 / 20), rel=0.03)


# --- clean lines -----------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(text=texts, before=st.integers(0, 3_000), sizes=st.lists(st.integers(0, 1_500), max_size=40))
def test_any_text_is_heard_from_any_sample_on_in_any_pieces(text: str, before: int, sizes: list[int]) -> None:
    voice = say(text)
    audio = b"\xff" * before + voice + quiet(100)
    heard = hear(audio)
    assert heard == hear(audio, [size for size, end in zip(sizes, accumulate(sizes), strict=True) if end < len(audio)])
    *partials, last = heard
    assert isinstance(last, Spoken)
    assert last.text == text
    assert last.started_ms == pytest.approx(before / 8, abs=2)
    assert last.ended_ms == pytest.approx((before + len(voice)) / 8 - 30, abs=2)
    assert all(isinstance(one, Partial) and text.startswith(one.text) for one in partials)


def test_it_is_known_when_its_last_sound_was_made() -> None:
    voice = say(SENTENCE)
    early, late = len(voice) - 8 * 31, len(voice) - 8 * 28
    assert spoken(voice[:early]) == []
    assert spoken(voice[:late]) == [SENTENCE]


def test_words_come_while_they_are_said() -> None:
    demodulator, text = Demodulator(), "one two three four five six seven eight nine ten eleven twelve"
    voice, so_far = say(text), ""
    for start in range(0, len(voice), FRAME):
        for news in demodulator.feed(voice[start : start + FRAME]):
            so_far = news.text
        # The text comes in pieces that take 150 ms, after 3 bytes and before 4 that are no text.
        assert len(so_far) == pytest.approx(start / len(voice) * len(text), abs=10)
    assert so_far == text


def test_one_utterance_may_follow_another_with_or_without_silence() -> None:
    sentences = ["Hello?", SENTENCE, "", "Good bye."]
    assert spoken(b"".join(map(say, sentences))) == sentences
    assert spoken(b"".join(quiet(500) + say(one) for one in sentences)) == sentences


def test_an_utterance_that_breaks_off_is_no_utterance() -> None:
    voice = say(SENTENCE)
    for part in range(1, 10):
        assert spoken(voice[: len(voice) * part // 10] + say("Well?")) == ["Well?"]


# --- real lines ------------------------------------------------------------------------------------------------------


def through_alaw(audio: bytes) -> bytes:
    return ulaw_encode(alaw_decode(alaw_encode(ulaw_decode(audio))))


def through_24k(audio: bytes) -> bytes:
    up, down = Resampler(8_000, 24_000), Resampler(24_000, 8_000)
    wide = up.feed(ulaw_decode(audio).tobytes()) + up.flush()
    return ulaw_encode(as_pcm(down.feed(wide) + down.flush()))


def ducked(audio: bytes) -> bytes:
    """Softer by 12 dB while somebody else speaks: for 400 ms of every second, at once and in the middle of a bit."""
    pcm = ulaw_decode(audio).astype(np.float64)
    pcm[np.arange(len(pcm)) % 8_003 < 3_200] *= 0.25
    return ulaw_encode(pcm.astype(np.int16))


LINES: dict[str, Line] = {
    "louder by 12 dB": lambda audio: mixed(audio, 4),
    "softer by 12 dB": lambda audio: mixed(audio, 0.25),
    "A-law on the way": through_alaw,
    "24 kHz on the way": through_24k,
    "upside down": lambda audio: mixed(audio, -1),
    "ducking": ducked,
    "all at once": lambda audio: through_24k(through_alaw(mixed(ducked(audio), 0.5, -40))),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
@pytest.mark.parametrize("offset", range(9))
def test_lines_change_the_sound_but_not_the_words(line: Line, offset: int) -> None:
    assert spoken(line(b"\xff" * (8_000 + offset) + say(SENTENCE) + quiet(300) + say("Yes.") + quiet(30))) == [
        SENTENCE,
        "Yes.",
    ]


@pytest.mark.parametrize(("gain", "heard"), [(0.1, [SENTENCE]), (0.04, [SENTENCE]), (0.02, []), (0.01, [])])
def test_faint_voices_are_not_heard_however_they_come(gain: float, heard: list[str]) -> None:
    audio = mixed(say(SENTENCE) + quiet(100), gain)
    assert spoken(audio) == heard
    assert hear(audio, [FRAME] * (len(audio) // FRAME)) == hear(audio)


@settings(deadline=None)
@given(text=texts, seed=st.integers(0, 2**32), gain=st.floats(0.25, 4))
def test_noise_of_minus_40_decibels_does_not_matter(text: str, seed: int, gain: float) -> None:
    audio = mixed(quiet(300) + say(text) + quiet(300), gain, -40, seed)
    heard = [one for one in hear(audio) if isinstance(one, Spoken)]
    assert [one.text for one in heard] == [text]
    assert heard[0].started_ms == pytest.approx(300, abs=2)


@pytest.mark.parametrize("dbfs", [-50, -40, -20, -6])
def test_noise_alone_says_nothing(dbfs: float) -> None:
    assert hear(mixed(quiet(60_000), 1, dbfs)) == []


@settings(deadline=None)
@given(at=st.integers(0, 200), repeated=st.booleans(), offset=st.integers(0, FRAME))
def test_a_frame_lost_or_repeated_never_makes_other_words(at: int, repeated: bool, offset: int) -> None:
    voice = quiet(20) + say(SENTENCE)
    cut = offset + at * FRAME % (len(voice) - FRAME)
    frame = voice[cut : cut + FRAME]
    damaged = voice[:cut] + (frame * 2 if repeated else b"") + voice[cut + FRAME :]
    heard = spoken(damaged + quiet(100) + say("Pardon?"))
    assert heard in ([SENTENCE, "Pardon?"], ["Pardon?"])


@pytest.mark.parametrize("repeated", [True, False])
def test_a_frame_lost_or_repeated_in_the_words_silences_them(repeated: bool) -> None:
    """In the pause between two syllables it does no harm, nor does a beginning that comes twice."""
    voice = say("Yes.")
    for start in range(FRAME, 100 * 8, FRAME):
        damaged = voice[:start] + voice[start : start + FRAME] * (2 * repeated) + voice[start + FRAME :]
        assert spoken(damaged + say("Pardon?")) == ["Pardon?"]
