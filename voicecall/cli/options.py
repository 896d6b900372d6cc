"""Options that several commands share, and the place that two of them name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from voicecall.cli.place import Place

COMMON = Group("Where and how", sort_key=99)
StateOption = Annotated[
    Path | None, Parameter(name="--state", group=COMMON, help="State directory (env VOICECALL_STATE_DIR).")
]
ConfigOption = Annotated[
    Path | None, Parameter(name="--config", group=COMMON, help="Configuration file, JSON5 (env VOICECALL_CONFIG).")
]
JsonOption = Annotated[bool, Parameter(name="--json", negative="", group=COMMON, help="Print JSON for programs.")]
CallOption = Annotated[str, Parameter(name="--call-id", help="Call id, its beginning, or the carrier's id.")]
Message = Annotated[str, Parameter(name=["--message", "-m"], help="What to say.")]
Mode = Annotated[
    Literal["notify", "conversation"] | None,
    Parameter(name="--mode", help="notify: say it and hang up; conversation: talk. Default: outbound.defaultMode."),
]
FileOption = Annotated[Path | None, Parameter(name="--file", help="Any journal: a directory or one segment.")]
WaitOption = Annotated[bool, Parameter(name="--wait", negative="", help="Stay until the call has ended.")]
LogFormatOption = Annotated[
    Literal["json", "text"] | None,
    Parameter(name="--log-format", help="Of messages on stderr. Default: text on a terminal, else json."),
]
LogLevelOption = Annotated[
    Literal["debug", "info", "warning", "error"], Parameter(name="--log-level", help="Least important messages to log.")
]


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n".join(("Examples:", *(f"  {line}" for line in lines)))


def place_of(state: Path | None, config: Path | None) -> Place:
    """Where the command works."""
    return Place.find(state, config, os.environ)
