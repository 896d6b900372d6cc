"""A vendor for tests: every verb and every ability of the network under its plainest name, nothing of anybody's wire.

Whatever happens to a call is posted as JSON to its number's URL; a call with a ``flow`` URL is run by documents.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import attrs
import trio
from attrs import define, field, frozen

from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing import verbs as verb
from voicecall.testing.dialect import Call, Network, Patience, Webhook
from voicecall.testing.document import DocumentRunner
from voicecall.testing.framing import (
    BadMessage,
    ClearSound,
    Ignored,
    Inward,
    MediaOrder,
    PlayMark,
    PlaySound,
    PressKeys,
)
from voicecall.testing.happenings import Answered, Ended, Ending, Happening, Initiated, KeysWanted, Offer, Party, Plan
from voicecall.testing.patience import FragmentRules, patience_of
from voicecall.testing.xml_reader import Shape, choice, integer, read_document

RULES = FragmentRules(
    usual=Patience(read_s=5, total_s=15, pauses_s=(1.0,), again=frozenset({"ct"})),
    read_ms=(100, 15_000),
    total_ms=(100, 15_000),
)
SAY = Shape(attributes={"loop"}, text="needed")
PAUSE = Shape(attributes={"length"})
SHAPES = {
    "Say": SAY,
    "Pause": PAUSE,
    "Keys": Shape(needs={"digits"}),
    "Listen": Shape(
        needs={"action", "for"},
        attributes={"begin", "end", "finish", "most", "empty", "partial", "follow"},
        children={"Say": SAY, "Pause": PAUSE},
    ),
    "Stream": Shape(needs={"url"}, attributes={"wait", "action"}),
    "Go": Shape(text="needed"),
    "Refuse": Shape(attributes={"reason"}),
    "End": Shape(attributes={"after"}),
}


@frozen
class PaperFraming:
    """Says what happens in one word and the rest of the line."""

    name: str

    def opening(self) -> Sequence[bytes]:
        return [f"open {self.name}".encode()]

    def sound(self, frame: bytes, at_ms: int) -> bytes:
        return f"sound {at_ms} {frame.hex()}".encode()

    def played(self, name: str) -> Sequence[bytes]:
        return [f"played {name}".encode()]

    def cleared(self, names: Sequence[str]) -> Sequence[bytes]:
        return [f"cleared {' '.join(names)}".encode()]

    def key(self, digit: str) -> Sequence[bytes]:
        return [f"key {digit}".encode()]

    def closing(self, ending: Ending | None) -> Sequence[bytes]:
        return [f"stop {ending.why if ending else 'asked'}".encode()]

    def receive(self, message: bytes) -> Inward:
        word, _, rest = message.decode().partition(" ")
        match word:
            case "sound":
                return PlaySound(bytes.fromhex(rest))
            case "mark":
                return PlayMark(rest)
            case "clear":
                return ClearSound()
            case "press":
                return PressKeys(rest)
            case "ignore":
                return Ignored()
            case _:
                return BadMessage(f"there is no {word}", reply=b"error", fatal=word == "fatal")


@define
class PaperControl:
    """``runner`` is there when the call is run by documents."""

    call: Call
    url: str
    flow: str
    heard: list[Happening] = field(factory=list[Happening])
    runner: DocumentRunner | None = None
    over: trio.Event = field(factory=trio.Event)

    def hear(self, event: Happening) -> None:
        self.heard.append(event)
        if isinstance(event, Ended):
            self.over.set()
        if isinstance(event, Initiated) and self.flow:
            self.runner = DocumentRunner(self.call, PaperDocuments(self.call))
            self.call.spawn(self.runner.run)
        starts = Initiated if self.call.party.direction == "inbound" else Answered
        if self.runner is not None and isinstance(event, starts):
            self.runner.go(verb.First(target=verb.Target(url=self.flow)))
        if self.url:
            fields = {"kind": type(event).__name__, **attrs.asdict(event), "call": self.call.party.vendor_call_id}
            self.call.post(Webhook(kind=type(event).__name__, url=self.url, fields=fields))


@frozen
class PaperDocuments:
    """See ``verbs.Documents``."""

    call: Call

    def request(self, ask: verb.Ask | verb.Understood) -> Webhook:
        fields = {"call": self.call.party.vendor_call_id, "asks": type(ask).__name__, **attrs.asdict(ask)}
        del fields["target"]
        patience = patience_of(ask.target.url, RULES)
        return Webhook(kind="flow", url=ask.target.url, method=ask.target.method, fields=fields, patience=patience)

    def fallback(self, ask: verb.Ask, why: str) -> Webhook | None:
        path = urlsplit(ask.target.url).path
        url = urljoin(ask.target.url, "/spare")
        return Webhook(kind="spare", url=url, fields={"why": why}) if path.startswith("/spared") else None

    def answers(self, one: verb.Verb) -> bool:
        return not isinstance(one, verb.Redirect)

    def read(self, response: HttpResponse, url: str) -> tuple[verb.Verb, ...]:
        return tuple(self._verb(element, url) for element in read_document(response, SHAPES, limit=10_000))

    def _verb(self, element: Any, url: str) -> verb.Verb:
        match element.tag:
            case "Say" | "Pause":
                return _prompt(element)
            case "Keys":
                return verb.SendKeys(digits=element.get("digits"))
            case "Listen":
                return _listen(element, url)
            case "Stream":
                action = element.get("action")
                order = order_stream(element.get("url"), element.get("url").rpartition("/")[2])
                wait = choice(element, "wait", "true", "true", "false") == "true"
                return verb.Connect(order=order, wait=wait, action=_target(action, url) if action else None)
            case "Go":
                return verb.Redirect(target=_target(element.text, url))
            case "Refuse":
                return verb.Reject(busy=choice(element, "reason", "rejected", "rejected", "busy") == "busy")
            case _:
                return verb.HangUp(after_s=integer(element, "after", 0, 0, 60))


def _prompt(element: Any) -> verb.Say | verb.Pause:
    if element.tag == "Pause":
        return verb.Pause(seconds=integer(element, "length", 1, 1, 60))
    return verb.Say(text=element.text, loop=integer(element, "loop", 1, 0, 10))


def _listen(element: Any, url: str) -> verb.Gather:
    partial = element.get("partial")
    return verb.Gather(
        action=_target(element.get("action"), url),
        speech="speech" in element.get("for"),
        keys="keys" in element.get("for"),
        prompts=tuple(_prompt(child) for child in element),
        begin_s=integer(element, "begin", 5, 1, 60),
        speech_end_s=integer(element, "end", 0, 0, 10),
        key_end_s=3,
        finish_on=element.get("finish", "#"),
        most_keys=integer(element, "most", 0, 0, 32),
        when_empty=element.get("empty") == "true",
        partial=_target(partial, url) if partial else None,
        follow=element.get("follow", "true") == "true",
    )


def _target(url: str, base: str) -> verb.Target:
    return verb.Target(url=urljoin(base, url))


def order_stream(url: str, name: str) -> MediaOrder:
    """A stream to ``url`` that is called ``name``."""
    handshake = HttpRequest(method="GET", url=url, headers={"x-paper": "yes"})
    return MediaOrder(handshake=handshake, stream_id=name, framing=PaperFraming(name))


@define
class PaperDialect:
    """``controls`` are its calls, in order."""

    network: Network
    controls: dict[str, PaperControl] = field(factory=dict[str, PaperControl])
    name: str = "paper"
    signature_headers: tuple[str, ...] = ("x-signature",)

    def answer(self, request: HttpRequest) -> HttpResponse:
        """``POST /dial``; ``POST /<call>/document`` or ``/<call>/<ability>``, with its arguments."""
        body = json.loads(request.body or b"{}")
        name, _, ability = urlsplit(request.url).path[1:].partition("/")
        if name == "dial":
            return _json({"call": self._dial(**body)})
        control = self.controls[name]
        if ability == "document":
            assert control.runner is not None
            control.runner.go(verb.Redirected(target=verb.Target(url=body["url"]), by_api=True))
            return _json({"done": True})
        return _json({"done": _use(control.call, ability, body)})

    def _dial(self, to: str, *, url: str = "", flow: str = "", **plan: Any) -> str:
        name = self.network.fresh_id()
        party = Party(vendor_call_id=name, direction="outbound", caller="+15550000000", callee=to)
        self.network.start(party, Plan(**plan), lambda call: self._control(call, url, flow))
        return name

    def offer(self, offer: Offer) -> Call:
        name = self.network.fresh_id()
        party = Party(vendor_call_id=name, direction="inbound", caller=offer.caller, callee=offer.callee)
        plan = Plan(ring_timeout_s=offer.ring_timeout_s)
        script = offer.script
        return self.network.start(
            party, plan, lambda call: self._control(call, offer.status_url, offer.webhook_url), script=script
        )

    def _control(self, call: Call, url: str, flow: str) -> PaperControl:
        made = self.controls[call.party.vendor_call_id] = PaperControl(call, url, flow)
        return made

    def failure(self, status: int) -> HttpResponse:
        return HttpResponse(status=status, body=b"no")

    def sign(self, webhook: Webhook, attempt: int) -> HttpRequest:
        headers = {"x-signature": "right", "x-attempt": str(attempt)}
        if webhook.method == "GET":
            return HttpRequest(method="GET", url=f"{webhook.url}?{urlencode(webhook.fields)}", headers=headers)
        return HttpRequest(method="POST", url=webhook.url, headers=headers, body=json.dumps(webhook.fields).encode())


def _use(call: Call, ability: str, body: dict[str, Any]) -> object:
    match ability:
        case "end":
            return call.end(Ending(why="hangup", by="api"))
        case "open_stream":
            return call.open_stream(order_stream(**body))
        case "gather_keys":
            return call.gather_keys(KeysWanted(**body))
        case _:
            return getattr(call, ability)(**body)


def _json(plain: object) -> HttpResponse:
    return HttpResponse(status=200, body=json.dumps(plain).encode())


@define
class PaperVendor:
    """See ``dialect.Vendor``. ``dialect`` is the one that was opened last."""

    dialect: PaperDialect = field(init=False)

    def account(self, secret: str) -> dict[str, str]:
        return {"secret": secret}

    def open_dialect(self, network: Network, account: Mapping[str, str]) -> PaperDialect:
        self.dialect = PaperDialect(network)
        return self.dialect
