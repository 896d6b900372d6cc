"""Every seam on one page: where the world plugs into the calls.

Protocols and the plain values that cross them. Carriers are pure; the protocols at the end have trio code behind them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Literal, Protocol

from attrs import field, frozen

from voicecall.events import AnyEffect, AnyEvent, CallId, EffectId, Instant
from voicecall.events.base import EPOCH
from voicecall.events.effects import Speak
from voicecall.events.facts import CallerHeard, CallerSaid, VendorReported

# --- HTTP, as values -------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class HttpRequest:
    """One HTTP request. ``url`` is absolute, header names are lower case, ``peer`` is the socket's address if known."""

    method: str
    url: str
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    body: bytes = field(default=b"", repr=False)
    peer: str = ""


@frozen(kw_only=True)
class HttpResponse:
    """One HTTP response."""

    status: int
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    body: bytes = field(default=b"", repr=False)


@frozen(kw_only=True)
class Exchange:
    """A request and what came of it. ``error`` is set instead of ``response`` when no complete response arrived.
    ``sent`` is False only when it is certain that the carrier never saw the request (the connection was refused)."""

    request: HttpRequest
    response: HttpResponse | None = None
    error: str = ""
    sent: bool = True


Fetch = Callable[[HttpRequest], Awaitable[Exchange]]
"""Sends one request. Never raises for what the network does: that is an ``Exchange`` with an ``error``."""

# --- carriers --------------------------------------------------------------------------------------------------------


class BadSignature(Exception):
    """A request does not prove where it comes from. The text says why; it never holds a secret."""


class NotUnderstood(Exception):
    """A verified request is not in the carrier's format. The text names the field."""


class Capability(StrEnum):
    """What a carrier can do; asking for what it cannot is refused before dialling. ``STREAM``: carry sound both ways on
    a media socket. ``SPEAK``, ``LISTEN``: without one. ``SPEAK_BESIDE``: speak while one is open, and leave it alone.
    ``PERSON_DETECTION``: tell also that it was *no* machine."""

    INBOUND = "inbound"
    STREAM = "stream"
    SPEAK = "speak"
    LISTEN = "listen"
    SPEAK_BESIDE = "speak_beside"
    SEND_DIGITS = "send_digits"
    REJECT = "reject"
    RECONCILE = "reconcile"
    MACHINE_DETECTION = "machine_detection"
    PERSON_DETECTION = "person_detection"


@frozen(kw_only=True)
class Account:
    """Where a carrier's API lives and what opens it. Secrets are never shown, logged or journaled."""

    api_url: str
    secrets: Mapping[str, str] = field(factory=dict[str, str], repr=False)


class Stance(StrEnum):
    """What the carrier should do with the person when nothing is to be said: the rest of any instructions.
    ``STREAM``: carry sound on a media socket. ``LISTEN``: recognize the person's next words and keys. ``WAIT``: keep
    the person on the line and ask again soon. ``HANG_UP``: end the call.
    """

    STREAM = "stream"
    LISTEN = "listen"
    WAIT = "wait"
    HANG_UP = "hang_up"


@frozen(kw_only=True)
class Leg:
    """What a codec must know of a call to talk about it. URLs are absolute and public.
    ``vendor_call_id`` is "" until the carrier has told it. ``ticket`` opens one media socket at ``media_url``; it is
    fresh for every ``Leg``. ``nonce`` names what this leg was made for (the seq of the fact that is answered, or the
    effect that is carried out): in the URLs of instructions it makes each listening a different one, so that the same
    words again are another message. ``stance`` is how to go on now, ``after`` once an utterance other than a filler has
    been said. ``placed_at`` is when the call began. ``claimed`` tells whether a vendor's call id is another call's.
    """

    call_id: CallId
    caller: str
    callee: str
    account: Account
    webhook_url: str
    media_url: str
    vendor_call_id: str = ""
    ticket: str = field(default="", repr=False)
    direction: Literal["inbound", "outbound"] = "outbound"
    nonce: str = ""
    stance: Stance = Stance.STREAM
    after: Stance = Stance.STREAM
    voice: str = ""
    placed_at: Instant = EPOCH
    claimed: Callable[[str], bool] = frozenset[str]().__contains__


@frozen(kw_only=True)
class Heard:
    """One fact decoded from a carrier's request, and whose it is.
    ``call_id`` is ours when it travelled with the request ("" when not). ``key`` is what the vendor authenticated and
    repeats verbatim: the same key is the same message again. ``offer`` marks the start of an inbound call: then
    ``caller``, ``callee`` and ``vendor_call_id`` tell of it and ``event`` may be None. ``flow`` marks a request that is
    answered with instructions: of several facts in one request, the last, and never an outcome. ``asks`` names the
    effect whose instructions are asked for, where a request of ours told the carrier to come for them.
    """

    key: str
    event: AnyEvent | None = None
    call_id: str = ""
    vendor_call_id: str = ""
    offer: bool = False
    caller: str = ""
    callee: str = ""
    flow: bool = False
    asks: str = ""


Owed = tuple[tuple[EffectId, AnyEffect], ...]
"""Effects that were decided and have no outcome yet, in order."""


@frozen(kw_only=True)
class Reply:
    """The answer to a webhook, and which of the owed effects it carries out. ``answers``: by taking these instructions
    the carrier picks up an inbound call, and tells nobody."""

    response: HttpResponse
    carried: tuple[EffectId, ...] = ()
    answers: bool = False


@frozen(kw_only=True)
class MediaStart:
    """The carrier says whose audio this socket carries."""

    stream_id: str
    vendor_call_id: str
    ticket: str = field(repr=False)
    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8_000


@frozen(kw_only=True)
class MediaAudio:
    """20 ms or so of the person: μ-law, 8 kHz. ``place`` counts from 1 where the order may be mixed up, else 0."""

    payload: bytes = field(repr=False)
    place: int = 0


@frozen(kw_only=True)
class MediaMark:
    """Everything sent before the mark of this name has been played (or was cleared)."""

    name: str


@frozen(kw_only=True)
class MediaDigits:
    """A key was pressed, told on the media socket."""

    digits: str


@frozen(kw_only=True)
class MediaStop:
    """The carrier will send no more."""

    reason: str = ""


@frozen(kw_only=True)
class MediaIgnored:
    """A message that means nothing to us, in the vendor's word."""

    kind: str


MediaMessage = MediaStart | MediaAudio | MediaMark | MediaDigits | MediaStop | MediaIgnored


class MediaCodec(Protocol):
    """Framing of one carrier's media messages: text in, text out. No state."""

    def receive(self, message: bytes) -> MediaMessage:
        """One message from the carrier. Raises ``NotUnderstood``."""
        ...

    def send(self, stream_id: str, payload: bytes) -> bytes:
        """A message that plays ``payload`` (μ-law, 8 kHz)."""
        ...

    def mark(self, stream_id: str, name: str) -> bytes:
        """A message that asks to be told when everything before it has been played."""
        ...

    def clear(self, stream_id: str) -> bytes:
        """A message that drops what was sent but not yet played."""
        ...


class Carrier(Protocol):
    """A carrier's pure translation, both ways: no IO, no clock, no memory."""

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> frozenset[Capability]: ...
    @property
    def required_headers(self) -> tuple[tuple[str, ...], ...]:
        """Headers (lower case) without which a request cannot be genuine: one alternative must be there completely. The
        door checks them before it reads a body; ``()`` asks for none."""
        ...

    def verify(self, request: HttpRequest, *, account: Account, now: Instant) -> None:
        """Prove where ``request`` comes from. Raises ``BadSignature``."""

    def learn(self, request: HttpRequest, account: Account) -> Account:
        """What a verified request teaches of the account, once and for ever (a stronger proof that it uses)."""
        ...

    def decode(self, request: HttpRequest) -> tuple[Heard, ...]:
        """The facts in a verified request. Raises ``NotUnderstood``."""
        ...

    def reply(self, owed: Owed, leg: Leg | None, *, flow: bool = False) -> Reply:
        """The answer to a webhook; ``leg`` is None when the request concerns no call of ours.
        ``flow``: the request asks for instructions. They carry out what of ``owed`` they can, at most one ``speak``,
        and go on as ``leg.stance`` says; ``STREAM`` with no ``answer`` or ``open_media`` to carry out means to wait."""
        ...

    def encode(self, effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
        """The request that carries out ``effect``, or None when this carrier cannot."""
        ...

    def interpret(
        self, effect_id: EffectId, effect: AnyEffect, exchanges: tuple[Exchange, ...], leg: Leg
    ) -> AnyEvent | HttpRequest:
        """The outcome of the exchanges so far, or one more request to send."""
        ...

    def media(self) -> MediaCodec:
        """The framing of this carrier's media messages."""
        ...


# --- speech and thought ----------------------------------------------------------------------------------------------

CallerSpeech = CallerHeard | CallerSaid
"""What a transcriber reports. Whether there is a voice at all is for the plane's own detector to say."""


class AudioTap(Protocol):
    """The caller's audio as a transcriber drinks it. The media plane appends; it never waits for the reader. There may
    be none for a while at first: a transcriber is asked while it rings. ``ends_ms`` is where the audio that was drained
    last ends, in ms since the media opened. When it is ``closed``, what is left can still be drained."""

    async def drain(self) -> bytes:
        """All μ-law audio since the last call: 100 ms, or less in a lull. Raises ``trio.EndOfChannel`` at the end."""
        ...

    @property
    def ends_ms(self) -> int: ...
    @property
    def closed(self) -> bool: ...


class Transcriber(Protocol):
    """Turns a caller's audio into speech facts, as it comes."""

    def listen(self, tap: AudioTap) -> AbstractAsyncContextManager[AsyncIterator[CallerSpeech]]: ...


@frozen(kw_only=True)
class Wording:
    """A voice tells of its words, ahead of their sound: when each of the next characters has ended, in ms of the
    utterance's sound. Or, with no ``ends_ms`` and at any time, what it says all in all in place of the clauses."""

    text: str
    ends_ms: tuple[int, ...] = ()


Voiced = bytes | Wording | VendorReported
"""What a synthesizer makes: sound, its words, and what there is to report of how it was made."""


class Synthesizer(Protocol):
    """Turns clauses into μ-law 8 kHz audio, as they come; pieces of any length (only the plane knows 20 ms frames).
    Between them it may tell of its words. An iterator that raises has failed; the exception's text is for the journal.
    ``describe``: which voice it is, for people.
    """

    def describe(self) -> str: ...

    def speak(self, clauses: AsyncIterator[str]) -> AbstractAsyncContextManager[AsyncIterator[Voiced]]: ...


@frozen(kw_only=True)
class Line:
    """One remark of a conversation. What *we* said is only what was heard."""

    speaker: Literal["agent", "caller"]
    text: str


@frozen(kw_only=True)
class Turn:
    """What an agent is asked: answer ``text``. ``history`` does not include it; ``earlier`` is from earlier calls.
    ``ours`` is our number in this call. ``session`` and ``requester``: see ``Policy``."""

    call_id: CallId
    number: int
    text: str
    history: tuple[Line, ...] = ()
    earlier: tuple[Line, ...] = ()
    direction: Literal["inbound", "outbound"] = "outbound"
    peer: str = field(default="", repr=False)
    ours: str = field(default="", repr=False)
    session: str = ""
    requester: str = ""


class Agent(Protocol):
    """Whoever thinks for us. Text streams back in pieces of any length; leaving the context abandons the reply."""

    def reply(self, turn: Turn) -> AbstractAsyncContextManager[AsyncIterator[str]]: ...


# --- sound, as the calls see it --------------------------------------------------------------------------------------

Post = Callable[[AnyEvent], None]
"""Puts a fact in a call's mailbox. Never waits, never fails."""


class Sound(Protocol):
    """The media plane as a call's media lane sees it. Nothing here waits: what happens comes back as facts.
    A session belongs to the plane. Without an actor (``release``) it plays on and keeps the facts for the next one.
    """

    def adopt(self, call_id: CallId, post: Post) -> bool:
        """Hear of this call's media from now on; facts that waited are posted first. False: no session is open."""
        ...

    def release(self, call_id: CallId) -> None:
        """The actor is gone; keep the facts."""

    def prepare(self, call_id: CallId, limit_s: float) -> None:
        """The media will open: get ready to transcribe it, for at most ``limit_s`` seconds. Decides nothing."""

    def holds(self, call_id: CallId, effect_id: EffectId) -> bool:
        """Whether this ``speak`` is still being carried out."""
        ...

    def speak(self, call_id: CallId, effect_id: EffectId, speak: Speak) -> None:
        """Queue an utterance; comes back as ``playback.finished`` or ``effect.failed``, always."""

    def stop(self, call_id: CallId, utterance: int) -> None:
        """Silence every utterance up to this one, at once."""

    def listen(self, call_id: CallId, effect_id: EffectId) -> None:
        """Start to transcribe; comes back as ``effect.succeeded`` or ``effect.failed``."""

    def hang_up(self, call_id: CallId) -> None:
        """The call is over: close its media socket."""
