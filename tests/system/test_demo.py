"""``make demo``, all four scenarios, with a vendor's speech and without, and what can be looked at afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import wave
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import trio

from journal import Reader
from tests.system.street import PATIENCE_S, RATE, Child, Plain
from voicecall.__main__ import main
from voicecall.events import Entry
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry
from voicecall.testing.demo import SCENARIOS
from voicecall.testing.people import CALLER
from voicecall.testing.script import Say

RATES = {"conversation": 5}
"""Gentle where the recording is measured by the call's own clock."""
AUDIBLE_DBFS = -40
INBOUND = (
    SCENARIOS["inbound"].ends,
    [step.text for step in CALLER.steps if isinstance(step, Say)],
    " ".join((SCENARIOS["inbound"].message, *SCENARIOS["inbound"].replies)),
)
WINDOW = 800


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state directory for all, as in a checkout."""
    return tmp_path_factory.mktemp("demo")


def give(state: Path, name: str, *more: str, rate: float | None = None) -> str:
    """Give a demonstration; what it prints."""
    command = [sys.executable, "-m", "voicecall.testing.demo", "--scenario", name, "--state", str(state)]
    command += ["--clock-rate", str(rate or RATES.get(name, RATE)), *more]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout.decode()[-2_000:] + done.stderr.decode()
    return done.stdout.decode()


def interrupted(state: Path) -> tuple[int, str, str]:
    """Give a demonstration, and Ctrl-C while it rings: exit code, output, errors."""
    command = [sys.executable, "-m", "voicecall.testing.demo", "--scenario", "no-answer", "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as demo:
        assert demo.stdout is not None
        shown = b""
        while b"call.ringing" not in shown:
            shown += os.read(demo.stdout.fileno(), 65_536)
        os.killpg(demo.pid, signal.SIGINT)  # as a terminal does
        rest, errors = demo.communicate(timeout=PATIENCE_S)
    return demo.returncode, (shown + rest).decode(), errors.decode()


def look(shown: str) -> Plain:
    """The record of the call, by the commands that the demonstration names."""
    status, latency, replay = (line.split()[1:] for line in shown.splitlines()[-3:])
    assert (status[0], latency[0], replay[0]) == ("status", "latency", "replay")
    assert run(replay)["divergences"] == 0
    return run(status)


def run(arguments: list[str]) -> Plain:
    """What a command prints for programs."""
    with redirect_stdout(StringIO()) as out:
        assert main(arguments) == 0
    return json.loads(out.getvalue())


def lengths_s(state: Path, call_id: str) -> tuple[float, float]:
    """How long the call's sound was open, by its own clock, and how long it is from fact to fact in the journal."""

    async def main() -> list[Entry]:
        async with Reader(state / "journal").read(f"call/{call_id}") as lines:
            return [decode_entry(line.body) async for line in lines]

    entries = trio.run(main)
    at = {type(entry.event): entry.at for entry in entries}
    measured = max(one.event.offset_ms for one in entries if isinstance(one.event, fact.AudioMeasured))
    return measured / 1_000, (at[fact.CallEnded] - at[fact.MediaOpened]) / 1_000


def audible_s(samples: np.ndarray) -> float:
    """For how long there is sound: 100 ms windows whose level is above the limit."""
    whole = samples[: len(samples) // WINDOW * WINDOW].astype(np.float64).reshape(-1, WINDOW)
    level = 20 * np.log10(np.maximum(np.sqrt((whole**2).mean(axis=1)), 1) / 32_768)
    return float((level > AUDIBLE_DBFS).sum() * WINDOW / 8_000)


def test_a_conversation(state: Path) -> None:
    shown = give(state, "conversation")
    record = look(shown)
    assert record["endReason"] == SCENARIOS["conversation"].ends
    theirs = [one["text"] for one in record["transcript"] if one["speaker"] == "user"]
    assert len(theirs) == 3
    assert any("heard" in one for one in record["transcript"] if one["speaker"] == "bot")
    for text in ("transcript", "of that heard", "latency, ms after the caller stopped", *theirs):
        assert text in shown
    path = state / "recordings" / f"{record['callId']}.wav"
    assert str(path) in shown
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8_000, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    sounded, lasted = lengths_s(state, record["callId"])
    assert len(samples) / 8_000 == pytest.approx(sounded, abs=0.2)
    assert len(samples) / 8_000 == pytest.approx(lasted, abs=0.2 * RATES["conversation"])  # facts wait for the disk
    for side in (0, 1):
        assert audible_s(samples[:, side]) >= 2


def test_a_stranger_calls(state: Path) -> None:
    record = look(give(state, "inbound"))
    assert (record["direction"], record["endReason"]) == ("inbound", SCENARIOS["inbound"].ends)
    said = [one["text"] for one in record["transcript"] if one["speaker"] == "bot"]
    assert said[0] == SCENARIOS["inbound"].message
    assert said[1] == SCENARIOS["inbound"].replies[0]


@pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo"])
def test_the_same_over_a_vendors_wire(carrier: str, tmp_path: Path) -> None:
    told = look(give(tmp_path, "notify", "--carrier", carrier))
    assert (told["provider"], told["endReason"]) == (carrier, SCENARIOS["notify"].ends)
    assert [one["text"] for one in told["transcript"]] == [SCENARIOS["notify"].message]
    asked = look(give(tmp_path, "inbound", "--carrier", carrier))
    assert (asked["direction"], asked["endReason"]) == ("inbound", SCENARIOS["inbound"].ends)


def test_a_speech_vendor_speaks_and_listens(tmp_path: Path) -> None:
    rate = 4  # more patience: what is asked of a vendor has to be answered in time
    assert conversed(look(give(tmp_path / "own", "inbound", "--speech", "openai", rate=rate))) == INBOUND
    vendors = Child.start("voicecall.testing.vendors", "--port", "0", "--clock-rate", str(rate), log=tmp_path / "log")
    try:
        url = vendors.ready["elevenlabs"]
        shown = give(tmp_path / "there", "inbound", "--speech", "elevenlabs", "--speech-url", url, rate=rate)
    finally:
        code = vendors.stop()
    assert conversed(look(shown)) == INBOUND
    assert "voice: ElevenLabs" in shown
    assert (code, (tmp_path / "log").read_text()) == (0, "")


def conversed(record: Plain) -> tuple[str, list[str], str]:
    """How the call ended, what the person said, and what we did: how much of it is heard depends on the machine."""
    theirs, ours = ([one["text"] for one in record["transcript"] if one["speaker"] == who] for who in ("user", "bot"))
    return record["endReason"], theirs, " ".join(ours)


def test_an_interrupted_demonstration_is_not_in_the_way_of_the_next_ones(tmp_path: Path) -> None:
    code, shown, errors = interrupted(tmp_path)
    assert (code, errors) == (130, "")
    ports = re.findall(r"http://127\.0\.0\.1:(\d+)", shown)
    assert len(ports) == 2
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)))
    told = look(give(tmp_path, "notify"))
    assert (told["endReason"], told["metadata"]["mode"]) == (SCENARIOS["notify"].ends, "notify")
    assert [one["text"] for one in told["transcript"]] == [SCENARIOS["notify"].message]
    unanswered = look(give(tmp_path, "no-answer"))
    assert (unanswered["endReason"], unanswered["transcript"]) == (SCENARIOS["no-answer"].ends, [])
    assert unanswered["callId"] != told["callId"]
