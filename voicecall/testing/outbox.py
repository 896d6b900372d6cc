"""A call's webhooks: in order for each URL, tried again as patiently as each says, through the fault script.

Reports (``post``) queue up behind each other for the same URL. Requests for instructions (``exchange``) do not: the
carrier asks when it needs to know. What has been sent is finished even when whoever asked is gone, as HTTP is.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import attrs
import trio
from attrs import define, field

from voicecall.ports import Exchange, Fetch, HttpRequest, HttpResponse
from voicecall.testing.dialect import Dialect, Webhook
from voicecall.testing.faults import Faults, Treatment
from voicecall.testing.patience import bare, troubles_of

MOST = 1_000
"""Webhooks of one URL that may wait."""
PEER = "127.0.0.1"
"""Where webhooks come from."""

Taken = Callable[[HttpResponse], None]


@define
class Delivery:
    """One webhook on its way. ``settled`` is set when it was taken, refused, given up or lost."""

    webhook: Webhook
    taken: Taken | None
    treatment: Treatment
    born: float
    settled: trio.Event = field(factory=trio.Event)
    exchange: Exchange | None = None


@define
class Tally:
    """What became of a network's webhooks. ``pulse`` is set, and replaced, whenever one was settled."""

    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    retried: int = 0
    given_up: int = 0
    pulse: trio.Event = field(factory=trio.Event)

    def settle(self) -> None:
        """One more is settled."""
        pulse, self.pulse = self.pulse, trio.Event()
        pulse.set()


@define
class Lane:
    """The deliveries for one URL."""

    waiting: deque[Delivery] = field(factory=deque[Delivery])
    closed: bool = False
    stir: trio.Event = field(factory=trio.Event)

    def wake(self) -> None:
        stir, self.stir = self.stir, trio.Event()
        stir.set()

    async def next(self, within_s: float = math.inf) -> Delivery | None:
        """The next one; None when the lane is closed and empty, or nothing came in time."""
        with trio.move_on_after(within_s):
            while not self.waiting and not self.closed:
                await self.stir.wait()
        return self.waiting.popleft() if self.waiting else None


class Outbox:
    """The webhooks of one call."""

    def __init__(
        self, *, dialect: Dialect, fetch: Fetch, faults: Faults, note: Callable[[str], None], tally: Tally
    ) -> None:
        self._dialect = dialect
        self._fetch = fetch
        self._faults = faults
        self._note = note
        self._tally = tally
        self._lanes: dict[str, Lane] = {}
        self._nursery: trio.Nursery | None = None
        self._closed = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Deliver until the outbox is closed and everything is settled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for lane in self._lanes.values():
                nursery.start_soon(self._work, lane)
            task_status.started()
            await self._closed.wait()

    def close(self) -> None:
        """Nothing will be posted any more."""
        self._closed.set()
        for lane in self._lanes.values():
            lane.closed = True
            lane.wake()

    def post(self, webhook: Webhook, taken: Taken | None = None) -> trio.Event:
        """Queue a report; the event is set when it is settled. After the end of the call nothing is sent.

        Raises ``trio.WouldBlock`` when a thousand wait.
        """
        if self._closed.is_set():
            self._note(f"webhook {webhook.kind} came after the end and is not sent")
            settled = trio.Event()
            settled.set()
            return settled
        self._note(webhook.kind)
        delivery = self._delivery(webhook, taken)
        lane = self._lanes.get(bare(webhook.url))
        if lane is None:
            lane = self._lanes[bare(webhook.url)] = Lane()
            if self._nursery is not None:
                self._nursery.start_soon(self._work, lane)
        if len(lane.waiting) >= MOST:
            raise trio.WouldBlock
        lane.waiting.append(delivery)
        lane.wake()
        return delivery.settled

    async def exchange(self, webhook: Webhook) -> Exchange:
        """Send a request at once; the last answer, good or bad. After the end of the call there is none."""
        if self._closed.is_set():
            await trio.sleep_forever()  # whoever asks is being canceled
        if self._nursery is None:
            raise RuntimeError(f"webhook {webhook.kind}: the call has not begun")
        self._note(webhook.kind)
        delivery = self._delivery(webhook, None)
        self._nursery.start_soon(self._deliver, delivery)
        await delivery.settled.wait()
        assert delivery.exchange is not None
        return delivery.exchange

    def _delivery(self, webhook: Webhook, taken: Taken | None) -> Delivery:
        return Delivery(webhook, taken, self._faults.webhook(webhook.kind), trio.current_time())

    async def _work(self, lane: Lane) -> None:
        while (delivery := await lane.next()) is not None:
            if delivery.treatment.hold_s:
                overtaking = await lane.next(delivery.treatment.hold_s)
                if overtaking is not None:
                    await self._report(overtaking)
            await self._report(delivery)

    async def _report(self, delivery: Delivery) -> None:
        if delivery.treatment.dropped:
            self._note(f"webhook {delivery.webhook.kind} was lost")
            self._settle(delivery)
        else:
            await self._deliver(delivery)

    def _settle(self, delivery: Delivery) -> None:
        delivery.settled.set()
        self._tally.settle()

    async def _deliver(self, delivery: Delivery) -> None:
        await trio.sleep(delivery.treatment.delay_s)
        webhook: Webhook | None = delivery.webhook
        attempts = 0
        while webhook is not None:
            self._tally.sent += 1
            exchange, attempts = await self._insist(webhook, delivery)
            delivery.exchange = exchange
            if not troubles_of(exchange):
                self._tally.acknowledged += 1
                assert exchange.response is not None
                if delivery.taken is not None:
                    delivery.taken(exchange.response)
                break
            webhook = webhook.fallback
        for number in range(delivery.treatment.copies):
            await self._attempt(delivery.webhook, attempts + number + 1, spoiled=delivery.treatment.spoiled)
        self._settle(delivery)

    async def _insist(self, webhook: Webhook, delivery: Delivery) -> tuple[Exchange, int]:
        """Attempts until one is taken, or none is worth another; the last one, and how many there were."""
        patience = webhook.patience
        until = trio.current_time() + patience.total_s
        lost, attempt = delivery.treatment.dropped, 1
        while True:
            exchange = (
                await self._no_answer(webhook, until)
                if lost and attempt == 1
                else await self._attempt(webhook, attempt, spoiled=delivery.treatment.spoiled, until=until)
            )
            troubles = troubles_of(exchange)
            if not troubles:
                return exchange, attempt
            why = exchange.error or (exchange.response.status if exchange.response else 0)
            if not troubles & patience.again:
                self._tally.refused += 1
                self._note(f"webhook {webhook.kind} was refused: {why}")
                return exchange, attempt
            pause = patience.pauses_s[attempt - 1] if attempt <= len(patience.pauses_s) else math.inf
            if math.isinf(pause) or trio.current_time() + pause > min(until, delivery.born + patience.life_s):
                self._tally.given_up += 1
                self._note(f"webhook {webhook.kind} was given up: {why}")
                return exchange, attempt
            self._tally.retried += 1
            attempt += 1
            await trio.sleep(pause)

    async def _attempt(self, webhook: Webhook, attempt: int, *, spoiled: bool, until: float = math.inf) -> Exchange:
        request = self._dialect.sign(attrs.evolve(webhook, url=bare(webhook.url)), attempt)
        request = attrs.evolve(request, peer=request.peer or PEER)
        if spoiled:
            request = _spoil(request, self._dialect.signature_headers)
        with trio.move_on_at(min(trio.current_time() + webhook.patience.read_s, until)):
            return await self._fetch(request)
        return Exchange(request=request, error="no answer in time")

    async def _no_answer(self, webhook: Webhook, until: float) -> Exchange:
        await trio.sleep_until(min(trio.current_time() + webhook.patience.read_s, until))
        request = HttpRequest(method=webhook.method, url=webhook.url)
        return Exchange(request=request, error="no answer in time")


def _spoil(request: HttpRequest, names: tuple[str, ...]) -> HttpRequest:
    """The request with a signature that looks right and is not: the middle character of each is another one."""
    headers = dict(request.headers)
    for name in names:
        if value := headers.get(name, ""):
            middle = len(value) // 2
            other = "b" if value[middle] == "a" else "a"
            headers[name] = value[:middle] + other + value[middle + 1 :]
    return attrs.evolve(request, headers=headers)
