"""The network's webhooks about one call: signed, in order, tried again until they are taken.

An event keeps its id over all attempts; the signature is made anew for each, because it is only good for a while. The
answer's actions are carried out before the next event is posted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec
import trio
from attrs import define, field

from voicecall.adapters.carriers.mock.inbound import SIGNATURE, TIMESTAMP, sign
from voicecall.events import Instant
from voicecall.ports import Exchange, Fetch, HttpRequest

BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Pauses between attempts; the last one repeats."""
LIFE_S = 60.0
"""How long after it happened an event is still posted."""
AGAIN = frozenset({408, 425, 429})
"""Refusals that mean "later", as every status from 500 up does."""

Plain = dict[str, Any]


@define
class Delivery:
    """One event on its way. ``settled`` is set when it was taken, refused or given up."""

    event: Plain
    born: float
    settled: trio.Event = field(factory=trio.Event)
    status: int = 0


@define
class Tally:
    """What became of a network's webhooks."""

    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    retried: int = 0
    given_up: int = 0


class Outbox:
    """``act`` carries out one action of a webhook's answer, given its name and details."""

    def __init__(
        self,
        *,
        url: str,
        secret: str,
        fetch: Fetch,
        wall: Callable[[], Instant],
        act: Callable[[str, Plain], object],
        note: Callable[[str], None],
        tally: Tally,
    ) -> None:
        self._url = url
        self._secret = secret
        self._fetch = fetch
        self._wall = wall
        self._act = act
        self._note = note
        self._tally = tally
        self._put, self._take = trio.open_memory_channel[Delivery](1_000)

    def post(self, event: Plain) -> Delivery:
        """Queue an event. Raises ``trio.WouldBlock`` when a thousand are waiting."""
        delivery = Delivery(event, trio.current_time())
        self._put.send_nowait(delivery)
        return delivery

    def close(self) -> None:
        """Nothing will be posted any more; ``run`` returns when everything is settled."""
        self._put.close()

    async def run(self) -> None:
        """Post what is queued until the outbox is closed and empty."""
        async with self._take:
            async for delivery in self._take:
                await self._deliver(delivery)
                delivery.settled.set()

    async def _deliver(self, delivery: Delivery) -> None:
        body = msgspec.json.encode({"event": delivery.event})
        kind = str(delivery.event["type"])
        self._tally.sent += 1
        attempt = 0
        while True:
            exchange = await self._fetch(self._signed(body))
            status = delivery.status = exchange.response.status if exchange.response else 0
            if 200 <= status < 300:
                self._tally.acknowledged += 1
                for name, details in _actions(exchange):
                    self._act(name, details)
                return
            if status and status < 500 and status not in AGAIN:
                self._tally.refused += 1
                self._note(f"webhook {kind} was refused: {status}")
                return
            pause = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
            if trio.current_time() + pause > delivery.born + LIFE_S:
                self._tally.given_up += 1
                self._note(f"webhook {kind} was given up: {exchange.error or status}")
                return
            self._tally.retried += 1
            attempt += 1
            await trio.sleep(pause)

    def _signed(self, body: bytes) -> HttpRequest:
        stamp = str(self._wall() // 1000)
        headers = {
            "content-type": "application/json",
            TIMESTAMP: stamp,
            SIGNATURE: sign(self._secret, stamp, body),
        }
        return HttpRequest(method="POST", url=self._url, headers=headers, body=body, peer="127.0.0.1")


def _actions(exchange: Exchange) -> list[tuple[str, Plain]]:
    """The actions in an answer; anything but ``{"actions": […]}`` (the plain ``OK``, for one) asks for nothing."""
    try:
        data = msgspec.json.decode(exchange.response.body if exchange.response else b"")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return []
    actions = cast("Plain", data).get("actions") if isinstance(data, dict) else None
    found: list[tuple[str, Plain]] = []
    for action in cast("list[Any]", actions) if isinstance(actions, list) else []:
        if isinstance(action, dict):
            named = cast("Plain", action).items()
            found += [(name, cast("Plain", details)) for name, details in named if isinstance(details, dict)]
    return found
