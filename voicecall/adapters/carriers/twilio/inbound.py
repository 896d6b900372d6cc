"""What Twilio tells us: form posts into facts (Twilio, "Twilio's request to your application", "Status callbacks").

Three kinds: *flow* requests are answered with a document (they carry ``flow`` in the URL that we made, or are the first
of an inbound call), *reports* with anything; the rest is kept in Twilio's words. Keys come from what is signed: the
call, and which of our documents led here or the number of the report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen

from voicecall.adapters.carriers.twilio import words
from voicecall.events import AnyEvent, EffectId
from voicecall.events import facts as fact
from voicecall.ports import Heard, HttpRequest, NotUnderstood

DETAIL_LIMIT = 2_000
KEYS = frozenset("0123456789*#ABCDabcd")
KEPT_BACK = frozenset({"CallToken", "StirPassportToken", "AccountSid"})
"""Fields that are not kept in a journal."""
REPORTED = ("TranscriptionEvent", "StreamEvent", "RecordingStatus", "CallStatus")
"""Whose value names a request that moves nothing."""


@frozen(kw_only=True)
class Told:
    """One request: the fields Twilio sent, and the parameters of our own URL."""

    fields: Mapping[str, str]
    ours: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def inbound(self) -> bool:
        """Whether they called us."""
        return self["Direction"] == "inbound"

    @property
    def keys(self) -> str:
        """What was pressed: Twilio tells the key that ended it apart from the others (it need not tell it at all)."""
        return self["Digits"] + self["FinishedOnKey"]


def decode(request: HttpRequest) -> tuple[Heard, ...]:
    """The facts in a verified request. Raises ``NotUnderstood`` naming the field."""
    told = _read(request)
    if not told["CallSid"]:
        raise NotUnderstood("CallSid: is missing")
    if "flow" in told.ours:
        return _flow(told)
    if told.ours.get("report") == "amd" or ("AnsweredBy" in told.fields and "CallStatus" not in told.fields):
        return _machine(told)
    if told.ours.get("report") == "status" or told["CallbackSource"] == "call-progress-events":
        return (_heard(told, f"status:{told['SequenceNumber'] or told['CallStatus']}", _status(told)),)
    if told.inbound and told["CallStatus"] == "ringing" and "CallbackSource" not in told.fields:
        return (_offer(told),)
    return (_heard(told, _digest(told), _kept(told)),)


def _read(request: HttpRequest) -> Told:
    try:
        query = urlsplit(request.url).query
        ours = _parameters(query)
        fields = _parameters(query if request.method == "GET" else request.body.decode("utf-8"))
        failed = _parameters(urlsplit(fields.get("ErrorUrl", "")).query)
        if "flow" in failed:
            # The fallback, a call's or a number's, asks in the place of a URL of ours whose answer was of no use, with
            # the same key: the answer is the first one, if there was any.
            ours = {**ours, **failed}
    except ValueError as error:
        raise NotUnderstood(f"the body is not a form: {error}") from error
    return Told(fields=fields, ours=ours)


def _parameters(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True, errors="strict"))


def _heard(told: Told, key: str, event: AnyEvent, *, flow: bool = False, asks: str = "") -> Heard:
    return Heard(
        key=f"twilio:{told['CallSid']}:{key}",
        event=event,
        call_id=told.ours.get("callId", ""),
        vendor_call_id=told["CallSid"],
        flow=flow,
        asks=asks,
    )


# --- flow requests ---------------------------------------------------------------------------------------------------


def _offer(told: Told) -> Heard:
    return Heard(
        key=f"twilio:{told['CallSid']}:offer",
        vendor_call_id=told["CallSid"],
        offer=True,
        caller=words.caller(told["From"]),
        callee=told["To"],
        flow=True,
    )


def _flow(told: Told) -> tuple[Heard, ...]:
    """One request after a document of ours: what became of it, and then what the caller said or that we are asked."""
    flow, nonce = told.ours["flow"], told.ours.get("n", "")
    spoken, effect_id = told.ours.get("u", ""), told.ours.get("e", "")
    facts: list[AnyEvent] = []
    if spoken.isascii() and spoken.isdigit() and len(spoken) < 10 and effect_id:
        # The person may have begun while we spoke; that shows in the time it took, which is not the codec's business.
        cut = told.ours.get("cut") == "1" and bool(told["SpeechResult"].strip() or told.keys)
        facts.append(_said(EffectId(effect_id), int(spoken), cut=cut))
    facts += [*_answerer(told), _asked(told, flow)]
    last = len(facts) - 1
    asks = effect_id if flow == "asked" else ""
    return tuple(
        _heard(told, f"flow:{flow}:{nonce}:{index}", one, flow=index == last, asks=asks if index == last else "")
        for index, one in enumerate(facts)
    )


def _said(effect_id: EffectId, utterance: int, *, cut: bool) -> fact.PlaybackFinished:
    return fact.PlaybackFinished(settles=effect_id, utterance=utterance, heard_ms=0, interrupted=cut, told="carrier")


def _answerer(told: Told) -> tuple[AnyEvent, ...]:
    """A flow request that waited for the machine detection brings its result along."""
    return words.machine(told["AnsweredBy"]) if told["AnsweredBy"] and told.ours["flow"] == "answer" else ()


def _asked(told: Told, flow: str) -> AnyEvent:
    if told["CallStatus"] in words.ENDINGS:
        # Nobody is there any more to follow instructions; of an inbound call this may be all that we are told.
        return words.ended(told["CallStatus"], inbound=told.inbound)
    match flow:
        case "answer" | "fallback" if told["CallStatus"] == "in-progress":
            return fact.CallAnswered(by=_by(told["AnsweredBy"]), vendor_call_id=told["CallSid"])
        case "turn" if told["SpeechResult"].strip():
            return fact.CallerSaid(text=told["SpeechResult"].strip(), confidence=_confidence(told["Confidence"]))
        case "turn" if told.keys and KEYS.issuperset(told.keys):
            return fact.DigitsPressed(digits=told.keys.upper())
        case "turn":
            return fact.FlowAsked(after="silence")
        case "said":
            return fact.FlowAsked(after="speech")
        case "wait" | "stream":
            return fact.FlowAsked(after=flow)
        case _:
            return fact.FlowAsked()


def _by(answered_by: str) -> Literal["human", "machine", "unknown"]:
    if answered_by == "human":
        return "human"
    return "machine" if answered_by.startswith("machine") or answered_by == "fax" else "unknown"


def _confidence(text: str) -> float:
    """0 to 1; some models give none, and then nothing speaks against the words."""
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 1.0


# --- reports ---------------------------------------------------------------------------------------------------------


def _machine(told: Told) -> tuple[Heard, ...]:
    answered_by = told["AnsweredBy"]
    if not answered_by:
        raise NotUnderstood("AnsweredBy: is missing")
    return tuple(
        _heard(told, f"amd:{answered_by}:{index}", one) for index, one in enumerate(words.machine(answered_by))
    )


def _status(told: Told) -> AnyEvent:
    match told["CallStatus"]:
        case "ringing":
            return fact.CallRinging(vendor_call_id=told["CallSid"])
        case "in-progress":
            return fact.CallAnswered(vendor_call_id=told["CallSid"])
        case status if status in words.ENDINGS:
            return words.ended(status, inbound=told.inbound, sip_code=told["SipResponseCode"])
        case _:
            return _kept(told)


def _kept(told: Told) -> fact.VendorReported:
    """A request that moves nothing, in Twilio's words."""
    status = next((f"{name}={told[name]}" for name in REPORTED if told[name]), "request")
    detail = "&".join(f"{name}={value}" for name, value in sorted(told.fields.items()) if name not in KEPT_BACK)
    return fact.VendorReported(status=status, code=told["ErrorCode"], detail=detail[:DETAIL_LIMIT])


def _digest(told: Told) -> str:
    text = "\n".join(f"{name}={value}" for name, value in sorted({**told.ours, **told.fields}.items()))
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
