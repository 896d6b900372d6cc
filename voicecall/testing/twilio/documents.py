"""TwiML as the document runner wants it, and what Twilio asks on the way (Twilio, "Twilio's request to your
application")."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, cast

from attrs import define, field, frozen

from voicecall.ports import HttpResponse
from voicecall.testing.dialect import Patience, Webhook
from voicecall.testing.framing import MediaOrder
from voicecall.testing.patience import FragmentRules, patience_of
from voicecall.testing.twilio.media import TwilioFraming
from voicecall.testing.twilio.signing import signed_request
from voicecall.testing.twilio.twiml import Element, read_twiml
from voicecall.testing.verbs import (
    Ask,
    BadDocument,
    Connect,
    First,
    Gather,
    Gathered,
    HangUp,
    Pause,
    Redirect,
    Redirected,
    Reject,
    Say,
    SendKeys,
    Streamed,
    Target,
    Understood,
    Verb,
)

RULES = FragmentRules(
    usual=Patience(read_s=15.0, total_s=15.0, pauses_s=(1.0,), again=frozenset({"ct"})),
    read_ms=(100, 15_000),
    total_ms=(1, 15_000),
    others=frozenset({"e"}),
)
"""Connection overrides; ``e`` chooses where requests come from."""
CONTENT = ("text/xml", "application/xml")
FOREVER = 1_000
"""How often ``loop="0"`` repeats."""

Method = Literal["POST", "GET"]


@frozen(kw_only=True)
class Account:
    """Who asks, and with which key requests are signed."""

    sid: str
    token: str = field(repr=False)


@define(kw_only=True)
class TwilioDocuments:
    """``verbs.Documents`` for one call.

    ``fields`` gives what every request tells, ``spare`` is the fallback URL. ``reports`` holds for a stream's id where
    its fate is told, and its name.
    """

    account: Account
    call_sid: str
    fields: Callable[[], Mapping[str, str]]
    fresh_id: Callable[[], str]
    spare: Target | None = None
    reports: dict[str, tuple[Target, str]] = field(factory=dict[str, tuple[Target, str]])

    # --- what is asked -----------------------------------------------------------------------------------------------

    def request(self, ask: Ask | Understood) -> Webhook:
        """A request for a document, or a partial result."""
        kind, more = _told(ask)
        return self._webhook(kind, ask.target, more)

    def fallback(self, ask: Ask, why: str) -> Webhook | None:
        """The call's fallback URL hears why another one was of no use."""
        if self.spare is None:
            return None
        told = re.search(r": (1[0-9]{4}): ", why)
        code = told[1] if told else "11200"
        return self._webhook("voice.fallback", self.spare, {"ErrorCode": code, "ErrorUrl": ask.target.url})

    def _webhook(self, kind: str, target: Target, more: Mapping[str, str]) -> Webhook:
        return Webhook(
            kind=kind,
            url=target.url,
            fields={**self.fields(), **more},
            method=target.method,
            patience=patience_of(target.url, RULES),
        )

    # --- what is answered --------------------------------------------------------------------------------------------

    def answers(self, verb: Verb) -> bool:
        """What is heard answers the call; a pause before it does not, and a redirect asks first."""
        return not isinstance(verb, Pause | Redirect | Reject)

    def read(self, response: HttpResponse, url: str) -> tuple[Verb, ...]:
        """The verbs of an answer."""
        content = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content not in CONTENT:
            raise BadDocument(f"12300: content-type: must be {' or '.join(CONTENT)}; got {content!r}")
        return self.understand(response.body, url)

    def understand(self, twiml: bytes | str, url: str = "") -> tuple[Verb, ...]:
        """The verbs of a document; where it has no address of its own, everything in it must be absolute."""
        return tuple(self._verb(element, url) for element in read_twiml(twiml, base=url))

    def _verb(self, element: Element, url: str) -> Verb:
        match element.name:
            case "Say" | "Pause":
                return _prompt(element)
            case "Play":
                return _keys(element)
            case "Gather":
                return _gather(element, url)
            case "Redirect":
                return Redirect(target=Target(url=element.text, method=_method(element, "method")))
            case "Reject":
                return Reject(busy=element.get("reason", "rejected") == "busy")
            case "Connect":
                return self._connect(element)
            case _:
                return HangUp()

    def _connect(self, element: Element) -> Connect:
        (stream,) = element.children
        stream_sid = "MZ" + self.fresh_id()
        report = _target(stream, "statusCallback", "statusCallbackMethod")
        if report is not None:
            self.reports[stream_sid] = report, stream.get("name", stream_sid)
        framing = TwilioFraming(
            account_sid=self.account.sid,
            call_sid=self.call_sid,
            stream_sid=stream_sid,
            parameters={one.attributes["name"]: one.attributes["value"] for one in stream.children},
        )
        handshake = signed_request("GET", stream.attributes["url"], {}, token=self.account.token)
        order = MediaOrder(handshake=handshake, stream_id=stream_sid, framing=framing)
        return Connect(order=order, action=_target(element, "action", "method"))


def _told(ask: Ask | Understood) -> tuple[str, dict[str, str]]:
    """What a request is called, and what only it tells."""
    match ask:
        case First():
            return "voice", {}
        case Redirected():
            return "voice.update" if ask.by_api else "redirect", {}
        case Streamed():
            return "connect.action", {}
        case Gathered(finish=finish) if finish:
            return "gather.action", {"Digits": ask.keys, "FinishedOnKey": finish, "msg": "Gather End"}
        case Gathered(kind="keys"):
            return "gather.action", {"Digits": ask.keys}
        case Gathered(kind="speech"):
            return "gather.action", {"SpeechResult": ask.speech, "Confidence": f"{ask.confidence:.7g}"}
        case Gathered():
            return "gather.action", {"Digits": "", "SpeechResult": ""}
        case Understood():
            told = {"UnstableSpeechResult": ask.text, "Stability": "0.9", "SequenceNumber": str(ask.number)}
            return "gather.partial", told


def _prompt(element: Element) -> Say | Pause:
    if element.name == "Pause":
        return Pause(seconds=float(element.get("length", "1")))
    return Say(text=element.text, loop=int(element.get("loop", "1")) or FOREVER)


def _keys(element: Element) -> SendKeys:
    if element.text:
        raise BadDocument("Play: recordings are not simulated, only digits")
    return SendKeys(digits=element.attributes["digits"] * (int(element.get("loop", "1")) or FOREVER))


def _gather(element: Element, url: str) -> Gather:
    action = element.get("action", url)
    if not action:
        raise BadDocument("Gather.action: is missing, and this document has no address of its own")
    if any(child.name == "Play" for child in element.children):
        raise BadDocument("Gather: recordings are not simulated")
    timeout = element.get("timeout", "5")
    pause = element.get("speechTimeout", timeout)
    heard = element.get("input", "dtmf").split()
    return Gather(
        action=Target(url=action, method=_method(element, "method")),
        speech="speech" in heard,
        keys="dtmf" in heard,
        prompts=tuple(_prompt(child) for child in element.children),
        begin_s=float(timeout),
        speech_end_s=0.0 if pause == "auto" else float(pause),
        key_end_s=float(timeout),
        finish_on=element.get("finishOnKey", "#"),
        most_keys=int(element.get("numDigits", "0")),
        when_empty=element.get("actionOnEmptyResult", "false") == "true",
        partial=_target(element, "partialResultCallback", "partialResultCallbackMethod"),
    )


def _target(element: Element, address: str, method: str) -> Target | None:
    url = element.attributes.get(address)
    return None if url is None else Target(url=url, method=_method(element, method))


def _method(element: Element, name: str) -> Method:
    return cast("Method", element.get(name, "POST"))
