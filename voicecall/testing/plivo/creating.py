"""The fields of requests to the API, checked as the reference's tables have them (Plivo, "Make a call")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from attrs import frozen

from voicecall.testing.happenings import Plan
from voicecall.testing.json_api import Plain, Refusal
from voicecall.testing.plivo.control import Orders
from voicecall.testing.plivo.documents import Terms
from voicecall.testing.plivo.xml import check_headers, check_stream_url
from voicecall.testing.verbs import BadDocument, Target

NUMBER = re.compile(r"\+?[1-9][0-9]{6,14}")
KEYS = re.compile(r"[0-9A-D*#wW]+")
MOST_CALLEES = 1_000
CREATE = frozenset({
    "from", "to", "answer_url", "answer_method", "ring_url", "ring_method", "hangup_url", "hangup_method",
    "fallback_url", "fallback_method", "caller_name", "send_digits", "time_limit", "ring_timeout", "machine_detection",
    "machine_detection_time", "machine_detection_url", "machine_detection_method",
    "machine_detection_maximum_speech_length", "machine_detection_initial_silence",
})  # fmt: skip
"""What is simulated of the fields."""
DETECTION = {
    "machine_detection_time": (2_000, 10_000),
    "machine_detection_maximum_speech_length": (1_000, 6_000),
    "machine_detection_initial_silence": (2_000, 10_000),
}
TRANSFER = frozenset({"legs", "aleg_url", "aleg_method"})
STREAM = frozenset({
    "service_url", "bidirectional", "audio_track", "stream_timeout", "status_callback_url", "status_callback_method",
    "content_type", "extra_headers",
})  # fmt: skip


@frozen(kw_only=True)
class NewCall:
    """A call that can be made, to each of the ``callees``."""

    caller: str
    callees: tuple[str, ...]
    plan: Plan
    orders: Orders


@frozen(kw_only=True)
class NewStream:
    """A media stream that can be opened."""

    terms: Terms
    headers: str
    bidirectional: bool


def read_call(fields: Plain) -> NewCall:
    """The fields of a new call. Raises ``Refusal``."""
    known(fields, CREATE)
    answer = target(fields, "answer_url", "answer_method")
    if answer is None:
        raise Refusal(400, "answer_url parameter is missing")
    callees = text(fields, "to").split("<")
    if len(callees) > MOST_CALLEES:
        raise Refusal(400, f"to: more than {MOST_CALLEES} destinations")
    detection = _detection(fields)
    limits = {name: whole(fields, name, 5_000, *bounds) for name, bounds in DETECTION.items()}
    digits = text(fields, "send_digits")
    if digits and not KEYS.fullmatch(digits):
        raise Refusal(400, "send_digits: are no keys")
    if len(text(fields, "caller_name")) > 50:
        raise Refusal(400, "caller_name: more than 50 characters")
    return NewCall(
        caller=_number(fields, "from", text(fields, "from")),
        callees=tuple(_number(fields, "to", one) for one in callees),
        plan=Plan(
            ring_timeout_s=whole(fields, "ring_timeout", 120, 1, 3_600),
            time_limit_s=whole(fields, "time_limit", 14_400, 1, 86_400),
            detect="result" if detection else "off",
            detect_timeout_s=limits["machine_detection_time"] / 1000,
        ),
        orders=Orders(
            answer=answer,
            ring=target(fields, "ring_url", "ring_method"),
            hangup=target(fields, "hangup_url", "hangup_method"),
            spare=target(fields, "fallback_url", "fallback_method"),
            detection=detection,
            amd=target(fields, "machine_detection_url", "machine_detection_method"),
            send_digits=digits,
        ),
    )


def read_transfer(fields: Plain) -> Target:
    """Where a call should go on. Raises ``Refusal``."""
    known(fields, TRANSFER)
    if text(fields, "legs") not in ("", "aleg"):
        raise Refusal(400, "legs: only aleg is simulated")
    found = target(fields, "aleg_url", "aleg_method")
    if found is None:
        raise Refusal(400, "aleg_url parameter is missing")
    return found


def read_stream(fields: Plain) -> NewStream:
    """A media stream. Raises ``Refusal``."""
    known(fields, STREAM)
    headers = text(fields, "extra_headers")
    bidirectional = fields.get("bidirectional", False)
    if not isinstance(bidirectional, bool):
        raise Refusal(400, "bidirectional: must be true or false")
    if bidirectional and text(fields, "audio_track") not in ("", "inbound"):
        raise Refusal(400, "audio_track: a bidirectional stream has the inbound track")
    if text(fields, "content_type") != "audio/x-mulaw;rate=8000":
        raise Refusal(400, "content_type: only audio/x-mulaw;rate=8000 is simulated")
    try:
        check_stream_url(text(fields, "service_url"))
        check_headers(headers)
    except BadDocument as error:
        raise Refusal(400, f"service_url, extra_headers: {error}") from error
    terms = Terms(
        url=text(fields, "service_url"),
        timeout_s=whole(fields, "stream_timeout", 86_400, 1, 86_400),
        status=target(fields, "status_callback_url", "status_callback_method"),
    )
    return NewStream(terms=terms, headers=headers, bidirectional=bidirectional)


def keys_of(fields: Plain) -> str:
    """Keys to be pressed. Raises ``Refusal``."""
    known(fields, frozenset({"digits", "leg"}))
    if text(fields, "leg") not in ("", "aleg"):
        raise Refusal(400, "leg: only aleg is simulated")
    digits = text(fields, "digits")
    if not KEYS.fullmatch(digits):
        raise Refusal(400, "digits: are no keys" if digits else "digits parameter is missing")
    return digits


# --- fields ----------------------------------------------------------------------------------------------------------


def known(fields: Mapping[str, Any], names: frozenset[str]) -> None:
    """Plivo overlooks what it does not know; here it is an error."""
    for name in fields.keys() - names:
        raise Refusal(400, f"{name}: there is no such field")


def text(fields: Plain, name: str) -> str:
    """A field that is text, or ""."""
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise Refusal(400, f"{name}: must be text")
    return value


def whole(fields: Plain, name: str, usual: int, least: int, most: int) -> int:
    """A whole number, as number or text."""
    value = fields.get(name, usual)
    found = int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,6}", value) else value
    if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
        raise Refusal(400, f"{name}: must be a whole number from {least} to {most}, got {value!r}")
    return found


def target(fields: Plain, name: str, method_name: str) -> Target | None:
    """Where Plivo should ask or tell something."""
    url, method = text(fields, name), text(fields, method_name) or "POST"
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refusal(400, f"{name}: {url!r} is not a valid URL")
    if method not in ("POST", "GET"):
        raise Refusal(400, f"{method_name}: must be GET or POST")
    return Target(url=url, method=method)


def _number(fields: Plain, name: str, number: str) -> str:
    if name not in fields:
        raise Refusal(400, f"{name} parameter is missing")
    if not NUMBER.fullmatch(number):
        raise Refusal(400, f"{name}: {number!r} is not a valid phone number")
    return "+" + number.removeprefix("+")


def _detection(fields: Plain) -> Literal["", "true", "hangup"]:
    match fields.get("machine_detection", ""):
        case "" | "false" | False:
            return ""
        case "true" | True:
            return "true"
        case "hangup":
            return "hangup"
        case _:
            raise Refusal(400, "machine_detection: must be true or hangup")
