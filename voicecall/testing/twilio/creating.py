"""The parameters of a call that is created or updated (Twilio, "Create a Call resource", "Update a Call resource")."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from attrs import frozen

from voicecall.testing.happenings import Plan
from voicecall.testing.people import BLOCKED
from voicecall.testing.twilio.control import Orders
from voicecall.testing.verbs import Target

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
KEYS = re.compile(r"[0-9A-D#*wW]{1,32}")
TWIML_LIMIT = 4_000
EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
REPEATED = frozenset({"StatusCallbackEvent"})
CREATE = frozenset({
    "To", "From", "Url", "Twiml", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod",
    "StatusCallbackEvent", "SendDigits", "Timeout", "TimeLimit", "MachineDetection", "MachineDetectionTimeout",
    "MachineDetectionSpeechThreshold", "MachineDetectionSpeechEndThreshold", "MachineDetectionSilenceTimeout",
    "AsyncAmd", "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod",
})  # fmt: skip
"""What is simulated of the parameters."""
UPDATE = frozenset({"Status", "Twiml", "Url", "Method"})
THRESHOLDS = {
    "MachineDetectionSpeechThreshold": (1_000, 6_000),
    "MachineDetectionSpeechEndThreshold": (500, 5_000),
    "MachineDetectionSilenceTimeout": (2_000, 10_000),
}

Detection = Literal["", "Enable", "DetectMessageEnd"]
DETECTS: dict[Detection, Literal["off", "result", "greeting"]] = {
    "": "off",
    "Enable": "result",
    "DetectMessageEnd": "greeting",
}

Fields = dict[str, list[str]]


class Refusal(Exception):
    """The request is answered with this status and Twilio's code for it (None: it gives none)."""

    def __init__(self, status: int, code: int | None, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.code = code


@frozen(kw_only=True)
class NewCall:
    """A call that can be made."""

    caller: str
    callee: str
    plan: Plan
    orders: Orders


@frozen(kw_only=True)
class Update:
    """What is wanted of a call: a status, or another document."""

    status: Literal["", "completed", "canceled"] = ""
    target: Target | None = None
    twiml: str = ""


def read(fields: Fields) -> NewCall:
    """The parameters of a new call. Raises ``Refusal``."""
    _known(fields, CREATE)
    callee, caller = _one(fields, "To"), _one(fields, "From")
    if not NUMBER.fullmatch(callee):
        raise Refusal(400, 21211, f"The 'To' number {callee} is not a valid phone number.")
    if callee.startswith(BLOCKED):
        raise Refusal(400, 21216, f"Account not authorized to call {callee}.")
    if not NUMBER.fullmatch(caller):
        raise Refusal(400, 21212, f"The 'From' number {caller} is not a valid phone number.")
    if not ("Url" in fields or "Twiml" in fields):
        raise Refusal(400, 21205, "Url: one of Url, Twiml and ApplicationSid is needed")
    first = _target(fields, "Url", "Method")
    return NewCall(
        caller=caller,
        callee=callee,
        plan=_plan(fields),
        orders=Orders(
            first=first,
            twiml="" if first else _twiml(fields),
            spare=_target(fields, "FallbackUrl", "FallbackMethod"),
            status=_target(fields, "StatusCallback", "StatusCallbackMethod"),
            events=_events(fields),
            detection=_detection(fields),
            amd=_amd(fields),
            send_digits=_digits(fields),
        ),
    )


def read_update(fields: Fields) -> Update:
    """What is wanted of a call. Raises ``Refusal``."""
    _known(fields, UPDATE)
    status = _one(fields, "Status")
    if status not in ("", "completed", "canceled"):
        raise Refusal(400, 20001, f"Status: must be completed or canceled, got {status!r}")
    if "Url" in fields and "Twiml" in fields:
        raise Refusal(400, 20001, "Url and Twiml exclude each other")
    target = _target(fields, "Url", "Method")
    if not (status or target or "Twiml" in fields):
        raise Refusal(400, 20001, "Status, Url or Twiml: one is needed")
    return Update(status=status, target=target, twiml=_twiml(fields) if "Twiml" in fields else "")


def _known(fields: Fields, names: frozenset[str]) -> None:
    for name, values in fields.items():
        if name not in names:
            raise Refusal(400, None, f"{name}: there is no such parameter")
        if len(values) > 1 and name not in REPEATED:
            raise Refusal(400, None, f"{name}: is there twice")


def _one(fields: Fields, name: str) -> str:
    return fields.get(name, [""])[0]


def _twiml(fields: Fields) -> str:
    text = _one(fields, "Twiml")
    if not 0 < len(text) <= TWIML_LIMIT:
        raise Refusal(400, None, f"Twiml: must have 1 to {TWIML_LIMIT} characters, has {len(text)}")
    return text


def _target(fields: Fields, name: str, method_name: str) -> Target | None:
    if name not in fields:
        return None
    url, method = _one(fields, name), _one(fields, method_name) or "POST"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "_" in parts.hostname:
        raise Refusal(400, 21205, f"{name}: {url!r} is not a valid URL")
    if method not in ("POST", "GET"):
        raise Refusal(400, 20001, f"{method_name}: must be GET or POST, got {method!r}")
    return Target(url=url, method=method)


def _events(fields: Fields) -> frozenset[str]:
    wanted = frozenset(fields.get("StatusCallbackEvent", ["completed"]))
    if not wanted <= EVENTS:
        raise Refusal(400, 21626, f"StatusCallbackEvent: {min(wanted - EVENTS)!r} is none of {sorted(EVENTS)}")
    return wanted


def _digits(fields: Fields) -> str:
    digits = _one(fields, "SendDigits")
    if "SendDigits" in fields and not KEYS.fullmatch(digits):
        raise Refusal(400, 20001, f"SendDigits: {digits!r} is not up to 32 keys")
    return digits


def _number(fields: Fields, name: str, least: int, most: int, usual: int) -> int:
    text = _one(fields, name)
    if name not in fields:
        return usual
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise Refusal(400, 20001, f"{name}: must be a number from {least} to {most}, got {text!r}")
    return int(text)


def _detection(fields: Fields) -> Detection:
    wanted = _one(fields, "MachineDetection")
    if wanted not in ("", "Enable", "DetectMessageEnd"):
        raise Refusal(400, 20001, f"MachineDetection: must be Enable or DetectMessageEnd, got {wanted!r}")
    for name, (least, most) in THRESHOLDS.items():
        _number(fields, name, least, most, least)
    # Keys that are sent after the answer switch the detection off.
    return "" if "SendDigits" in fields else wanted


def _amd(fields: Fields) -> Target | None:
    wanted = _one(fields, "AsyncAmd") or "false"
    if wanted not in ("true", "false"):
        raise Refusal(400, 20001, f"AsyncAmd: must be true or false, got {wanted!r}")
    if _one(fields, "AsyncAmdStatusCallbackMethod") not in ("", "POST"):
        raise Refusal(400, 20001, "AsyncAmdStatusCallbackMethod: must be POST")
    target = _target(fields, "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod")
    return target if wanted == "true" else None


def _plan(fields: Fields) -> Plan:
    detection = _detection(fields)
    return Plan(
        ring_timeout_s=float(_number(fields, "Timeout", 1, 600, 60)),
        time_limit_s=float(_number(fields, "TimeLimit", 1, 86_400, 14_400)),
        detect=DETECTS[detection],
        detect_timeout_s=float(_number(fields, "MachineDetectionTimeout", 3, 59, 30)),
    )
