"""The programs that this server works for: clients that said ``host: true`` and are still connected."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from math import inf

import trio
from attrs import define, field

from voicecall.actors.supervisor import Supervisor


@define
class Hosts:
    """``count`` of them are connected; ``alone_since`` is when the last one left (trio's clock; ``inf`` while there is
    one)."""

    count: int = 0
    alone_since: float = field(factory=trio.current_time)

    @contextmanager
    def present(self) -> Generator[None]:
        """One of them is connected as long as the context lasts."""
        self.count, self.alone_since = self.count + 1, inf
        try:
            yield
        finally:
            self.count -= 1
            if not self.count:
                self.alone_since = trio.current_time()

    async def gone(self, supervisor: Supervisor, grace_s: float) -> None:
        """Return once no host has been connected for ``grace_s`` seconds, and no call is live."""
        while True:
            await supervisor.idle()
            left_s = self.alone_since + grace_s - trio.current_time()
            if left_s <= 0:
                return
            await trio.sleep(min(left_s, grace_s))  # a host may come and leave again meanwhile
