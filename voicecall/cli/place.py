"""Where a command works: which state directory, which configuration, which environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen


@frozen(kw_only=True)
class Place:
    """``state`` is found without checking the whole configuration: most commands need nothing else of it."""

    state: Path
    config: Path | None
    environment: Mapping[str, str]

    @staticmethod
    def find(state: Path | None, config: Path | None, environment: Mapping[str, str]) -> Place:
        """From options, then environment, then the configuration's ``store``, then the default."""
        from voicecall.config.file import find_state_directory

        named = environment.get("VOICECALL_CONFIG")
        config = config or (Path(named) if named else None)
        kept = environment.get("VOICECALL_STATE_DIR")
        state = state or (Path(kept) if kept else None)
        if state is None:
            from voicecall.config.problems import ConfigError

            try:
                state = find_state_directory(config, Path(environment.get("HOME", "/")))
            except ConfigError as error:
                raise SystemExit(fail(str(error))) from None
        return Place(state=state.absolute(), config=config, environment=environment)


def fail(message: str) -> int:
    """Say why on stderr; the exit code of a command that failed."""
    sys.stderr.write(message.rstrip() + "\n")
    return 1


def wants_json(*, json: bool) -> bool:
    """Programs get JSON: asked for, or not a terminal."""
    return json or not sys.stdout.isatty()


def print_json(value: object) -> None:
    """Two spaces, as the reference prints."""
    import json

    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
