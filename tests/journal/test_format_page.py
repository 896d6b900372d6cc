"""``docs/journal-format.md`` does what it says: its programs and commands are run, and print what is printed there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from journal import open_journal
from journal.disk import MADE
from journal.files import RESERVE_SIZE, SEGMENT_SIZE
from journal.lines import LARGEST_BODY, STREAM
from journal.reading import POLL_S
from tests.checks.sources import ROOT
from tests.journal.stage import last, run

PAGE = (ROOT / "docs/journal-format.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [
    (command, output)
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for command, output in re.findall(r"^\$ (.*)\n((?:[^$\n].*\n)*)", block, re.MULTILINE)
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first program has been run, so that ``journal`` is the page's own journal."""
    directory = tmp_path_factory.mktemp("page")
    run_program(PROGRAMS[0][0], directory)
    return directory


def run_program(program: str, directory: Path) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=directory, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout


def test_the_page_has_programs_and_commands() -> None:
    assert len(PROGRAMS) == PAGE.count("```python") == 3
    assert {command.split()[0] for command, _ in COMMANDS} == {"cat", "grep", "jq", "tail"}


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_the_programs_print_what_the_page_says(number: int, place: Path, tmp_path: Path) -> None:
    program, output = PROGRAMS[number]
    assert run_program(program, tmp_path if number == 0 else place) == output


@pytest.mark.parametrize(("command", "output"), COMMANDS)
def test_the_commands_print_what_the_page_says(command: str, output: str, place: Path) -> None:
    if not shutil.which(command.split()[0]):
        pytest.skip(f"{command.split()[0]} is not installed")
    assert output
    # `exec`: the process is the command itself, so that it is the only one that is ended.
    with subprocess.Popen(f"exec {command}", shell=True, cwd=place, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in output.splitlines()] == output.splitlines(keepends=True)
        if "-f" in command.split():
            process.kill()
        assert process.stdout.read() == ""


def test_tail_shows_what_is_appended_next(tmp_path: Path) -> None:
    run_program(PROGRAMS[0][0], tmp_path)
    (command,) = [command for command, _ in COMMANDS if command.startswith("tail")]
    with subprocess.Popen(command.split(), cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert '"answered"' in process.stdout.readline()

        async def story() -> None:
            async with open_journal(tmp_path / "journal", inline=True) as journal:
                after = await last(journal, "call/a1")
                await journal.append("call/a1", b'{"what":"ended"}', after=after)

        run(story)
        assert process.stdout.readline().endswith(',"b":{"what":"ended"}}\n')
        process.kill()


def test_the_numbers_are_the_ones_in_the_code() -> None:
    for said, meant in (
        ("a new one begins at 32 MiB", SEGMENT_SIZE == 32 << 20),
        ("16 MiB kept free", RESERVE_SIZE == 16 << 20),
        ("at most 8 MiB", LARGEST_BODY == 8 << 20),
        ("look every 50 ms", POLL_S == 0.05),
        ("`*.new`", MADE == ".new"),
        ("1 to 200 letters, digits and `. _ : @ + / -`", STREAM.pattern == r"[A-Za-z0-9][A-Za-z0-9._:@+/-]{0,199}"),
    ):
        assert said in PAGE
        assert meant, said
