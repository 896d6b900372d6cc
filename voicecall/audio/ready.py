"""Which of many sockets have something to read: one question to the kernel for all calls."""

from __future__ import annotations

import selectors
from contextlib import suppress
from typing import Generic, TypeVar

from attrs import define, field

T = TypeVar("T")


@define
class Ready(Generic[T]):
    """Watches descriptors on behalf of somebody (told apart by identity). Holds a descriptor itself until ``close``."""

    _selector: selectors.BaseSelector | None = None
    _descriptors: dict[T, int] = field(factory=dict[T, int])

    def watch(self, descriptor: int, somebody: T) -> None:
        """Somebody waits for this descriptor. Its number may be that of a closed one, whose owner is forgotten."""
        selector = self._selector = self._selector or selectors.DefaultSelector()
        with suppress(KeyError):
            selector.unregister(descriptor)
        selector.register(descriptor, selectors.EVENT_READ, somebody)
        self._descriptors[somebody] = descriptor

    def forget(self, somebody: T) -> None:
        """Somebody waits no more; the descriptor may be closed already, or another's."""
        descriptor = self._descriptors.pop(somebody, -1)
        if self._selector is not None and descriptor >= 0:
            key = self._selector.get_map().get(descriptor)
            if key is not None and key.data is somebody:
                self._selector.unregister(descriptor)

    def now(self) -> list[T]:
        """Whoever has something to read. Never waits."""
        if self._selector is None or not self._descriptors:
            return []
        return [key.data for key, _ in self._selector.select(0)]

    def close(self) -> None:
        """Nobody waits any more."""
        self._descriptors.clear()
        if self._selector is not None:
            self._selector.close()
            self._selector = None
