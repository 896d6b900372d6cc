"""Who may stop us: somebody who speaks. Not the room, not the line, and not ourselves."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audio.room import STORY, Echo, Room, converse
from tests.audio.sounds import RATE, Sound, band, later, mixed, silence, tone, ulaw, voice
from voicecall.audio.babble import say_ulaw
from voicecall.audio.caller import CallerVoice
from voicecall.audio.g711 import ulaw_decode
from voicecall.config.silero import silero_model
from voicecall.config.speech import Streaming
from voicecall.events import facts as fact
from voicecall.events.effects import Speak

MINUTE = 60_000
STOPPED_MS, SILERO_MS = 150, 250
"""From the voiced onset of a word to the ``clear``."""


def wandering(sound: Sound, over_s: float = 7) -> Sound:
    """Louder and quieter by a factor of three, and back, within ``over_s``."""
    return sound * 3 ** (np.sin(2 * np.pi * np.arange(len(sound)) / RATE / over_s) / 2)


def switched(*sounds: Sound) -> Sound:
    """Ten seconds of each, again and again, for a minute."""
    pieces = [sound[: 10 * RATE] for sound in sounds]
    return np.concatenate(pieces * (6 // len(pieces)))


CALM = band(-58, MINUTE)
ROOMS: dict[str, tuple[Sound, Echo]] = {
    "a quiet line": (band(-65, MINUTE), Echo()),
    "room tone": (wandering(band(-42, MINUTE, 80, 1_500, tilt=1)), Echo()),
    "line noise and hum": (band(-38, MINUTE) + tone(100, -40, MINUTE), Echo()),
    "noise that comes and goes": (switched(band(-60, MINUTE), band(-33, MINUTE, seed=2)), Echo()),
    "echo after 120 ms": (CALM, Echo(((120, 10),))),
    "echo after 190 ms, on three paths": (CALM, Echo(((190, 12), (197, 16), (211, 20)))),
    "echo after 260 ms, faint, in room tone": (band(-50, MINUTE, 80, 1_500, tilt=1), Echo(((260, 22),))),
    "echo after 330 ms": (CALM, Echo(((330, 16), (343, 24)))),
    "echo after 400 ms, loud": (CALM, Echo(((400, 7),))),
    "echo in noise that comes and goes": (switched(band(-60, MINUTE), band(-40, MINUTE)), Echo(((150, 12),))),
}
"""Ten minutes."""


@pytest.mark.parametrize(("sound", "echo"), ROOMS.values(), ids=ROOMS)
def test_room_line_and_echo_never_stop_us(sound: Sound, echo: Echo) -> None:
    room = converse(Room(sound, echo))
    assert room.at >= MINUTE * 8 - 160
    assert (room.cleared_at, room.of(fact.CallerStarted)) == ([], [])
    assert not any(one.interrupted for one in room.of(fact.PlaybackFinished)[:-1])


def word(dbfs: float, pitch_hz: int) -> Sound:
    """ "Stop": 120 ms of hiss, the tongue, and then the voiced part, 160 ms after the beginning."""
    vowel = ulaw_decode(say_ulaw("aop", pitch_hz=pitch_hz)).astype(np.float64)
    level = 32_768 * 10 ** (dbfs / 20)
    return np.concatenate(
        (band(dbfs - 12, 120, 2_000), silence(40), vowel / np.sqrt((vowel[:1_000] ** 2).mean()) * level)
    )


VOICED_MS = 160
SPEAKERS = {
    "on a quiet line": (band(-62, 5_000), Echo(), -24),
    "softly": (band(-62, 5_000), Echo(), -36),
    "over noise": (band(-40, 5_000), Echo(), -26),
    "over room tone": (band(-42, 5_000, 80, 1_500, tilt=1), Echo(), -24),
    "over our echo": (band(-60, 5_000), Echo(((120, 12),)), -22),
    "over our echo on several paths": (band(-55, 5_000), Echo(((250, 12), (257, 16))), -22),
    "over our loud echo": (band(-55, 5_000), Echo(((400, 8),)), -20),
}


@pytest.mark.parametrize(("line", "echo", "dbfs"), SPEAKERS.values(), ids=SPEAKERS)
@pytest.mark.parametrize("pitch_hz", [95, 150, 215])
def test_a_spoken_stop_stops_us(line: Sound, echo: Echo, dbfs: float, pitch_hz: int) -> None:
    """Wherever in our words and in a frame it falls."""
    for number in range(3):
        begins_ms = 2_500 + number * 311.3
        room = converse(Room(mixed(line, later(word(dbfs, pitch_hz), begins_ms)), echo))
        [cleared] = room.cleared_at
        assert 0 < cleared * 1000 / RATE - begins_ms - VOICED_MS <= STOPPED_MS
        [started] = room.of(fact.CallerStarted)
        assert abs(started.offset_ms - begins_ms - VOICED_MS) <= 200


SILERO = silero_model(Streaming(voice_detector="auto"))


@pytest.mark.skipif(SILERO is None, reason="onnxruntime and Silero's model are not installed")
@pytest.mark.parametrize("name", ["noise that comes and goes", "echo after 190 ms, on three paths"])
def test_silero_is_not_stopped_by_them_and_is_by_a_word(name: str) -> None:
    from voicecall.audio.silero import load

    assert SILERO is not None
    voicing, (sound, echo) = load(SILERO), ROOMS[name]
    room = converse(Room(sound, echo), voicing=voicing)
    assert (room.cleared_at, room.of(fact.CallerStarted)) == ([], [])
    for number, pitch_hz in enumerate((95, 150, 215)):
        begins_ms = 2_500 + number * 311.3
        spoken = Room(mixed(band(-55, 5_000), later(word(-22, pitch_hz), begins_ms)), echo)
        [cleared] = converse(spoken, voicing=voicing).cleared_at
        assert 0 < cleared * 1000 / RATE - begins_ms - VOICED_MS <= SILERO_MS


def test_the_clear_is_not_kept_waiting_by_the_journal() -> None:
    """It goes out in the tick that hears the voice, whoever takes the fact, and when."""
    room = Room(mixed(band(-62, 3_000), later(word(-24, 150), 1_500)))
    when: list[int] = []
    converse(room, on_fact=lambda event: when.append(room.at) if isinstance(event, fact.CallerStarted) else None)
    assert when == room.cleared_at


def test_at_a_sound_that_is_no_voice_ours_is_lowered_and_then_raised_again() -> None:
    knock = later(band(-20, 200, seed=4), 2_000)
    plain, room = converse(Room(band(-62, 6_000))), converse(Room(mixed(band(-62, 6_000), knock)))
    assert (room.cleared_at, room.of(fact.CallerStarted)) == ([], [])
    loud = levels(plain) > 300
    lowered = np.where(loud, levels(room) / levels(plain), np.nan)
    assert lowered[:100][loud[:100]] == pytest.approx(1)
    assert lowered[108:122][loud[108:122]] == pytest.approx(0.25, rel=0.05)
    assert lowered[130:][loud[130:]] == pytest.approx(1)
    measured = [one.ducked_ms for one in room.of(fact.AudioMeasured)]
    assert sum(measured) == pytest.approx(420, abs=60)
    assert measured[0] == sum(measured)


def levels(room: Room) -> Sound:
    """Of every frame that was played; 1 for none, so that it can be divided by."""
    return np.maximum(np.abs(room.played[: room.at].reshape(-1, 160)).max(axis=1), 1).astype(np.float64)


def test_the_echo_is_measured_and_does_not_lower_our_voice() -> None:
    room = converse(Room(band(-62, 20_000), Echo(((200, 10),))))
    measured = room.of(fact.AudioMeasured)
    assert sum(one.echo_ms for one in measured) > 10_000
    assert sum(one.ducked_ms for one in measured) <= 500
    assert sum(one.ducked_ms for one in measured[1:]) == 0


def test_what_must_be_heard_is_not_lowered_either() -> None:
    speak = Speak(utterance=1, text="This message is for you and you must hear all of it.", interruptible=False)
    sound = mixed(band(-62, 4_000), later(voice(-20, 1_000), 1_000))
    plain, room = (converse(Room(each), speak=speak) for each in (band(-62, 4_000), sound))
    assert len(room.of(fact.CallerStarted)) == 1
    assert (levels(room) == levels(plain)).all()


def test_the_protected_first_moments_are_heard_and_whoever_still_talks_then_is_let_talk() -> None:
    speak = Speak(utterance=1, text=STORY, protected_ms=1_500)
    spared, stopped = (
        converse(Room(mixed(band(-62, 4_000), later(voice(-22, length_ms), 600))), speak=speak)
        for length_ms in (400, 3_000)
    )
    assert (spared.cleared_at, len(spared.of(fact.CallerStarted))) == ([], 1)
    [cleared] = stopped.cleared_at
    assert 1_500 <= cleared * 1000 / RATE <= 1_700
    assert len(stopped.of(fact.CallerStarted)) == 2


def test_a_frame_of_any_length_is_heard() -> None:
    """Carriers send 20 ms, or 30, or what they have."""
    caller, sound = CallerVoice(), ulaw(band(-62, 990), voice(-20, 510))
    found = [piece for start in range(0, len(sound), 240) for piece in caller.frames(sound[start : start + 240])]
    assert b"".join(found) == sound
    assert {len(piece) for piece in found} == {160}
