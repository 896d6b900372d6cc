"""A fault is kept, and told without quoting anybody."""

from __future__ import annotations

import pytest
import trio

from voicecall.audio.fault import Caught


def fail(secret: str) -> None:
    raise ValueError(f"no such number: {secret}")


def test_the_log_gets_the_place_and_the_journal_the_words() -> None:
    with Caught() as caught:
        fail("+15551112222")
    assert caught.words == "ValueError: no such number: +15551112222"
    assert caught.place.startswith("ValueError at test_fault.py:")
    assert "1555" not in caught.place


def test_without_a_fault_there_is_none() -> None:
    with Caught() as caught:
        pass
    assert caught.error is None


def test_a_cancellation_and_the_end_of_the_process_are_no_faults() -> None:
    with pytest.raises(KeyboardInterrupt), Caught():
        raise KeyboardInterrupt

    async def main() -> bool:
        with trio.CancelScope() as scope:
            scope.cancel()
            with Caught():
                await trio.sleep_forever()
        return scope.cancelled_caught

    assert trio.run(main)
