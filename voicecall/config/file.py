"""The configuration file as plain data, and the little that can be known without checking all of it.

A command that only wants to reach a running server needs nothing but the state directory: importing and checking every
key would double its start-up time. So this module imports none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from voicecall.config.host import own_block
from voicecall.config.problems import ConfigError, Problem


class HasStore(Protocol):
    """What ``state_directory`` wants of a ``Config``."""

    @property
    def store(self) -> str | None: ...


def state_directory(config: HasStore, home: Path) -> Path:
    """Where journal, sockets, keys and recordings live; ``~`` in ``store`` is ``home``."""
    return _directory(config.store, home)


def find_state_directory(path: Path | None, home: Path) -> Path:
    """The state directory that the file at ``path`` names (None: no file), without checking its other keys.

    Raises ``ConfigError`` when the file cannot be read or ``store`` is not a path.
    """
    store = None if path is None else own_block(read_file(path)).get("store")
    if store is not None and not (isinstance(store, str) and store.startswith(("/", "~"))):
        raise unreadable(f'{path}: store: expected an absolute path, or one that begins with "~/"')
    return _directory(store, home)


def read_file(path: Path) -> dict[str, object]:
    """The object in the JSON5 file at ``path``. Raises ``ConfigError``."""
    return read_text(read_whole_text(path), origin=f"{path}: ")


def read_whole_text(path: Path) -> str:
    """The text of the file at ``path``. Raises ``ConfigError``."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise unreadable(f"{path}: there is no such file; create it, or name another one") from None
    except UnicodeDecodeError as error:
        raise unreadable(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise unreadable(f"{path}: cannot be read: {error.strerror}; check the path and its permissions") from None


def read_text(text: str, *, origin: str = "") -> dict[str, object]:
    """The object in a JSON5 text; ``origin`` begins every message. Raises ``ConfigError``."""
    # Imported here: the parser costs more than the rest of this module, and most commands read no file.
    import json5

    try:
        data: object = json5.loads(text, allow_duplicate_keys=False)
    except ValueError as error:
        # The parser calls a text without a name "<string>".
        raise unreadable(f"{origin}not JSON5: {str(error).replace('<string>:', 'line ')}") from None
    except RecursionError:
        raise unreadable(f"{origin}not JSON5: nested too deeply") from None
    if not isinstance(data, Mapping):
        raise unreadable(f"{origin}the configuration must be one object: {{ … }}")
    return dict(cast("Mapping[str, object]", data))


def unreadable(message: str) -> ConfigError:
    """An error about the whole configuration."""
    return ConfigError((Problem(path="", value="", message=message),))


def _directory(store: str | None, home: Path) -> Path:
    if store is None:
        return home / ".openclaw" / "voice-calls"
    return home / store[1:].lstrip("/") if store.partition("/")[0] == "~" else Path(store)
