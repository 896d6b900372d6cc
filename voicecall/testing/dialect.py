"""What a simulated carrier is made of: the protocols between one phone network and many vendors' wires.

The network (``call.py``, ``switchboard.py`` and what they use) knows people, phones, time, delivery of webhooks and
faults, and no vendor. A *dialect* knows one vendor's wire, and neither time nor tasks.

How to write a simulator
------------------------
A vendor is a folder ``voicecall/testing/<vendor>/``; ``--carrier <vendor>`` finds it by its name. Its package has two
functions (see ``mock/``, the smallest one, and ``docs/mock-carrier.md``)::

    def account(secret: str) -> dict[str, str]: ...
    def open_dialect(network: Network, account: Mapping[str, str]) -> Dialect: ...

``account`` derives from one secret all that opens the API and signs, under the names of ``ports.Account.secrets`` (and
more, where the vendor signs with what we do not have); the same secret always gives the same account.

1. **REST** (``Dialect.answer``): one request in, one response out, nothing awaited. To dial, call ``network.start``
   with a ``Party``, a ``Plan`` and a function that makes the call's ``CallControl``. To do something with a call, find
   it with ``network.call(id)`` and use its methods (``Call``). Answer in the vendor's form, errors too.
2. **Events** (``CallControl.hear``): whatever happens to a call is told to its control as one of ``Happening``
   (``happenings.py``), at once and in order. The control turns it into the vendor's ``Webhook`` and calls
   ``call.post``, or does nothing. The network delivers: in order for each URL, as patiently as ``Webhook.patience``
   says, through the fault script. Each attempt is made anew by ``Dialect.sign``, which gets the URL without its
   fragment.
3. **Instructions**. A vendor of *documents* (XML) gives each call a ``DocumentRunner`` (``document.py``; the verbs are
   in ``verbs.py``): translate elements into verbs, and what it asks (``Ask``) into webhooks. A vendor of *commands*
   uses the call's methods: ``speak``, ``transcribe``, ``gather_keys``, ``open_stream`` and so on; their results are
   happenings.
4. **Media** (``Framing`` in ``framing.py``): the messages of one media stream, with its counters. ``call.open_stream``
   connects to where a ``MediaOrder`` says.
5. **Inbound calls**: ``Dialect.offer`` begins one. What is configured for the number at the vendor is in the offer.

A control that needs time starts a task with ``call.spawn``; it ends with the call. Never sleep elsewhere. Ids come from
``network.fresh_id``, wall time from ``network.wall``; there is no other clock and no chance. Tests run a dialect in
memory on a jumping clock (``open_memory_network(carrier=...)``) and as a process on sockets.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

import trio
from attrs import field, frozen

from voicecall.events import Instant
from voicecall.ports import Exchange, HttpRequest, HttpResponse
from voicecall.testing.console import Console
from voicecall.testing.framing import MediaOrder
from voicecall.testing.happenings import Ending, Happening, KeysWanted, Offer, Party, Plan, Status
from voicecall.testing.script import Script

# --- webhooks --------------------------------------------------------------------------------------------------------

Trouble = Literal["ct", "rt", "4xx", "5xx", "later"]
"""How an attempt can fail: no connection, no answer in time, an error; ``later`` is 408, 425 or 429 (also ``4xx``)."""


@frozen(kw_only=True)
class Patience:
    """How long and how often one webhook is tried.

    ``read_s`` bounds one attempt, ``total_s`` all of them; ``life_s`` after it happened no further attempt is begun.
    ``pauses_s`` has one pause for each further attempt, and ``again`` says what is worth one.
    """

    read_s: float = 15.0
    total_s: float = math.inf
    life_s: float = math.inf
    pauses_s: tuple[float, ...] = ()
    again: frozenset[Trouble] = frozenset()


@frozen(kw_only=True)
class Webhook:
    """One message to the account. ``kind`` is for the report and for fault scripts; the dialect reads the ``fields``.

    ``url`` is as configured, fragment included. ``fallback`` is posted instead when this one was given up.
    """

    kind: str
    url: str
    fields: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    method: Literal["POST", "GET"] = "POST"
    patience: Patience = field(factory=Patience)
    fallback: Webhook | None = None


# --- the network, as a dialect sees it -------------------------------------------------------------------------------


class Listener(Protocol):
    """Whoever listens to the person at the carrier's. Instants are trio's, in seconds."""

    def speech_began(self) -> None:
        """The person speaks, or spoke already when the listening began."""
        ...

    def understood(self, text: str, *, final: bool, started: float, ended: float) -> None:
        """The recognizer's text of what was said while listening; "" when it was all said before."""
        ...

    def key(self, digit: str) -> None:
        """The person pressed a key."""
        ...


class Call(Protocol):
    """One call, and everything that the account may want of it. ``dials`` counts how often it was ordered."""

    dials: int

    @property
    def party(self) -> Party: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def status(self) -> Status: ...
    @property
    def answered(self) -> bool:
        """Whether it was ever answered; stays true."""
        ...

    @property
    def over(self) -> bool: ...
    @property
    def ending(self) -> Ending | None: ...
    @property
    def began_at(self) -> Instant: ...
    @property
    def answered_at(self) -> Instant | None: ...
    @property
    def ended_at(self) -> Instant | None: ...
    @property
    def streaming(self) -> str:
        """The id of the media stream that is connected or on its way; "" is none."""
        ...

    def pick_up(self) -> None:
        """The account answers an inbound call (also: the person answers). Nothing when it is too late."""
        ...

    def end(self, ending: Ending) -> None:
        """The call is over. Nothing when it is already."""
        ...

    def post(self, webhook: Webhook, taken: Callable[[HttpResponse], None] | None = None) -> trio.Event:
        """Deliver a report; ``taken`` gets the answer that took it, before the next one for its URL is sent.

        The event is set when it is settled: taken, refused, given up or lost.
        """
        ...

    async def exchange(self, webhook: Webhook) -> Exchange:
        """Send a request whose answer matters, as patiently as it says; the last answer, good or bad."""
        ...

    async def say(self, text: str) -> None:
        """The carrier's own voice says it; returns when it has been heard, and is silent when cancelled."""
        ...

    def listening(self, listener: Listener) -> AbstractContextManager[None]:
        """While it is entered, what the person says and presses goes to the ``listener``: at most one at a time."""
        ...

    async def stream_over(self) -> Literal["stopped", "closed", "lost", "refused"]:
        """Wait until no media stream is connected or on its way; how the last one ended."""
        ...

    def spawn(self, task: Callable[[], Awaitable[object]]) -> None:
        """Run a task that is cancelled when the call ends."""
        ...

    def open_stream(self, order: MediaOrder) -> bool:
        """Connect a media stream; False when the call is not answered, or has one."""
        ...

    def close_stream(self) -> bool:
        """End the media stream; False when there is none."""
        ...

    def speak(self, name: str, text: str) -> None:
        """Queue something for the carrier's own voice to say."""
        ...

    def stop_speaking(self, *, everything: bool = True) -> bool:
        """Cut what the carrier's voice says, and drop what is queued; False when it was silent."""
        ...

    def transcribe(self, mode: Literal["off", "final", "interim"]) -> None:
        """Whether the carrier's recognizer listens, and how much it tells."""
        ...

    def gather_keys(self, wanted: KeysWanted) -> bool:
        """Collect keys; False when keys are being collected already."""
        ...

    def stop_gathering(self) -> bool:
        """Be content with the keys so far (``canceled``); False when none are being collected."""
        ...

    def send_keys(self, digits: str) -> None:
        """Press keys on the account's behalf; the person hears them. ``w`` waits 0.5 s and ``W`` 1 s."""
        ...

    def note(self, what: str) -> None:
        """A line for the report's timeline."""
        ...


class CallControl(Protocol):
    """The vendor's side of one call."""

    def hear(self, event: Happening) -> None:
        """Something happened. ``Initiated`` comes first, ``Ended`` last."""
        ...


class Network(Protocol):
    """The phone network."""

    @property
    def console(self) -> Console:
        """What the account's owner has set."""
        ...

    def wall(self) -> Instant:
        """Wall time in ms since the epoch."""
        ...

    def fresh_id(self) -> str:
        """32 hexadecimal digits that no call, event or stream had before, not even before a restart."""
        ...

    def start(
        self, party: Party, plan: Plan, control: Callable[[Call], CallControl], *, script: Script | None = None
    ) -> Call:
        """Begin a call; without a script, with whoever lives behind the person's number."""
        ...

    def call(self, vendor_call_id: str) -> Call | None:
        """The call of this name, ended ones too."""
        ...

    def calls(self, *, callee: str = "", caller: str = "", since: int = 0) -> Sequence[Call]:
        """Calls to and from these numbers that began at ``since`` (ms) or later, oldest first."""
        ...


class Vendor(Protocol):
    """A simulated carrier: what its package has."""

    def account(self, secret: str) -> dict[str, str]:
        """All that opens the API and signs, derived from one secret; the same each time."""
        ...

    def open_dialect(self, network: Network, account: Mapping[str, str]) -> Dialect:
        """The dialect of one network."""
        ...


class Dialect(Protocol):
    """One vendor's wire."""

    @property
    def name(self) -> str: ...
    @property
    def signature_headers(self) -> tuple[str, ...]:
        """The headers of a webhook that a wrong signature spoils, in lower case."""
        ...

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The REST API: checks who asks, does what is asked, answers in the vendor's form."""
        ...

    def failure(self, status: int) -> HttpResponse:
        """What the vendor's API answers when it fails with this status (429, 5xx)."""
        ...

    def offer(self, offer: Offer) -> Call:
        """Somebody calls us."""
        ...

    def sign(self, webhook: Webhook, attempt: int) -> HttpRequest:
        """One attempt, counted from 1, as it goes out. The URL has no fragment any more."""
        ...
