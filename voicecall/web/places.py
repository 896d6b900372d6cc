"""How much of something each client may have under way at once, in a table that cannot grow without bound."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from attrs import define, field

from voicecall.web.refusal import Refused

CLIENTS = 4096
"""Client addresses that may have webhooks under way."""


@define(kw_only=True)
class Places:
    """``each`` places for every client; a client without an address shares those of all the others without one."""

    each: int
    clients: int = CLIENTS
    taken: dict[str, int] = field(factory=dict[str, int])

    @contextmanager
    def hold(self, client: str) -> Generator[None]:
        """One of the client's places. Raises ``Refused``."""
        taken = self.taken.get(client, 0)
        if taken >= self.each or (not taken and len(self.taken) >= self.clients):
            raise Refused("busy", private=f"{taken} webhooks of {client or 'unknown clients'} are under way")
        self.taken[client] = taken + 1
        try:
            yield
        finally:
            self.taken[client] -= 1
            if not self.taken[client]:
                del self.taken[client]
