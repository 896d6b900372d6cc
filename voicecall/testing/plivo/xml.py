"""Reads Plivo XML strictly, by the tables of its reference, into verbs (Plivo, "Voice XML").

Plivo itself overlooks what it does not know. Here it is refused, as is everything else that the tables do not have:
whoever passes here passes there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, cast
from urllib.parse import SplitResult, urlsplit
from xml.etree.ElementTree import Element

from voicecall.ports import HttpResponse
from voicecall.testing.plivo.media import CONTENT_TYPES, HEADERS, HEADERS_LIMIT, MULAW, URL_LIMIT
from voicecall.testing.verbs import (
    BadDocument,
    Gather,
    HangUp,
    Pause,
    Redirect,
    Reject,
    Say,
    SendKeys,
    Target,
    Verb,
)
from voicecall.testing.xml_reader import Shape, choice, integer, read_document

DOCUMENT_LIMIT = 100_000
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts that streams without TLS may go to: a simulation on one machine has no certificates."""
KEYS = re.compile(r"[0-9A-D*#wW]+")
AUTO_KEYS_S = 2.0
"""How long a pause ends keys where Plivo decides."""

SPEAK = Shape(attributes={"voice", "language", "loop"}, text="needed")
WAIT = Shape(attributes={"length", "silence", "minSilence", "beep"})
GET_INPUT = Shape(
    needs={"action"},
    attributes={
        "method",
        "inputType",
        "executionTimeout",
        "digitEndTimeout",
        "speechEndTimeout",
        "finishOnKey",
        "numDigits",
        "speechModel",
        "hints",
        "language",
        "interimSpeechResultsCallback",
        "interimSpeechResultsCallbackMethod",
        "log",
        "redirect",
        "profanityFilter",
    },
    children={"Speak": SPEAK, "Wait": WAIT},
)
STREAM = Shape(
    attributes={
        "bidirectional",
        "audioTrack",
        "streamTimeout",
        "contentType",
        "keepCallAlive",
        "statusCallbackUrl",
        "statusCallbackMethod",
        "extraHeaders",
        "noiseCancellation",
        "noiseCancellationLevel",
    },
    text="needed",
)
SHAPES = {
    "Speak": SPEAK,
    "Wait": WAIT,
    "GetInput": GET_INPUT,
    "Redirect": Shape(attributes={"method"}, text="needed"),
    "Hangup": Shape(attributes={"reason", "schedule"}),
    "DTMF": Shape(attributes={"async"}, text="needed"),
    "Stream": STREAM,
}
"""What is simulated of Plivo's elements; recordings and other calls are not."""


def read(response: HttpResponse, stream: Callable[[Element], Verb]) -> tuple[Verb, ...]:
    """The verbs of an answer; ``stream`` orders a media stream. Raises ``BadDocument``."""
    elements = read_document(response, SHAPES, limit=DOCUMENT_LIMIT)
    for place, element in enumerate(elements):
        if element.tag == "Hangup" and "reason" in element.attrib and place:
            raise BadDocument("Hangup reason: only the first element can refuse a call")
    return tuple(stream(element) if element.tag == "Stream" else _verb(element) for element in elements)


def _verb(element: Element) -> Verb:
    match element.tag:
        case "Speak" | "Wait":
            return _prompt(element)
        case "GetInput":
            return _get_input(element)
        case "Redirect":
            return Redirect(target=Target(url=_url(element, _body(element)), method=_method(element, "method")))
        case "DTMF":
            keys = _body(element)
            if not KEYS.fullmatch(keys):
                raise BadDocument(f"DTMF: {keys!r} are no keys")
            return SendKeys(digits=keys, wait=not truth(element, "async", usual=True))
        case _:
            return _hang_up(element)


def _prompt(element: Element) -> Say | Pause:
    if element.tag == "Wait":
        for name in element.attrib.keys() - {"length"}:
            raise BadDocument(f"Wait {name}: is not simulated")
        return Pause(seconds=integer(element, "length", 1, 1, 100_000))
    return Say(text=_body(element), loop=integer(element, "loop", 1, 0, 1_000))


def _hang_up(element: Element) -> Reject | HangUp:
    if "reason" in element.attrib:
        return Reject(busy=choice(element, "reason", "rejected", "rejected", "busy") == "busy")
    return HangUp(after_s=integer(element, "schedule", 0, 0, 86_400))


def _get_input(element: Element) -> Gather:
    heard = choice(element, "inputType", "", "dtmf", "speech", "dtmf speech").split()
    _check_recognition(element)
    finish = element.get("finishOnKey", "#")
    if finish != "none" and not re.fullmatch(r"[0-9*#]?", finish):
        raise BadDocument(f"GetInput finishOnKey: must be a key, empty or none, got {finish!r}")
    interim = element.get("interimSpeechResultsCallback")
    interim_method = _method(element, "interimSpeechResultsCallbackMethod")
    return Gather(
        action=Target(url=_url(element, element.get("action", "")), method=_method(element, "method")),
        speech="speech" in heard,
        keys="dtmf" in heard,
        prompts=tuple(_prompt(child) for child in element),
        begin_s=integer(element, "executionTimeout", 15, 5, 60),
        speech_end_s=_patience_s(element, "speechEndTimeout", 0.0),
        key_end_s=_patience_s(element, "digitEndTimeout", AUTO_KEYS_S),
        finish_on="" if finish == "none" else finish,
        most_keys=integer(element, "numDigits", 32, 1, 32),
        partial=None if interim is None else Target(url=_url(element, interim), method=interim_method),
        follow=truth(element, "redirect", usual=True),
    )


def _check_recognition(element: Element) -> None:
    truth(element, "log", usual=True)
    truth(element, "profanityFilter", usual=False)
    choice(element, "speechModel", "default", "default", "command_and_search", "phone_call")
    hints = element.get("hints", "")
    phrases = hints.split(",")
    if len(hints) > 10_000 or len(phrases) > 500 or any(len(one) > 100 for one in phrases):
        raise BadDocument("GetInput hints: at most 500 phrases of 100 characters, 10000 characters together")


def _patience_s(element: Element, name: str, auto: float) -> float:
    return auto if element.get(name, "auto") == "auto" else float(integer(element, name, 2, 2, 10))


def check_stream(element: Element) -> None:
    """Whether a ``Stream`` obeys its table. Raises ``BadDocument``."""
    integer(element, "streamTimeout", 86_400, 1, 86_400)
    integer(element, "noiseCancellationLevel", 85, 60, 100)
    truth(element, "noiseCancellation", usual=False)
    truth(element, "keepCallAlive", usual=False)
    track = choice(element, "audioTrack", "inbound", "inbound", "outbound", "both")
    if truth(element, "bidirectional", usual=False) and track != "inbound":
        raise BadDocument("Stream audioTrack: a bidirectional stream has the inbound track")
    if choice(element, "contentType", "", *CONTENT_TYPES) != MULAW:
        raise BadDocument(f"Stream contentType: only {MULAW} is simulated")
    check_stream_url(_body(element))
    check_headers(element.get("extraHeaders", ""))


def check_stream_url(url: str) -> None:
    """``wss``, anywhere. Raises ``BadDocument``."""
    parts = _split(url)
    secure = parts.scheme == "wss" or (parts.scheme == "ws" and parts.hostname in LOOPBACK)
    if not secure or not parts.hostname or parts.fragment or len(url) > URL_LIMIT:
        raise BadDocument(f"Stream: {url[:80]!r} is no wss URL of at most {URL_LIMIT} characters")


def check_headers(text: str) -> None:
    """``k=v,k2=v2``, letters and digits. Raises ``BadDocument``."""
    if text and (len(text) > HEADERS_LIMIT or not HEADERS.fullmatch(text)):
        raise BadDocument(f"Stream extraHeaders: must be k=v,k2=v2 of letters and digits, at most {HEADERS_LIMIT}")


def truth(element: Element, name: str, *, usual: bool) -> bool:
    """A true or false attribute. Raises ``BadDocument``."""
    return choice(element, name, "true" if usual else "false", "true", "false") == "true"


def target(element: Element, name: str, method: str) -> Target | None:
    """Where something is told, if anywhere. Raises ``BadDocument``."""
    url = element.get(name)
    return None if url is None else Target(url=_url(element, url), method=_method(element, method))


def _body(element: Element) -> str:
    return (element.text or "").strip()


def _method(element: Element, name: str) -> Literal["POST", "GET"]:
    return cast("Literal['POST', 'GET']", choice(element, name, "POST", "GET", "POST"))


def _url(element: Element, text: str) -> str:
    parts = _split(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadDocument(f"{element.tag}: {text!r} is no absolute http or https URL")
    return text


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError as error:
        raise BadDocument(f"{text[:80]!r} is no URL") from error
