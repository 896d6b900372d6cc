"""Speech without keys: with an engine on the PATH, which here is a real program, and without one."""

from __future__ import annotations

import io
import os
import shutil
import sys
import textwrap
import wave
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
import trio

from voicecall.adapters.speech.offline import OfflineSynthesizer, find_engine, wav_to_ulaw, without_lead
from voicecall.audio.babble import say_ulaw
from voicecall.audio.g711 import ulaw_decode
from voicecall.audio.recording import loud_ms

ENGINE = """
    #!{python}
    import math, struct, sys, wave
    text = sys.argv[-1].strip()
    rate, hertz = {rate}, 400
    if "{fail}" and "{fail}" in text:
        sys.exit("voice file is missing")
    count = rate * 50 * len(text) // 1000
    with wave.open(sys.stdout.buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.setnframes({promised} or count)
        samples = (round(12_000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(count))
        out.writeframesraw(b"".join(struct.pack("<h", one) for one in samples))
        out._datawritten = out._datalength  # a pipe cannot be patched
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(folder: Path, name: str, *, rate: int = 16_000, fail: str = "", promised: int = 0) -> None:
    """Put a program on the PATH that "speaks": 50 ms of a 400 Hz tone a character."""
    source = textwrap.dedent(ENGINE).lstrip()
    program = folder / name
    program.write_text(source.format(python=sys.executable, rate=rate, fail=fail, promised=promised))
    program.chmod(0o755)


def spoken(synthesizer: OfflineSynthesizer, *clauses: str) -> list[bytes]:
    """The pieces of audio for these clauses."""

    async def told() -> AsyncGenerator[str]:
        for clause in clauses:
            yield clause

    async def main() -> list[bytes]:
        async with aclosing(told()) as source, synthesizer.speak(source) as pieces:
            return [piece async for piece in pieces]

    return trio.run(main)


def pitch(ulaw: bytes) -> float:
    """The loudest frequency."""
    samples = ulaw_decode(ulaw).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / 8_000)[spectrum.argmax()])


@pytest.mark.parametrize(("name", "rate"), [("flite", 16_000), ("espeak-ng", 22_050)])
def test_an_engine_on_the_path_speaks(path: Path, name: str, rate: int) -> None:
    install(path, name, rate=rate)
    synthesizer = OfflineSynthesizer()
    assert synthesizer.describe() == f"{name} on this machine"
    [sound] = spoken(synthesizer, "Is Thursday good?")
    assert len(sound) / 8 == pytest.approx(17 * 50, abs=10)
    assert pitch(sound) == pytest.approx(400, abs=3)
    assert loud_ms(ulaw_decode(sound), above_dbfs=-15) >= 800


def test_flite_is_preferred(path: Path) -> None:
    install(path, "espeak-ng")
    assert find_engine() == "espeak-ng"
    install(path, "flite")
    assert find_engine() == "flite"


def test_without_an_engine_the_stand_in_speaks_and_says_that_it_is_one(path: Path) -> None:
    synthesizer = OfflineSynthesizer()
    assert synthesizer.engine == "built-in"
    assert synthesizer.describe() == "built-in stand-in voice, not speech (install flite or espeak-ng for words)"
    assert spoken(synthesizer, "Hello there.") == [say_ulaw("Hello there.")]
    assert loud_ms(ulaw_decode(say_ulaw("Hello there.")), above_dbfs=-40) > 400


def test_clauses_are_spoken_one_by_one_as_they_come(path: Path) -> None:
    install(path, "flite")
    for synthesizer in (OfflineSynthesizer(), OfflineSynthesizer("built-in")):
        assert len(spoken(synthesizer, "One.", "Two three.", "Four.")) == 3
        assert spoken(synthesizer) == []


def test_the_silence_before_the_first_word_is_left_out_and_every_other_is_not() -> None:
    quiet, loud = bytes([0xFF]) * 160, bytes([0x20, 0xA0]) * 80
    assert without_lead(quiet * 11 + loud + quiet * 5 + loud + quiet * 3) == quiet + loud + quiet * 5 + loud + quiet * 3
    assert without_lead(loud + quiet) == loud + quiet
    assert without_lead(quiet * 5) == quiet * 5
    assert without_lead(b"") == b""


def test_a_text_that_looks_like_an_option_is_spoken(path: Path) -> None:
    install(path, "flite")
    assert len(spoken(OfflineSynthesizer(), "--help")[0]) / 8 == pytest.approx(6 * 50, abs=10)


def test_a_length_that_an_engine_could_not_know_is_not_believed(path: Path) -> None:
    """espeak-ng writes its header before it knows: 2 GiB are promised."""
    install(path, "espeak-ng", rate=22_050, promised=0x3FFF_F000)
    [sound] = spoken(OfflineSynthesizer(), "Hello.")
    assert len(sound) / 8 == pytest.approx(6 * 50, abs=10)


def test_a_failing_engine_is_quoted(path: Path) -> None:
    install(path, "flite", fail="Thursday")
    with pytest.raises(RuntimeError, match=r"flite failed \(1\): voice file is missing"):
        spoken(OfflineSynthesizer(), "Is Thursday good?")


def test_an_engine_that_says_nothing_has_failed(path: Path) -> None:
    (path / "flite").write_text(f"#!{sys.executable}\n")
    (path / "flite").chmod(0o755)
    with pytest.raises(RuntimeError, match=r"flite failed \(0\)"):
        spoken(OfflineSynthesizer(), "Hello.")


def test_an_engine_that_is_gone_has_failed(path: Path) -> None:
    with pytest.raises(OSError, match="flite"):
        spoken(OfflineSynthesizer("flite"), "Hello.")


def test_whoever_stops_listening_stops_the_engine(path: Path) -> None:
    os.mkfifo(path / "pid")
    (path / "flite").write_text(
        f"#!{sys.executable}\nimport os, time\n"
        f"with open({str(path / 'pid')!r}, 'w') as told:\n    told.write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    (path / "flite").chmod(0o755)

    async def told() -> AsyncGenerator[str]:
        yield "Hello."

    async def main() -> str:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def speak() -> None:
                async with aclosing(told()) as source, OfflineSynthesizer().speak(source) as pieces:
                    async for _ in pieces:
                        raise AssertionError("it has not said anything")

            pid = await trio.to_thread.run_sync((path / "pid").read_text)
            nursery.cancel_scope.cancel()
        return pid

    assert not Path(f"/proc/{trio.run(main)}").exists()


def wav(*, channels: int = 1, width: int = 2, rate: int = 8_000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes(channels * width * 80))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "about"),
    [
        (b"", "not a WAV file"),
        (b"Segmentation fault", "not a WAV file"),
        (b"RIFF\x24\0\0\0WAVE", "not a WAV file"),
        (wav(channels=2), "expected mono 16 bit"),
        (wav(width=1), "expected mono 16 bit"),
    ],
)
def test_what_is_not_a_mono_wav_is_named(data: bytes, about: str) -> None:
    with pytest.raises(RuntimeError, match=about):
        wav_to_ulaw(data)


@pytest.mark.skipif(not (shutil.which("flite") or shutil.which("espeak-ng")), reason="no speech engine on this machine")
def test_the_engine_of_this_machine_really_speaks() -> None:
    [sound] = spoken(OfflineSynthesizer(), "Is Thursday at ten good for you?")
    assert 1_000 < len(sound) / 8 < 5_000
    assert loud_ms(ulaw_decode(sound), above_dbfs=-40) > 800
