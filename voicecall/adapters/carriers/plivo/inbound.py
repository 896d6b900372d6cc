"""What Plivo tells us: form posts into facts (Plivo, "Voice webhooks", "Hangup causes").

Three kinds: *flow* requests are answered with a document (they carry ``flow`` in the URL that we made, or are the first
of an inbound call), *reports* with anything; the rest is kept in Plivo's words. There is no event id: a key is the
call, and which of our documents led here or what is reported of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen

from voicecall.adapters.carriers.plivo import words
from voicecall.events import AnyEvent, EffectId
from voicecall.events import facts as fact
from voicecall.ports import Heard, HttpRequest, NotUnderstood

DETAIL_LIMIT = 2_000
KEYS = frozenset("0123456789*#ABCDabcd")
KEPT_BACK = frozenset({"ParentAuthID", "TotalCost", "BillRate"})
"""Fields that are not kept in a journal."""


@frozen(kw_only=True)
class Told:
    """One request: the fields Plivo sent, and the parameters of our own URL."""

    fields: Mapping[str, str]
    ours: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def inbound(self) -> bool:
        """Whether they called us."""
        return self["Direction"] == "inbound"


def decode(request: HttpRequest) -> tuple[Heard, ...]:
    """The facts in a verified request. Raises ``NotUnderstood`` naming the field."""
    told = _read(request)
    if not told["CallUUID"]:
        raise NotUnderstood("CallUUID: is missing")
    if told["Event"] == "Hangup" or "HangupCause" in told.fields:
        return (_heard(told, "hangup", _ended(told)),)
    if "flow" in told.ours:
        return _flow(told)
    if told["Event"] == "MachineDetection":
        return (_heard(told, "amd", _detected(told)),)
    if told.inbound and told["CallStatus"] == "ringing" and told["Event"] in ("", "StartApp"):
        return (_offer(told),)
    if told["Event"] == "Ring":
        return (_heard(told, "ring", fact.CallRinging(vendor_call_id=told["CallUUID"])),)
    return (_heard(told, _digest(told), _kept(told)),)


def _read(request: HttpRequest) -> Told:
    try:
        query = urlsplit(request.url).query
        ours = _parameters(query)
        fields = _parameters(query if request.method == "GET" else request.body.decode("utf-8"))
        if "FailedUrl" in fields and ours.get("flow", "fallback") == "fallback":
            # A fallback asks in place of a URL of ours whose answer was of no use, with the same key: so the answer is
            # the first one, if there was any.
            call = {name: ours[name] for name in ("callId",) if name in ours}
            ours = {**ours, **_parameters(urlsplit(fields["FailedUrl"]).query), **call}
    except ValueError as error:
        raise NotUnderstood(f"the body is not a form: {error}") from error
    return Told(fields=fields, ours=ours)


def _parameters(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True, errors="strict"))


def _heard(told: Told, key: str, event: AnyEvent, *, flow: bool = False, asks: str = "") -> Heard:
    return Heard(
        key=f"plivo:{told['CallUUID']}:{key}",
        event=event,
        call_id=told.ours.get("callId", ""),
        vendor_call_id=told["CallUUID"],
        flow=flow,
        asks=asks,
    )


def number(text: str) -> str:
    """E.164 with its plus, which Plivo usually leaves out; addresses that are not numbers as they are."""
    return f"+{text}" if text.isascii() and text.isdigit() and len(text) > 6 else text


# --- flow requests ---------------------------------------------------------------------------------------------------


def _offer(told: Told) -> Heard:
    return Heard(
        key=f"plivo:{told['CallUUID']}:offer",
        vendor_call_id=told["CallUUID"],
        offer=True,
        caller=number(words.caller(told["From"])),
        callee=number(told["To"]),
        flow=True,
    )


def _flow(told: Told) -> tuple[Heard, ...]:
    """One request after a document of ours: what became of it, and then what the caller said or that we are asked."""
    flow, nonce = told.ours["flow"], told.ours.get("n", "")
    spoken, effect_id = told.ours.get("u", ""), told.ours.get("e", "")
    facts: list[AnyEvent] = []
    asked = _asked(told, flow)
    if flow != "asked" and spoken.isascii() and spoken.isdigit() and len(spoken) < 10 and effect_id:
        # The person may have begun while we spoke; that shows in the time it took, which is not the codec's business.
        cut = told.ours.get("cut") == "1" and isinstance(asked, fact.CallerSaid | fact.DigitsPressed)
        facts.append(
            fact.PlaybackFinished(
                settles=EffectId(effect_id), utterance=int(spoken), heard_ms=0, interrupted=cut, told="carrier"
            )
        )
    if flow == "answer" and told["Machine"]:
        facts.append(_detected(told))
    facts.append(asked)
    last = len(facts) - 1
    asks = effect_id if flow == "asked" else ""
    return tuple(
        _heard(told, f"flow:{flow}:{nonce}:{index}", one, flow=index == last, asks=asks if index == last else "")
        for index, one in enumerate(facts)
    )


def _asked(told: Told, flow: str) -> AnyEvent:
    match flow:
        case "answer" | "fallback" if told["CallStatus"] == "in-progress":
            by = "machine" if told["Machine"] == "true" else "unknown"
            return fact.CallAnswered(by=by, vendor_call_id=told["CallUUID"])
        case "turn" if told["Speech"].strip():
            confidence = _confidence(told["SpeechConfidenceScore"])
            return fact.CallerSaid(text=told["Speech"].strip(), confidence=confidence)
        case "turn" if told["Digits"] and KEYS.issuperset(told["Digits"]):
            return fact.DigitsPressed(digits=told["Digits"].upper())
        case "turn" | "silence":
            return fact.FlowAsked(after="silence")
        case "said":
            return fact.FlowAsked(after="speech")
        case "wait" | "stream":
            return fact.FlowAsked(after=flow)
        case _:
            return fact.FlowAsked()


def _detected(told: Told) -> fact.MachineDetected:
    results: dict[str, Literal["human", "machine"]] = {"true": "machine", "false": "human"}
    return fact.MachineDetected(
        result=results.get(told["Machine"], "unknown"), vendor_word=f"Machine={told['Machine']}"
    )


def _confidence(text: str) -> float:
    """0 to 1; where there is none, nothing speaks against the words."""
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 1.0


# --- reports ---------------------------------------------------------------------------------------------------------


def _ended(told: Told) -> fact.CallEnded:
    return words.ended(
        told["CallStatus"],
        told["HangupCauseCode"],
        told["HangupSource"],
        inbound=told.inbound,
        name=told["HangupCauseName"],
    )


def _kept(told: Told) -> fact.VendorReported:
    """A request that moves nothing, in Plivo's words."""
    status = told["Event"] or told["CallStatus"] or "request"
    detail = "&".join(f"{name}={value}" for name, value in sorted(told.fields.items()) if name not in KEPT_BACK)
    return fact.VendorReported(status=status, code=told["StatusReason"], detail=detail[:DETAIL_LIMIT])


def _digest(told: Told) -> str:
    text = "\n".join(f"{name}={value}" for name, value in sorted({**told.ours, **told.fields}.items()))
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
