"""Text in packets: what is put in comes out, and what is broken stays silent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecall.audio.packets import CARRIED, PACKET_BYTES, Assembly, Complete, Partial, least_packets, to_packets

LONG = "The quick brown fox jumps over the lazy dog, and then it does so again and again. " * 5
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def told(packets: list[bytes], assembly: Assembly | None = None) -> list[Partial | Complete]:
    """What packets tell that begin 100 apart."""
    assembly = assembly or Assembly()
    news = [assembly.take(packet, 1_000 + 100 * index)[1] for index, packet in enumerate(packets)]
    return [one for one in news if one is not None]


def complete(packets: list[bytes]) -> list[str]:
    return [one.text for one in told(packets) if isinstance(one, Complete)]


@settings(deadline=None)
@given(text=texts, more=st.integers(0, 40))
def test_any_text_comes_out_of_any_number_of_packets(text: str, more: int) -> None:
    packets = to_packets(text, least_packets(text) + more)
    assert {len(packet) for packet in packets} == {PACKET_BYTES}
    *partials, whole = told(packets)
    assert whole == Complete(text=text, began=1_000, spacing=100)
    assert all(text.startswith(one.text) for one in partials)


def test_words_come_at_the_pace_of_the_packets() -> None:
    packets = to_packets(LONG, 4 * least_packets(LONG))
    lengths = [len(one.text) for one in told(packets) if isinstance(one, Partial)]
    assert lengths == sorted(set(lengths))
    for share in (0.25, 0.5, 0.75):
        half = told(packets[: round(len(packets) * share)])[-1]
        assert len(half.text) == pytest.approx(len(LONG) * share, abs=10)


@settings(deadline=None)
@given(text=texts.filter(lambda text: len(text) > CARRIED), at=st.integers(0, 1_000))
def test_a_lost_packet_silences_its_message_but_not_the_next(text: str, at: int) -> None:
    packets = to_packets(text, least_packets(text))
    del packets[at % len(packets)]
    assert complete([*packets, *to_packets("And you?", 2)]) == ["And you?"]
    assert told(packets) == told(packets[: at % (len(packets) + 1)])


@settings(deadline=None)
@given(at=st.integers(0, 1_000))
def test_a_packet_that_comes_twice_silences_its_message(at: int) -> None:
    """Unless it is the first, which begins the message again, or the last, after which nothing is missing."""
    packets = to_packets(LONG, least_packets(LONG))
    index = at % len(packets)
    twice = complete([*packets[:index], packets[index], *packets[index:]])
    assert twice == ([] if 0 < index < len(packets) - 1 else [LONG])


@settings(deadline=None)
@given(packet=st.integers(0, 2), bit=st.integers(0, 8 * PACKET_BYTES - 1))
def test_one_wrong_bit_shows(packet: int, bit: int) -> None:
    packets = to_packets("Hello, how are you?", 3)
    wrong = bytearray(packets[packet])
    wrong[bit // 8] ^= 1 << bit % 8
    genuine, news = Assembly().take(bytes(wrong), 0)
    assert (genuine, news) == (False, None)


def test_packets_of_two_messages_never_make_a_third() -> None:
    """The numbers fit; the check over the whole does not."""
    one, other = to_packets("I will come on Monday.", 4), to_packets("I won't come, I fear...", 4)
    assert complete([*one[:2], *other[2:]]) == []


def test_a_message_may_break_off_and_another_begin() -> None:
    unfinished = to_packets(LONG, least_packets(LONG))[:7]
    assert complete([*unfinished, *to_packets("Hello?", 2)]) == ["Hello?"]


def test_packets_from_the_middle_of_a_message_tell_nothing() -> None:
    assert told(to_packets(LONG, 60)[20:]) == []


def test_what_is_no_character_becomes_a_question_mark() -> None:
    assert complete(to_packets("a\ud800b", 2)) == ["a?b"]


def test_too_few_packets_are_refused() -> None:
    with pytest.raises(ValueError, match="count: 8 bytes need 2 packets, got 1"):
        to_packets("a", 1)
