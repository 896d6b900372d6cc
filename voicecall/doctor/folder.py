"""The state directory: who may read it, what space there is, and whether the journal can be read to its end."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import trio
from attrs import define

from journal.api import JournalError
from journal.reading import Reader
from voicecall.doctor.findings import Finding, Note, explained, good, wrong

SECRETS = ("ticket.key", "mock.key", "rpc.token")
PATIENCE_S = 8.0
"""How long a journal is read."""
MIB = 1 << 20
TIGHT, LOW = 64 * MIB, 1024 * MIB
"""With less than the first the journal may not take the next call; less than the second does not last."""


async def check_folder(state: Path, note: Note) -> None:
    """Permissions."""
    try:
        note(_folder(state))
    except OSError as error:
        note(wrong("state", f"{error.filename or state}: {error.strerror}", "check the path and its permissions"))


async def check_space(state: Path, note: Note) -> None:
    """Free space where the state directory is, or will be."""
    note(judge_space(shutil.disk_usage(_nearest(state)).free, state))


async def check_journal(state: Path, note: Note) -> None:
    """Every line with its checksum, without the writer's lock. A torn end is no damage: its line was never promised."""
    directory = state / "journal"
    if not directory.is_dir():
        note(good("journal", "none yet; the first start makes one"))
        return
    read = _Read()
    with trio.move_on_after(PATIENCE_S) as limit:
        try:
            await read.through(directory)
        except JournalError as error:
            note(explained("journal", str(error)))
            return
        except OSError as error:
            note(wrong("journal", f"{error.filename}: {error.strerror}", "give the user of the server these files"))
            return
    rest = f" in {PATIENCE_S:g} s; the rest was not read" if limit.cancelled_caught else ""
    note(good("journal", f"{read.lines} lines are whole{rest}"))


def judge_space(free: int, state: Path) -> Finding:
    """How ``free`` bytes are enough."""
    left = f"{free // MIB} MiB free for {state}"
    fix = "make room, or set store to a place on another disk"
    if free < TIGHT:
        return wrong("space", f"{left}: calls would soon be refused", fix)
    if free < LOW:
        return Finding(id="space", level="warn", message=left, fix=fix)
    return good("space", left)


def _folder(state: Path) -> Finding:
    if not state.exists():
        near = _nearest(state)
        if not os.access(near, os.W_OK | os.X_OK):
            fix = "let it be made by somebody who may, or set store (or --state) to another place"
            return wrong("state", f"{state} is not there and this user may not make it in {near}", fix)
        return good("state", f"{state} is made at the first start")
    about = state.stat()
    if not stat.S_ISDIR(about.st_mode):
        return wrong("state", f"{state} is no directory", "set store (or --state) to another place")
    if about.st_uid != os.geteuid() or not os.access(state, os.R_OK | os.W_OK | os.X_OK):
        fix = f"be the user of the server, or `chown -R {os.geteuid()} {state} && chmod 700 {state}`"
        return wrong("state", f"{state} does not belong to this user, or may not be written", fix)
    if about.st_mode & 0o077:
        message = f"{state}: other users may look into it (mode {about.st_mode & 0o777:o})"
        return wrong("state", message, f"`chmod 700 {state}`: it holds keys, and what people said")
    found = [state / name for name in SECRETS if (state / name).exists()]
    open_ones = [str(one) for one in found if one.stat().st_mode & 0o077]
    if open_ones:
        return wrong("state", f"other users may read {', '.join(open_ones)}", f"`chmod 600 {' '.join(open_ones)}`")
    return good("state", f"{state}, for this user alone")


def _nearest(state: Path) -> Path:
    """The state directory, or what there is of the way to it."""
    return next(one for one in (state, *state.parents) if one.exists())


@define
class _Read:
    lines: int = 0

    async def through(self, directory: Path) -> None:
        async with Reader(directory).read() as lines:
            async for _ in lines:
                self.lines += 1
