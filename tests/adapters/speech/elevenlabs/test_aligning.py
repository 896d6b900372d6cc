"""When each character was said: the vendor's two spellings, and whatever else may come in their place."""

from __future__ import annotations

from typing import Any

import pytest
from elevenlabs.types.alignment import Alignment
from elevenlabs.types.character_alignment_response_model import CharacterAlignmentResponseModel
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecall.adapters.speech.elevenlabs.aligning import later, of_answer, of_message, sound_of
from voicecall.ports import Wording

MESSAGE: dict[str, Any] = {"chars": ["H", "i", "!"], "charStartTimesMs": [0, 40, 90], "charDurationsMs": [40, 50, 10]}
ANSWER: dict[str, Any] = {
    "characters": ["H", "i", "!"],
    "character_start_times_seconds": [0, 0.04, 0.09],
    "character_end_times_seconds": [0.04, 0.09, 0.1],
}
HI = Wording(text="Hi!", ends_ms=(40, 90, 100))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


def test_both_spellings_of_the_package_say_the_same() -> None:
    Alignment.model_validate(MESSAGE)
    assert of_message(MESSAGE) == of_answer(ANSWER) == HI
    assert of_answer(CharacterAlignmentResponseModel.model_validate(ANSWER)) == HI


def test_a_character_may_be_several_or_none() -> None:
    plain = {"chars": ["H", "", "i!"], "charStartTimesMs": [0, 40, 40], "charDurationsMs": [40, 0, 60.4]}
    assert of_message(plain) == Wording(text="Hi!", ends_ms=(40, 100, 100))


@pytest.mark.parametrize(
    "change",
    [
        {"chars": []},
        {"chars": [""], "charStartTimesMs": [0], "charDurationsMs": [40]},
        {"chars": "Hi!"},
        {"chars": None},
        {"charDurationsMs": [40]},
        {"charStartTimesMs": [0, 40]},
        {"charStartTimesMs": [0, 40, "x"]},
    ],
)
def test_what_does_not_fit_together_is_nothing(change: dict[str, Any]) -> None:
    assert of_message({**MESSAGE, **change}) is None


@settings(derandomize=True, deadline=None, max_examples=200, database=None)
@given(st.dictionaries(st.sampled_from([*MESSAGE, *ANSWER]), VALUES) | VALUES)
def test_nonsense_is_nothing(plain: object) -> None:
    for found in (of_message(plain), of_answer(plain)):
        assert found is None or (len(found.text) == len(found.ends_ms) and min(found.ends_ms) >= 0)
    assert sound_of(plain) == b"" or isinstance(plain, str)


def test_sound_is_base64() -> None:
    assert (sound_of("AQI="), sound_of("?"), sound_of("AQI"), sound_of(None)) == (b"\1\2", b"", b"", b"")


def test_what_comes_later_ends_later() -> None:
    assert later(HI, 1_000) == Wording(text="Hi!", ends_ms=(1_040, 1_090, 1_100))
