"""Documents of instructions as values: the verbs that the document runner knows, and what it asks on the way.

A vendor's folder translates its XML elements into verbs and an ``Ask`` into the vendor's request. Durations are in
seconds. Every URL is absolute and keeps its fragment: the runner and ``Webhook`` want it.
"""

from __future__ import annotations

from typing import Literal, Protocol

from attrs import frozen

from voicecall.ports import HttpResponse
from voicecall.testing.dialect import Webhook
from voicecall.testing.framing import MediaOrder

# --- verbs -----------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Target:
    """Where something is asked or told."""

    url: str
    method: Literal["POST", "GET"] = "POST"


@frozen(kw_only=True)
class Say:
    """The carrier's own voice says ``text`` so many times; 0 is without end."""

    text: str
    loop: int = 1


@frozen(kw_only=True)
class Pause:
    """Silence."""

    seconds: float = 1.0


@frozen(kw_only=True)
class SendKeys:
    """Press keys; ``w`` waits half a second, ``W`` a whole one. ``wait``: the next verb comes after the last key."""

    digits: str
    wait: bool = True


@frozen(kw_only=True)
class Gather:
    """Listen to the person's words, keys or both, whichever comes first; what the person hears meanwhile is cut by it.

    ``begin_s`` is how long nothing may come after the last prompt; ``speech_end_s`` the silence that ends speech (0:
    as soon as the recognizer is sure); ``key_end_s`` the pause that ends keys. ``finish_on`` are keys that end them and
    are not reported. The result goes to ``action``; nothing, only with ``when_empty``, else the next verb runs.
    Without ``follow`` the action's answer is ignored and the next verb runs.
    """

    action: Target
    speech: bool
    keys: bool
    prompts: tuple[Say | Pause, ...] = ()
    begin_s: float = 5.0
    speech_end_s: float = 0.0
    key_end_s: float = 5.0
    finish_on: str = "#"
    most_keys: int = 0
    when_empty: bool = False
    partial: Target | None = None
    follow: bool = True


@frozen(kw_only=True)
class Connect:
    """Carry sound on a media stream. ``wait``: until it ends; then ``action`` is asked, else the next verb runs."""

    order: MediaOrder
    wait: bool = True
    action: Target | None = None


@frozen(kw_only=True)
class Redirect:
    """Go on with another document."""

    target: Target


@frozen(kw_only=True)
class Reject:
    """Refuse an inbound call; only as the first verb, before it is answered."""

    busy: bool = False


@frozen(kw_only=True)
class HangUp:
    """End the call; ``after_s`` lets the following verbs run until then."""

    after_s: float = 0.0


Verb = Say | Pause | SendKeys | Gather | Connect | Redirect | Reject | HangUp
"""The closed union of verbs. A document that comes to its end hangs up."""


# --- what the runner asks --------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class First:
    """What to do with the call at all."""

    target: Target


@frozen(kw_only=True)
class Redirected:
    """A ``Redirect`` was reached; ``by_api``: another document was ordered over the API."""

    target: Target
    by_api: bool = False


@frozen(kw_only=True)
class Gathered:
    """A ``Gather`` is over. ``confidence`` is 0 to 1, for speech; ``finish`` is the key that ended it, if one did."""

    target: Target
    kind: Literal["speech", "keys", "nothing"]
    speech: str = ""
    keys: str = ""
    finish: str = ""
    confidence: float = 1.0


@frozen(kw_only=True)
class Streamed:
    """The media stream of a ``Connect`` is over."""

    target: Target
    stream_id: str
    how: Literal["stopped", "closed", "lost", "refused"]


@frozen(kw_only=True)
class Understood:
    """A partial transcript while gathering, ``number`` from 0. A report: the answer means nothing."""

    target: Target
    text: str
    number: int


Ask = First | Redirected | Gathered | Streamed
"""Questions whose answer is the next document."""


class BadDocument(Exception):
    """An answer is not a document of this vendor. The text says what and where."""


class Documents(Protocol):
    """A vendor's documents, for one call."""

    def request(self, ask: Ask | Understood) -> Webhook:
        """The message that asks (or tells), to ``ask.target``."""
        ...

    def fallback(self, ask: Ask, why: str) -> Webhook | None:
        """What is asked when the answer to ``ask`` could not be had or used; None ends the call."""
        ...

    def answers(self, verb: Verb) -> bool:
        """Whether an inbound call that comes to this verb is answered by it."""
        ...

    def read(self, response: HttpResponse, url: str) -> tuple[Verb, ...]:
        """The verbs of an answer from ``url`` (for relative URLs). Raises ``BadDocument``."""
        ...
