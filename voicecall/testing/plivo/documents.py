"""What Plivo asks the account on the way through its documents, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from attrs import define, field, frozen

from voicecall.ports import HttpResponse
from voicecall.testing.dialect import Patience, Webhook
from voicecall.testing.patience import FragmentRules, patience_of
from voicecall.testing.plivo import xml
from voicecall.testing.plivo.media import Streams
from voicecall.testing.plivo.words import uuid_of
from voicecall.testing.verbs import (
    Ask,
    BadDocument,
    Connect,
    First,
    Gathered,
    Pause,
    Redirect,
    Redirected,
    Reject,
    Streamed,
    Target,
    Understood,
    Verb,
)
from voicecall.testing.xml_reader import integer

RULES = FragmentRules(
    usual=Patience(read_s=40.0, total_s=55.0, pauses_s=(1.0,), again=frozenset({"ct", "rt"})),
    read_ms=(100, 40_000),
    total_ms=(1, 55_000),
    others=frozenset({"er"}),
)
"""Timers in the fragment of a URL; ``er`` chooses where requests come from."""
FAILED = "60"
"""The only ``ErrorCode`` that is seen."""


@frozen(kw_only=True)
class Terms:
    """What was ordered with a media stream."""

    url: str
    timeout_s: float
    status: Target | None = None


@define(kw_only=True)
class PlivoDocuments:
    """``verbs.Documents`` for one call.

    ``fields`` gives what every request tells, ``spare`` is the fallback URL. ``terms`` are those of each stream, by its
    id; ``failed`` is the hang-up code for the last question without a usable answer.
    """

    fields: Callable[[], Mapping[str, str]]
    fresh_id: Callable[[], str]
    streams: Streams
    spare: Target | None = None
    terms: dict[str, Terms] = field(factory=dict[str, Terms])
    failed: int = 0
    _unreadable: bool = False

    def request(self, ask: Ask | Understood) -> Webhook:
        """A request for a document, or what was understood so far."""
        kind, more = _told(ask)
        return self._webhook(kind, ask.target, more)

    def fallback(self, ask: Ask, why: str) -> Webhook | None:
        """The fallback URL hears which other one was of no use."""
        self.failed = (8_010 if self._unreadable else 7_010) + _place(ask)
        if self.spare is None:
            return None
        told = {"Event": "StartApp", "ErrorCode": FAILED, "FailedUrl": ask.target.url}
        return self._webhook("fallback", self.spare, told)

    def _webhook(self, kind: str, target: Target, more: Mapping[str, str]) -> Webhook:
        self._unreadable = False
        return Webhook(
            kind=kind,
            url=target.url,
            fields={**self.fields(), **more},
            method=target.method,
            patience=patience_of(target.url, RULES),
        )

    def answers(self, verb: Verb) -> bool:
        """What is heard answers the call; a wait before it does not, and a redirect asks first."""
        return not isinstance(verb, Pause | Redirect | Reject)

    def read(self, response: HttpResponse, url: str) -> tuple[Verb, ...]:
        """The verbs of an answer; nothing in it may be relative."""
        try:
            return xml.read(response, self._stream)
        except BadDocument:
            self._unreadable = True
            raise

    def _stream(self, element: Element) -> Connect:
        xml.check_stream(element)
        url = (element.text or "").strip()
        stream_id = uuid_of(self.fresh_id())
        self.terms[stream_id] = Terms(
            url=url,
            timeout_s=float(integer(element, "streamTimeout", 86_400, 1, 86_400)),
            status=xml.target(element, "statusCallbackUrl", "statusCallbackMethod"),
        )
        order = self.streams.order(
            url,
            stream_id=stream_id,
            headers=element.get("extraHeaders", ""),
            bidirectional=xml.truth(element, "bidirectional", usual=False),
        )
        return Connect(order=order, wait=xml.truth(element, "keepCallAlive", usual=False))


def _told(ask: Ask | Understood) -> tuple[str, dict[str, str]]:
    """What a request is called, and what only it tells."""
    match ask:
        case First():
            return "answer", {"Event": "StartApp"}
        case Redirected(by_api=True):
            return "transfer", {"Event": "Transfer"}
        case Redirected():
            return "redirect", {"Event": "Redirect"}
        case Gathered(kind="keys"):
            told = {"InputType": "dtmf", "Digits": ask.keys, "Speech": "", "SpeechConfidenceScore": "0.0"}
            return "getinput", told
        case Gathered():
            score = f"{ask.confidence:.4g}"
            told = {"InputType": "speech", "Digits": "", "Speech": ask.speech, "SpeechConfidenceScore": score}
            return "getinput", {**told, "BilledAmount": "0.02000"}
        case Understood():
            told = {"StableSpeech": ask.text, "UnstableSpeech": "", "Stability": "0.9"}
            return "getinput.interim", {**told, "SequenceNumber": str(ask.number)}
        case Streamed():
            raise AssertionError("nothing is asked at the end of a stream")


def _place(ask: Ask) -> int:
    """The last digit of the hang-up code."""
    match ask:
        case First():
            return 1
        case Gathered():
            return 2
        case Redirected(by_api=True):
            return 3
        case _:
            return 4
