"""A recording per call, beside the tick, and at worst no recording: never no sound."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from tests.audio.kit import CALL, SENTENCE, SENTENCE_MS, Stage, heard_of, play
from voicecall.audio.recording import channels, loud_ms
from voicecall.events import CallId
from voicecall.events import facts as fact


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The nearest thing to a full disk that needs no rights."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_both_sides_of_a_call_are_in_its_file(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        opened = trio.current_time()
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            await heard_of(mailbox, 1)
            await caller.speaks(3_000)
            await trio.sleep(1)
            stage.plane.hang_up(CALL)
            length_ms = (trio.current_time() - opened) * 1000
        await trio.sleep(0.1)
        recorded = channels(tmp_path / "recordings" / "c1.wav")
        assert len(recorded) / 8 == pytest.approx(length_ms, abs=60)
        left, right = recorded.T
        assert loud_ms(left, above_dbfs=-40) == pytest.approx(3_000 * 0.7, abs=200)
        assert loud_ms(right, above_dbfs=-40) == pytest.approx(SENTENCE_MS, abs=20)
        assert loud_ms(left[: SENTENCE_MS * 8], above_dbfs=-40) == 0
        assert loud_ms(right[(SENTENCE_MS + 120) * 8 :], above_dbfs=-40) == 0

    play(story, recordings=tmp_path / "recordings")
    assert (tmp_path / "recordings").stat().st_mode & 0o777 == 0o700


def test_what_an_interruption_cut_off_is_not_on_record(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            await mailbox.until(fact.PlaybackStarted)
            await trio.sleep(0.5)
            await caller.speaks(600)
            finished = await heard_of(mailbox, 1)
            stage.plane.hang_up(CALL)
        await trio.sleep(0.1)
        right = channels(tmp_path / "c1.wav")[:, 1]
        on_record = loud_ms(right, above_dbfs=-40)
        assert finished.heard_ms <= on_record <= finished.sent_ms - 40
        assert on_record == pytest.approx(caller.ear.heard_ms, abs=40)

    play(story, recordings=tmp_path)


def test_every_stream_of_a_call_has_a_file_of_its_own(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        for _ in range(3):
            async with stage.caller() as caller:
                stage.adopt()
                await caller.speaks(200)
            await trio.sleep(0.1)

    play(story, recordings=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c1.2.wav", "c1.3.wav", "c1.wav"]
    assert all(len(channels(path)) > 1_000 for path in tmp_path.iterdir())


def test_calls_that_are_open_when_everything_stops_are_recorded_to_the_end(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            stage.adopt()
            await caller.speaks(1_500)
            stage.nursery.cancel_scope.cancel()

    play(story, recordings=tmp_path)
    assert loud_ms(channels(tmp_path / "c1.wav")[:, 0], above_dbfs=-40) == pytest.approx(1_500 * 0.7, abs=100)


def test_a_folder_that_cannot_be_made_costs_the_recording_and_not_the_call(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("a file")

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            assert (await heard_of(mailbox, 1)).heard_ms == SENTENCE_MS
            [reported] = mailbox.of(fact.VendorReported)
            assert (reported.status, reported.detail) == ("recording failed", "File exists")
            assert not caller.hung_up

    play(story, recordings=tmp_path / "recordings")


def test_a_disk_that_is_full_costs_the_recording_and_not_the_call(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller("c1"), stage.caller("c2"):
            mailbox, other = stage.adopt(), stage.adopt(CallId("c2"))
            with largest_file(100_000):
                reported = await mailbox.until(fact.VendorReported)
                await other.until(fact.VendorReported)
            assert (reported.status, reported.detail) == ("recording failed", "File too large")
            stage.say(1, SENTENCE)
            assert (await heard_of(mailbox, 1)).heard_ms == SENTENCE_MS
            await trio.sleep(5)
            assert len(mailbox.of(fact.VendorReported)) == 1

    play(story, recordings=tmp_path)
    for path in tmp_path.iterdir():
        assert len(channels(path)) * 4 <= 100_000
