"""Reads TwiML strictly, by Twilio's tables of attributes, into elements (Twilio, "TwiML for Programmable Voice").

Twilio itself warns of unknown attributes and goes on. Here they are refused, as everything else that the tables do not
have: whoever passes here passes there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

from attrs import field, frozen

from voicecall.testing.verbs import BadDocument

SAY_LIMIT = 4_096
PARAMETER_LIMIT = 500
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts that streams without TLS may go to: a simulation on one machine has no certificates."""
MODELS = r"default|numbers_and_commands|phone_call|experimental_(conversations|utterances)|googlev2_\w+"

Check = Callable[[str], bool]


def _one_of(*values: str) -> Check:
    return lambda text: text in values


def _like(pattern: str) -> Check:
    return lambda text: bool(re.fullmatch(pattern, text))


def _number(least: int, most: int) -> Check:
    return lambda text: bool(re.fullmatch(r"[0-9]{1,6}", text)) and least <= int(text) <= most


def _url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _stream_url(text: str) -> bool:
    """``wss`` on its usual port and without a query."""
    parts = urlsplit(text)
    if parts.query or parts.fragment or not parts.hostname:
        return False
    if parts.scheme == "ws":
        return parts.hostname in LOOPBACK
    return parts.scheme == "wss" and (parts.port in (None, 443) or parts.hostname in LOOPBACK)


METHOD = _one_of("GET", "POST")
TRUTH = _one_of("true", "false")
WORDS = _like(r"(?s).*\S.*")


@frozen(kw_only=True)
class Rule:
    """What an element may have. ``addresses`` are those attributes that hold URLs of webhooks."""

    attributes: Mapping[str, Check] = field(factory=dict[str, Check])
    required: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    text: Literal["none", "words", "url", "url or none"] = "none"


RULES: dict[str, Rule] = {
    "Response": Rule(children=frozenset({"Say", "Play", "Pause", "Gather", "Redirect", "Reject", "Hangup", "Connect"})),
    "Say": Rule(attributes={"voice": WORDS, "language": WORDS, "loop": _number(0, 1000)}, text="words"),
    "Play": Rule(attributes={"loop": _number(0, 1000), "digits": _like(r"[0-9A-D#*wW]+")}, text="url or none"),
    "Pause": Rule(attributes={"length": _number(1, 14_400)}),
    "Gather": Rule(
        attributes={
            "input": _one_of("dtmf", "speech", "dtmf speech"),
            "action": _url,
            "method": METHOD,
            "timeout": _number(1, 600),
            "speechTimeout": _like(r"auto|[1-9][0-9]{0,2}"),
            "speechModel": _like(rf"{MODELS}|deepgram_nova-[23]"),
            "language": WORDS,
            "hints": lambda text: len(text.split(",")) <= 500,
            "finishOnKey": _like(r"[0-9#*]?"),
            "numDigits": _number(1, 1_000),
            "actionOnEmptyResult": TRUTH,
            "profanityFilter": TRUTH,
            "partialResultCallback": _url,
            "partialResultCallbackMethod": METHOD,
            "enhanced": TRUTH,
        },
        addresses=frozenset({"action", "partialResultCallback"}),
        children=frozenset({"Say", "Play", "Pause"}),
    ),
    "Redirect": Rule(attributes={"method": METHOD}, text="url"),
    "Reject": Rule(attributes={"reason": _one_of("rejected", "busy")}),
    "Hangup": Rule(),
    "Connect": Rule(
        attributes={"action": _url, "method": METHOD},
        addresses=frozenset({"action"}),
        children=frozenset({"Stream"}),
    ),
    "Stream": Rule(
        attributes={
            "url": _stream_url,
            "name": WORDS,
            "track": _one_of("inbound_track"),
            "statusCallback": _url,
            "statusCallbackMethod": METHOD,
        },
        required=frozenset({"url"}),
        addresses=frozenset({"statusCallback"}),
        children=frozenset({"Parameter"}),
    ),
    "Parameter": Rule(attributes={"name": WORDS, "value": _like(r"(?s).*")}, required=frozenset({"name", "value"})),
}
"""A bidirectional ``Stream`` has no other track than the inbound one."""


@frozen(kw_only=True)
class Element:
    """One element that obeys its rule: addresses are absolute, text is trimmed."""

    name: str
    attributes: Mapping[str, str]
    children: tuple[Element, ...] = ()
    text: str = ""

    def get(self, name: str, usual: str) -> str:
        """An attribute, or what counts without it."""
        return self.attributes.get(name, usual)


def read_twiml(document: bytes | str, *, base: str = "") -> tuple[Element, ...]:
    """The verbs of a document that came from ``base`` ("": it came in a request and has no address).

    Raises ``BadDocument`` naming the element.
    """
    try:
        root = ElementTree.fromstring(document)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BadDocument(f"12100: not XML: {error}") from error
    if root.tag != "Response":
        raise BadDocument(f"12102: the root is {root.tag}, not Response")
    verbs = _read(root, base).children
    if any(verb.name == "Reject" for verb in verbs[1:]):
        raise BadDocument("Reject: must be the first verb")
    return verbs


def _read(node: ElementTree.Element, base: str) -> Element:
    name, rule = node.tag, RULES[node.tag]
    attributes = {key: _attribute(name, rule, key, value, base) for key, value in node.attrib.items()}
    for wanted in rule.required - attributes.keys():
        raise BadDocument(f"{name}.{wanted}: is missing")
    children: list[Element] = []
    for child in node:
        if child.tag not in rule.children:
            raise BadDocument(f"12200: {name}: may not contain {child.tag}")
        if (child.tail or "").strip():
            raise BadDocument(f"{name}: text after {child.tag}")
        children.append(_read(child, base))
    element = Element(name=name, attributes=attributes, children=tuple(children), text=_text(node, rule, base))
    _check_whole(element)
    return element


def _attribute(name: str, rule: Rule, key: str, value: str, base: str) -> str:
    check = rule.attributes.get(key)
    if check is None:
        raise BadDocument(f"12200: {name}.{key}: there is no such attribute")
    if key in rule.addresses and base:
        value = urljoin(base, value)
    if not check(value):
        raise BadDocument(f"12200: {name}.{key}: {value!r} is not allowed")
    return value


def _text(node: ElementTree.Element, rule: Rule, base: str) -> str:
    text = (node.text or "").strip()
    if rule.text == "none" and text:
        raise BadDocument(f"{node.tag}: may not contain text")
    if rule.text in ("words", "url") and not text:
        raise BadDocument(f"{node.tag}: is empty")
    if rule.text not in ("url", "url or none") or not text:
        return text
    address = urljoin(base, text) if base else text
    if not _url(address):
        raise BadDocument(f"{node.tag}: {text!r} is no absolute http(s) URL")
    return address


def _check_whole(element: Element) -> None:
    match element.name:
        case "Say" if len(element.text) > SAY_LIMIT:
            raise BadDocument(f"Say: more than {SAY_LIMIT} characters")
        case "Play" if bool(element.text) == ("digits" in element.attributes):
            raise BadDocument("Play: needs a URL, or digits and no URL")
        case "Connect" if len(element.children) != 1:
            raise BadDocument("Connect: holds one noun")
        case "Parameter" if sum(len(element.attributes[key]) for key in ("name", "value")) >= PARAMETER_LIMIT:
            raise BadDocument(f"Parameter: name and value together must be shorter than {PARAMETER_LIMIT} characters")
        case _:
            pass
