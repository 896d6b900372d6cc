"""What only the composition root may make: keys, names, the time."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import trio
import trio.testing

from voicecall.system import KEY_BYTES, keep_key, keep_secret, new_incarnation, wall_clock


def test_a_key_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    key = keep_key(tmp_path / "ticket.key")
    assert len(key) == KEY_BYTES
    assert keep_key(tmp_path / "ticket.key") == key
    assert keep_key(tmp_path / "other.key") != key
    assert stat.S_IMODE((tmp_path / "ticket.key").stat().st_mode) == 0o600


def test_a_key_may_be_any_bytes(tmp_path: Path) -> None:
    for key in (b" " * KEY_BYTES, b"\n" * KEY_BYTES, bytes(KEY_BYTES)):
        (tmp_path / "ticket.key").write_bytes(key)
        assert keep_key(tmp_path / "ticket.key") == key


def test_a_secret_is_a_line_of_text(tmp_path: Path) -> None:
    secret = keep_secret(tmp_path / "mock.key")
    assert (tmp_path / "mock.key").read_text() == f"{secret}\n"
    assert keep_secret(tmp_path / "mock.key") == secret
    assert stat.S_IMODE((tmp_path / "mock.key").stat().st_mode) == 0o600
    (tmp_path / "mock.key").write_text("  typed by hand \n")
    assert keep_secret(tmp_path / "mock.key") == "typed by hand"


@pytest.mark.parametrize("text", [b"", b"\n", b"\xff\n"])
def test_what_is_no_secret_is_not_used_as_one(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "mock.key"
    path.write_bytes(text)
    with pytest.raises(OSError, match=r"mock\.key: this is no key; remove the file to have a new one made"):
        keep_secret(path)
    with pytest.raises(OSError, match="this is no key"):
        keep_key(path)


def test_no_two_writers_have_one_name() -> None:
    assert len({new_incarnation() for _ in range(1_000)}) == 1_000


def test_the_wall_clock_passes_with_the_clock_of_the_calls() -> None:
    async def main() -> None:
        wall = wall_clock()
        start = wall()
        await trio.sleep(90)
        assert wall() - start == 90_000

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
