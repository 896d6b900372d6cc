"""``latency CALL --plot FILE``: the file, the recording in it, and what it says about the call."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.audio.sounds import tone, ulaw
from tests.cli.shelf import on_terminal, past, shelve
from tests.core.story import conversing, dialed
from voicecall.__main__ import main
from voicecall.audio.recording import Recording
from voicecall.cli.plotting import envelope, subtitle_of
from voicecall.events import Instant
from voicecall.events import facts as fact
from voicecall.projections.timeline import timeline

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def plot(state: Path, file: Path, call: str = "") -> int:
    return main(["latency", call or past().over, "--state", str(state), "--plot", str(file)])


def record(state: Path, name: str) -> Path:
    """A second of the caller, then a second of us."""
    path = state / "recordings" / name
    path.parent.mkdir(exist_ok=True)
    recording = Recording(path)
    recording.put("caller", 0, ulaw(tone(400, -10, 1_000)))
    recording.put("agent", 1_000, ulaw(tone(400, -10, 1_000)))
    recording.cut(2_000, last=True)
    recording.write()
    return path


def waves(file: Path) -> list[str]:
    root = ElementTree.parse(file).getroot()
    return [one.get("class", "") for one in root.iter() if "wave" in (one.get("class") or "").split()]


def test_a_call_is_drawn_into_a_file_that_only_its_owner_can_read(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    file = tmp_path / "call.svg"
    assert plot(tmp_path, file) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out)["recordsScanned"], json.loads(out)["plot"], err) == (1, str(file), "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    root = ElementTree.parse(file).getroot()
    texts = [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == f"call {past().over[:8]}: +15550000000 → +15550001001, mock"
    assert any(text.startswith("turn 2: ") for text in texts)
    assert waves(file) == []
    assert plot(tmp_path, file) == 0  # again, over the old one


def test_a_recording_is_drawn_under_the_words(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    path = record(tmp_path, f"{past().over}.wav")
    file = tmp_path / "call.svg"
    assert plot(tmp_path, file) == 0
    assert waves(file) == ["wave caller", "wave reply"]
    path.write_bytes(b"RIFF")
    assert plot(tmp_path, file) == 0
    assert waves(file) == []
    assert "the recording cannot be read and is left out: " in capsys.readouterr().err


def test_loud_is_high_and_quiet_is_low(tmp_path: Path) -> None:
    found = envelope(record(tmp_path, "c.wav"), Instant(1_000), 40)
    assert (found.begins_at, found.levels.shape) == (1_000, (2, 2_000 // int(found.step_ms)))
    caller, agent = found.levels
    half = len(caller) // 2
    assert caller[:half] == pytest.approx(np.full(half, 0.8), abs=0.02)
    assert agent[half:] == pytest.approx(np.full(half, 0.8), abs=0.02)
    assert (caller[half:].max(), agent[:half].max()) == (0, 0)
    assert envelope(tmp_path / "recordings" / "c.wav", Instant(0), 500).levels[0] == pytest.approx(
        [0.8, 0.8, 0, 0], abs=0.02
    )


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: Capture) -> None:
    shelve(tmp_path)
    file = tmp_path / "nowhere" / "call.svg"
    assert plot(tmp_path, file) == 1
    words = f"--plot: {file}: No such file or directory; name a file that can be written\n"
    assert capsys.readouterr().err == words


def test_a_call_that_rings_can_be_drawn(tmp_path: Path) -> None:
    shelve(tmp_path)
    assert plot(tmp_path, tmp_path / "call.svg", past().ringing) == 0


def test_people_see_the_table_and_where_the_picture_is(tmp_path: Path) -> None:
    shelve(tmp_path)
    file = tmp_path / "call.svg"
    shown = on_terminal("latency", past().over, "--plot", file, "--state", tmp_path)
    assert shown.code == 0
    for words in (f"latency of {past().over}", "first token", "latency over 1 call, ms", "frames late: p99"):
        assert words in shown.out
    assert f"drawn in {file}" in " ".join(shown.out.split())


def test_below_the_title_is_how_long_it_took_and_how_long_people_waited() -> None:
    call = conversing()
    call.tell(fact.CallerSaid(text="Is Thursday free?", ended_ms=2_000), after_ms=2_100)
    call.replies("Yes.")
    call.tell(fact.PlaybackStarted(utterance=2, offset_ms=2_400), after_ms=300)
    words = subtitle_of(timeline(call.entries))
    assert words == (
        "2026-01-01 00:00:04 · 2.6 s · after 4.0 s of ringing · answers sent after p50 400, p95 400, max 400 ms"
    )
    call.tell(fact.AudioMeasured(offset_ms=2_500, caller_dbfs=-9, agent_dbfs=-9, lag_p99_ms=0.3, lag_max_ms=4.2))
    assert subtitle_of(timeline(call.entries)).endswith(" · the loop's lag: worst 4.2 ms")
    assert subtitle_of(timeline(dialed().entries)) == "2026-01-01 00:00:00 · 0.0 s"
