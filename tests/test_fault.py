"""Faults as values, and how they are told of without quoting a stranger."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from voicecall.fault import Caught, describe, first, kinds, words

NUMBER = "+15550001000"


def test_a_fault_ends_the_block_and_is_kept() -> None:
    reached = False
    with Caught() as caught:
        raise KeyError(NUMBER)
        reached = True
    assert not reached
    assert isinstance(caught.error, KeyError)


def test_a_block_without_a_fault_has_none() -> None:
    with Caught() as caught:
        pass
    assert caught.error is None


def test_cancellation_passes() -> None:
    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            with Caught() as caught:
                await trio.sleep_forever()
        assert caught.error is None
        assert scope.cancelled_caught

    trio.run(main)


def test_a_fault_beside_a_cancellation_is_kept_and_the_cancellation_passes_alone() -> None:
    caught = Caught()

    async def fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise KeyError("too late")

    async def main() -> None:
        with trio.CancelScope() as scope, caught:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail)
                nursery.start_soon(trio.sleep_forever)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
        assert scope.cancelled_caught

    trio.run(main)
    assert caught.error is not None
    assert isinstance(first(caught.error), KeyError)


def test_the_first_cause_is_found_inside_groups() -> None:
    cause = ValueError("no")
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [cause]), KeyError("other")])
    assert first(group) is cause
    assert kinds(group) == ["ValueError", "KeyError"]


def test_a_description_names_type_and_place_but_never_the_text() -> None:
    with Caught() as caught:
        raise KeyError(NUMBER)
    assert caught.error is not None
    words = describe(caught.error)
    assert words.startswith("KeyError at test_fault.py:")
    assert NUMBER not in words


def test_the_journal_gets_the_words_of_the_first_cause() -> None:
    assert (
        words(ExceptionGroup("outer", [ValueError(f"no such number: {NUMBER}")]))
        == f"ValueError: no such number: {NUMBER}"
    )
    with Caught() as caught:
        raise TimeoutError
    assert caught.error is not None
    assert words(caught.error).startswith("TimeoutError at test_fault.py:")


def test_an_exit_is_not_a_fault() -> None:
    with pytest.raises(KeyboardInterrupt), Caught():
        raise KeyboardInterrupt
