"""Where a command works: which state directory, which configuration, which environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

FAILED = 1
BAD_USAGE = 2
INTERRUPTED = 130
"""Exit codes. The second is for options and configurations that cannot be used, the third for Ctrl-C."""


@frozen(kw_only=True)
class Place:
    """``state`` is found without checking the whole configuration: most commands need nothing else of it."""

    state: Path
    config: Path | None
    environment: Mapping[str, str]

    @staticmethod
    def find(state: Path | None, config: Path | None, environment: Mapping[str, str]) -> Place:
        """From options, then environment, then the configuration's ``store``, then the default.

        Raises ``ConfigError`` when the configuration cannot be read.
        """
        from voicecall.config.file import find_state_directory

        named = environment.get("VOICECALL_CONFIG")
        config = config or (Path(named) if named else None)
        kept = environment.get("VOICECALL_STATE_DIR")
        state = state or (Path(kept) if kept else None)
        if state is None:
            state = find_state_directory(config, Path(environment.get("HOME", "/")))
        return Place(state=state.absolute(), config=config, environment=environment)


def fail(message: str, code: int = FAILED) -> int:
    """Say why on stderr; the exit code."""
    sys.stderr.write(message.rstrip() + "\n")
    return code


def explain(error: BaseException) -> str:
    """An error in one line; what a system call refused, with the path."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; check the path and its permissions, or use another --state"
    return str(error)


def wants_json(*, json: bool) -> bool:
    """Programs get JSON: asked for, or not a terminal."""
    return json or not sys.stdout.isatty()


def print_json(value: object) -> None:
    """Two spaces, as the reference prints."""
    import json

    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
