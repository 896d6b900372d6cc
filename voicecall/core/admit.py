"""Whether a request may become a fact. Facts are never refused; requests can be."""

from __future__ import annotations

import re

from voicecall.core.requests import Ask, EndCall, OpenStream, PlaceCall, PressDigits, Refused, Say, Wish
from voicecall.core.state import CallState, Media, Phase
from voicecall.events import RULES, AnyEvent, Mode, Policy
from voicecall.events import facts as fact

LONGEST_MESSAGE = 3_000
"""Characters of one message that every carrier's own voice takes at a time: more is refused, not cut."""
DIGITS = re.compile(r"[0-9*#A-Da-dwWpP,]+")


def admit(state: CallState, request: Wish) -> AnyEvent | Refused:
    """The fact that ``request`` becomes in ``state``, or why not (the texts users of the reference know)."""
    if isinstance(request, PlaceCall):
        return _placed(state, request)
    if state.phase is Phase.NEW:
        return Refused(code="not-found", reason="Call not found")
    if state.phase is Phase.ENDED:
        return Refused(code="ended", reason=f"Call has ended (endReason={state.end_reason})")
    if isinstance(request, EndCall):
        return fact.HangupRequested(reason=request.reason, by=request.by)
    if isinstance(request, OpenStream):
        return _opened(state, request)
    if state.phase is not Phase.LIVE:
        return Refused(code="not-connected", reason=f"Call not connected (state={state.phase.value})")
    if state.streams and state.media is not Media.OPEN and not isinstance(request, PressDigits):
        return Refused(code="not-connected", reason="Call not connected (its media stream is not open; try again)")
    return _in_call(state, request)


def _in_call(state: CallState, request: Say | Ask | PressDigits) -> AnyEvent | Refused:
    match request:
        case Say(text=text) | Ask(text=text) if not text.strip():
            return Refused(code="bad-request", reason="message: must not be empty; say what should be said")
        case Say(text=text) | Ask(text=text) if state.by_carrier and len(text) > LONGEST_MESSAGE:
            most = f"at most {LONGEST_MESSAGE} characters where the carrier speaks"
            return Refused(code="bad-request", reason=f"message: {most}, got {len(text)}; say it in parts")
        case Say():
            return fact.SayRequested(text=request.text, by=request.by)
        case Ask() if state.waiting_since:
            return Refused(code="busy", reason="Already waiting for transcript")
        case Ask():
            return fact.ListenRequested(text=request.text, by=request.by)
        case PressDigits() if not DIGITS.fullmatch(request.digits):
            return _no_keys("digits", request.digits)
        case _:
            return fact.DigitsRequested(digits=request.digits, by=request.by)


def unsuited(policy: Policy) -> Refused | None:
    """Why nobody can be called like this, if so."""
    if not policy.keys:
        return None
    if not DIGITS.fullmatch(policy.keys):
        return _no_keys("dtmfSequence", policy.keys)
    if policy.mode is not Mode.CONVERSATION:
        return Refused(code="bad-request", reason="dtmfSequence requires conversation mode")
    return None


def _no_keys(name: str, digits: str) -> Refused:
    reason = f"{name}: may only contain 0-9, *, #, A-D, w, p and comma, got {digits!r}"
    return Refused(code="bad-request", reason=reason)


def _placed(state: CallState, request: PlaceCall) -> AnyEvent | Refused:
    if state.phase is not Phase.NEW:
        return Refused(code="busy", reason="This call has been placed already")
    return fact.CallPlaced(
        carrier=request.carrier,
        caller=request.caller,
        callee=request.callee,
        policy=request.policy,
        rules=RULES,
        by=request.by,
        request_id=request.request_id,
    )


def _opened(state: CallState, request: OpenStream) -> AnyEvent | Refused:
    if state.phase is Phase.ENDING:
        return Refused(code="ended", reason="Unknown call")
    if request.ticket in state.tickets:
        return Refused(code="busy", reason="Ticket already used")
    if state.media is Media.OPEN:
        return Refused(code="busy", reason="Media stream already open")
    return fact.MediaOpened(
        stream_id=request.stream_id,
        encoding=request.encoding,
        sample_rate=request.sample_rate,
        ticket=request.ticket,
    )
