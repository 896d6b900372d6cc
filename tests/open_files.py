"""What a running process has open, read from ``/proc``."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def open_files(process: int | str, kind: str = "socket:") -> list[str]:
    """The targets of this kind among a process's descriptors.

    The process goes on while it is looked at, and closes descriptors between their listing and their reading.
    """
    found: list[str] = []
    for one in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(os.readlink(one))
    return [target for target in found if target.startswith(kind)]
