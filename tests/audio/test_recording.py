"""Both sides of a call in one file: in step, whole, and readable whatever happens."""

from __future__ import annotations

import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.sounds import frames, noise, tone, ulaw, voice
from voicecall.audio.g711 import ulaw_decode
from voicecall.audio.recording import HELD_MS, Recording, channels, loud_ms

HELLO = ulaw(voice(-20, 1_000))


def sound_at(path: Path, side: int, start_ms: int, ms: int) -> np.ndarray:
    return channels(path)[start_ms * 8 : (start_ms + ms) * 8, side]


def finish(recording: Recording, at_ms: int) -> Path:
    """The end of the call."""
    recording.cut(at_ms, last=True)
    recording.write()
    return recording.path


def test_the_file_is_a_stereo_wav_of_both_sides(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "c1.wav")
    recording.put("caller", 0, HELLO)
    recording.put("agent", 1_000, ulaw(tone(440, -15, 500)))
    path = finish(recording, 2_000)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8_000)
        assert file.getnframes() == 16_000
    assert np.array_equal(sound_at(path, 0, 0, 1_000), ulaw_decode(HELLO))
    assert not sound_at(path, 0, 1_000, 1_000).any()
    assert np.array_equal(sound_at(path, 1, 1_000, 500), ulaw_decode(ulaw(tone(440, -15, 500))))
    assert not sound_at(path, 1, 0, 1_000).any()
    assert not sound_at(path, 1, 1_500, 500).any()
    assert path.stat().st_mode & 0o777 == 0o600


def test_each_channel_is_as_long_as_the_call_and_no_longer(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "c1.wav")
    recording.put("agent", 1_900, ulaw(tone(440, -15, 500)))
    assert len(channels(finish(recording, 2_000))) == 16_000
    assert len(channels(finish(Recording(tmp_path / "silent.wav"), 750))) == 6_000
    assert len(channels(finish(Recording(tmp_path / "empty.wav"), 0))) == 0


def test_frames_that_come_unevenly_stay_together(tmp_path: Path) -> None:
    """Up to 100 ms late is the network's jitter, and no gap is heard in it."""
    recording = Recording(tmp_path / "c1.wav")
    for number, frame in enumerate(frames(HELLO)):
        recording.put("caller", number * 20 + (number * 37) % 80, frame)
    path = finish(recording, 1_200)
    assert np.array_equal(sound_at(path, 0, 0, 1_000), ulaw_decode(HELLO))


def test_a_stretch_that_was_held_up_goes_where_it_belongs(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "c1.wav")
    sent = frames(HELLO)
    for number in range(20):
        recording.put("caller", number * 20, sent[number])
    for number in range(20, 40):
        recording.put("caller", 780, sent[number])
    for number in range(40, 50):
        recording.put("caller", number * 20, sent[number])
    path = finish(recording, 1_500)
    assert np.array_equal(sound_at(path, 0, 0, 1_000), ulaw_decode(HELLO))
    assert not sound_at(path, 0, 1_000, 500).any()


def test_after_a_long_hold_up_every_word_is_there_and_pauses_bring_both_sides_in_step_again(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "c1.wav")
    sent = frames(HELLO * 4 + bytes([0xFF]) * 8_000 * 4 + HELLO)
    for number, frame in enumerate(sent):
        came_at = number * 20 if not 25 <= number < 200 else 4_000
        recording.put("caller", came_at, frame)
        recording.cut(came_at)
    path = finish(recording, 9_000)
    left = channels(path)[:, 0]
    assert loud_ms(left, above_dbfs=-40) == pytest.approx(loud_ms(ulaw_decode(HELLO * 5), above_dbfs=-40), abs=60)
    assert np.array_equal(left[-8_000:], ulaw_decode(HELLO))


def test_after_a_pause_sound_is_where_it_was_heard(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "c1.wav")
    for start in (300, 1_700, 4_000):
        for number, frame in enumerate(frames(HELLO[:4_000])):
            recording.put("agent", start + number * 20, frame)
            recording.cut(start + number * 20)
    path = finish(recording, 5_000)
    right = channels(path)[:, 1]
    expected = np.zeros(40_000, np.int16)
    for start in (300, 1_700, 4_000):
        expected[start * 8 : start * 8 + 4_000] = ulaw_decode(HELLO[:4_000])
    assert np.array_equal(right, expected)


def test_our_own_sound_has_no_jitter(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "c1.wav")
    for start in (30, 110, 190):
        recording.put("agent", start, HELLO[:160])
    right = channels(finish(recording, 300))[:, 1]
    expected = np.zeros(2_400, np.int16)
    for start in (30, 110, 190):
        expected[start * 8 : start * 8 + 160] = ulaw_decode(HELLO[:160])
    assert np.array_equal(right, expected)


def test_what_an_interruption_took_back_is_not_on_record(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "c1.wav")
    recording.put("agent", 0, HELLO)
    recording.unsay("agent", 600)
    recording.put("agent", 900, HELLO[:1_600])
    path = finish(recording, 2_000)
    assert np.array_equal(sound_at(path, 1, 0, 600), ulaw_decode(HELLO[:4_800]))
    assert not sound_at(path, 1, 600, 300).any()
    assert np.array_equal(sound_at(path, 1, 900, 200), ulaw_decode(HELLO[:1_600]))
    assert not sound_at(path, 1, 1_100, 900).any()


def test_a_peer_that_sends_faster_than_anybody_speaks_does_not_fill_the_memory(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "c1.wav")
    for _ in range(5_000):
        recording.put("caller", 100, HELLO[:160])
    assert len(recording._tracks["caller"].audio) < 11 * 8_000
    recording.close()


def test_what_is_written_can_be_read_while_the_call_goes_on(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "c1.wav")
    assert len(channels(recording.path)) == 0
    recording.put("caller", 0, HELLO * 3)
    recording.cut(3_000)
    recording.write()
    assert len(channels(recording.path)) == (3_000 - HELD_MS) * 8
    assert loud_ms(channels(recording.path)[:, 0], above_dbfs=-40) > 1_000
    recording.put("caller", 3_000, HELLO)
    assert len(channels(finish(recording, 4_000))) == 32_000


CRASH = """
import os, sys
from pathlib import Path
from voicecall.audio.recording import Recording
recording = Recording(Path(sys.argv[1]))
for second in range(3):
    recording.put("caller", second * 1000, bytes([0x20]) * 8000)
    recording.put("agent", second * 1000, bytes([0x30]) * 8000)
    recording.cut(second * 1000 + 1000)
    recording.write()
print("written", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_leaves_a_file_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "c1.wav"
    command = [sys.executable, "-c", CRASH, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    left, right = channels(path).T
    assert len(left) == (3_000 - HELD_MS) * 8
    assert set(left) == set(ulaw_decode(b"\x20"))
    assert set(right) == set(ulaw_decode(b"\x30"))


def test_an_existing_file_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "c1.wav").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        Recording(tmp_path / "c1.wav")
    assert (tmp_path / "c1.wav").read_bytes() == b"precious"


@given(
    puts=st.lists(
        st.tuples(st.sampled_from(["caller", "agent"]), st.integers(0, 400), st.integers(0, 3_000)), max_size=30
    ),
    cuts=st.lists(st.integers(0, 6_000), max_size=10),
)
def test_both_channels_are_always_as_long_as_the_call(
    tmp_path_factory: pytest.TempPathFactory, puts: list[tuple[str, int, int]], cuts: list[int]
) -> None:
    """Whatever comes, in whatever order, in pieces of any length."""
    recording = Recording(tmp_path_factory.mktemp("r") / "c1.wav")
    now, moments = 0, iter(sorted(cuts))
    for side, pause_ms, length in puts:
        now += pause_ms
        recording.put(side, now, ulaw(noise(-20, 20))[:1] * length)
        if pause_ms % 3 == 0:
            recording.unsay(side, now)
        recording.cut(min(next(moments, now), now))
        recording.write()
    end = now + 100
    assert len(channels(finish(recording, end))) == end * 8
    assert recording._file.closed
