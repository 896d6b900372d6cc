"""What is played, marked, heard, cleared."""

from __future__ import annotations

from voicecall.audio.playback import Finished, Frame, Playback

SECOND = bytes([0x20]) * 8_000


def playing(*utterances: int, audio: bytes = SECOND, interruptible: bool = True) -> Playback:
    """A playback with complete utterances."""
    playback = Playback()
    for utterance in utterances:
        playback.enqueue(utterance, interruptible=interruptible)
        playback.feed(utterance, audio)
        playback.close(utterance)
    return playback


def take(playback: Playback, count: int = 1_000) -> list[Frame]:
    """Up to so many frames."""
    frames: list[Frame] = []
    while len(frames) < count and (frame := playback.next_frame()) is not None:
        frames.append(frame)
    return frames


def marks(frames: list[Frame]) -> list[str]:
    return [frame.mark for frame in frames if frame.mark]


def test_an_utterance_comes_out_as_it_went_in() -> None:
    playback = playing(1, audio=bytes(range(256)) * 10)
    frames = take(playback)
    assert all(len(frame.payload) == 160 for frame in frames)
    assert b"".join(frame.payload for frame in frames) == bytes(range(256)) * 10
    assert [frame.starts for frame in frames] == [1] + [0] * 15


def test_the_last_frame_is_filled_up_with_silence() -> None:
    [frame] = take(playing(1, audio=b"\x11" * 100))
    assert frame.payload == b"\x11" * 100 + b"\xff" * 60
    assert frame.mark == "1:20"


def test_an_incomplete_frame_waits_for_the_rest() -> None:
    playback = Playback()
    playback.enqueue(1)
    playback.feed(1, b"\x11" * 100)
    assert not playback.ready
    assert playback.next_frame() is None
    playback.feed(1, b"\x22" * 60)
    assert playback.ready
    assert take(playback)[0].payload == b"\x11" * 100 + b"\x22" * 60


def test_a_mark_follows_every_100_ms_and_the_end() -> None:
    frames = take(playing(7, audio=SECOND[: len(SECOND) // 2] + b"\x20" * 320))
    assert [index for index, frame in enumerate(frames, 1) if frame.mark] == [5, 10, 15, 20, 25, 27]
    assert marks(frames) == ["7:100", "7:200", "7:300", "7:400", "7:500", "7:540"]


def test_only_the_last_echo_finishes_an_utterance() -> None:
    playback = playing(1)
    *early, last = marks(take(playback))
    for mark in early:
        assert playback.acknowledge(mark) == []
    assert playback.busy
    assert playback.acknowledge(last) == [Finished(utterance=1, heard_ms=1_000, sent_ms=1_000, interrupted=False)]
    assert not playback.busy


def test_what_a_clear_gives_back_was_not_heard() -> None:
    playback = playing(1)
    sent = marks(take(playback, 40))
    playback.acknowledge(sent[0])
    assert playback.clear() == [Finished(utterance=1, heard_ms=100, sent_ms=800, interrupted=True)]
    assert [playback.acknowledge(mark) for mark in sent[1:]] == [[]] * 7
    assert playback.next_frame() is None


def test_the_first_moment_is_the_first_echo_less_the_sound_before_it() -> None:
    playback = playing(1)
    first, second, *_ = marks(take(playback, 30))
    playback.acknowledge(first, 1_270)
    playback.acknowledge(second, 1_490)
    assert playback.clear()[0].first_heard_ms == 1_170


def test_echoes_that_come_twice_or_out_of_order_take_nothing_back() -> None:
    playback = playing(1)
    first, second, *_ = marks(take(playback, 30))
    playback.acknowledge(second)
    playback.acknowledge(first)
    playback.acknowledge(first)
    assert playback.clear()[0].heard_ms == 200


def test_utterances_play_one_after_another() -> None:
    playback = playing(1, 2)
    frames = take(playback)
    assert [frame.starts for frame in frames if frame.starts] == [1, 2]
    assert len(frames) == 100
    assert [one.utterance for mark in marks(frames) for one in playback.acknowledge(mark)] == [1, 2]


def test_the_next_utterance_waits_while_the_first_is_still_being_made() -> None:
    playback = Playback()
    playback.enqueue(1)
    playback.enqueue(2)
    playback.feed(2, SECOND)
    playback.feed(1, b"\x20" * 160)
    assert [frame.starts for frame in take(playback)] == [1]
    playback.close(1)
    assert take(playback, 1)[0].starts == 2


def test_an_utterance_that_ends_after_its_last_frame_gets_a_mark_of_its_own() -> None:
    playback = Playback()
    playback.enqueue(3)
    playback.feed(3, b"\x20" * 480)
    assert marks(take(playback)) == []
    assert playback.close(3) == []
    assert playback.unacknowledged == 3
    mark = playback.close_mark(3)
    assert mark == "3:60"
    assert playback.close_mark(3) == ""
    assert playback.acknowledge(mark) == [Finished(utterance=3, heard_ms=60, sent_ms=60, interrupted=False)]


def test_an_utterance_whose_last_mark_is_back_before_it_ends_is_over_at_its_end() -> None:
    playback = Playback()
    playback.enqueue(1)
    playback.feed(1, b"\x20" * 800)
    playback.acknowledge(marks(take(playback))[0])
    assert playback.close(1) == [Finished(utterance=1, heard_ms=100, sent_ms=100, interrupted=False)]


def test_an_utterance_without_sound_is_over_at_once() -> None:
    playback = Playback()
    playback.enqueue(1)
    assert playback.close(1) == [Finished(utterance=1, heard_ms=0, sent_ms=0, interrupted=False)]
    assert playback.close(1) == []


def test_sound_for_an_utterance_that_is_over_goes_nowhere() -> None:
    playback = playing(1)
    playback.clear()
    playback.feed(1, SECOND)
    playback.feed(99, SECOND)
    assert not playback.busy
    assert playback.next_frame() is None


def test_sound_that_broke_off_is_played_and_counts_as_interrupted() -> None:
    playback = Playback()
    playback.enqueue(1)
    playback.feed(1, b"\x20" * 800)
    assert playback.close(1, broken=True) == []
    [mark] = marks(take(playback))
    assert playback.acknowledge(mark) == [
        Finished(utterance=1, heard_ms=100, sent_ms=100, interrupted=True, broken=True)
    ]


def test_clearing_up_to_a_number_leaves_what_comes_after() -> None:
    playback = playing(1, 2, 3)
    take(playback, 5)
    assert [one.utterance for one in playback.clear(2)] == [1, 2]
    assert take(playback, 1)[0].starts == 3


def test_what_must_not_be_interrupted_is_not_cut_for_what_came_before_it() -> None:
    """Once it has begun everything before it has been sent: taking that back at the carrier would take both."""
    playback = playing(1)
    playback.enqueue(2, interruptible=False)
    playback.feed(2, SECOND)
    take(playback, 51)
    assert playback.interruptible
    assert playback.last_interruptible == 1
    assert playback.clear(1) == []


def test_what_may_be_interrupted_ends_before_the_first_that_may_not() -> None:
    playback = playing(1, 2)
    playback.enqueue(3, interruptible=False)
    playback.enqueue(4)
    assert playback.last_interruptible == 2
    assert not playing(1, interruptible=False).interruptible
    assert not Playback().interruptible


def test_playing_is_what_has_begun() -> None:
    playback = playing(4, 5)
    assert playback.playing == 0
    take(playback, 1)
    assert playback.playing == 4


def test_an_echo_that_never_comes_is_not_waited_for_for_ever() -> None:
    playback = playing(1)
    playback.acknowledge(marks(take(playback))[1])
    assert playback.unacknowledged == 1
    assert playback.give_up(1, interrupted=False) == [
        Finished(utterance=1, heard_ms=200, sent_ms=1_000, interrupted=False)
    ]
    assert playback.give_up(1, interrupted=False) == []


def test_how_far_a_synthesizer_is_ahead() -> None:
    playback = playing(1)
    take(playback, 10)
    assert playback.buffered_ms(1) == 800
    assert playback.buffered_ms(2) == 0
    assert playback.has_sound(1)
    assert not playback.has_sound(2)
