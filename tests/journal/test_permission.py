"""Whoever may not write is told what to change. Mode bits do not bind root, who therefore becomes nobody first."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from journal import START, open_journal
from journal.api import NoPermission
from tests.checks.sources import ROOT
from tests.journal.stage import FaultyDisk, bodies, body, fill, options, run

NOBODY = """
import os, sys, trio
from pathlib import Path
from journal import open_journal
from journal.api import NoPermission

async def main():
    try:
        async with open_journal(Path("inner/journal"), inline=True):
            print("open")
    except NoPermission as error:
        print(error)

os.chdir(sys.argv[1])
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
trio.run(main)
"""


def open_as_nobody(directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", NOBODY, str(directory)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.fixture
def journal_of_all(tmp_path: Path) -> Path:
    """A journal that anybody may write, in ``inner/journal``."""

    async def write() -> None:
        async with open_journal(tmp_path / "inner/journal", **options()) as journal:
            await fill(journal, "call/a", 1)

    run(write)
    for path in [tmp_path, *tmp_path.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    return tmp_path


def test_anybody_who_may_write_can_open_it(journal_of_all: Path) -> None:
    assert open_as_nobody(journal_of_all) == "open"


@pytest.mark.parametrize(
    ("protected", "named"),
    [
        ("inner/journal", "inner/journal/reserve"),
        ("inner/journal/lock", "inner/journal/lock"),
        ("inner/journal/00000000000000000001.jsonl", "inner/journal/00000000000000000001.jsonl"),
    ],
)
def test_the_message_names_what_is_protected(journal_of_all: Path, protected: str, named: str) -> None:
    place = journal_of_all / protected
    (journal_of_all / "inner/journal/reserve").unlink()
    place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        said = open_as_nobody(journal_of_all)
    finally:
        place.chmod(0o777)
    assert said == f"{named}: Permission denied; the user who runs this must be able to read and write there"


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir(mode=0o555)
    tmp_path.chmod(0o755)
    assert open_as_nobody(tmp_path).startswith("inner/journal: Permission denied; the user who runs this must")


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_journal(tmp_path / "journal", **options(segment_size=300)) as journal:
            await fill(journal, "call/a", 20)

    run(story)
    made = {path: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert made.pop(tmp_path / "journal") == 0o700
    assert set(made.values()) == {0o600}


def test_permission_that_is_lost_while_writing(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def story() -> None:
        async with open_journal(tmp_path, **options(disk=disk)) as journal:
            disk.fail("write", errno.EROFS)
            with pytest.raises(NoPermission, match="Read-only file system"):
                await journal.append("call/a", b"1", after=START)
            await fill(journal, "call/a", 1)
            assert await bodies(journal) == [body(0)]

    run(story)
