"""What happens in the network, in Telnyx's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from voicecall.events import Instant
from voicecall.testing.happenings import Ending, GreetingEnded, KeysGathered, MachineDetected, Plan

Plain = dict[str, Any]


def stamp(at: Instant) -> str:
    """ISO 8601 with microseconds."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def uuid_of(digits: str) -> str:
    """32 hexadecimal digits as a UUID is written."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def hangup_of(ending: Ending, *, inbound: bool, retry_on_timeout: bool) -> Plain:
    """The part of ``call.hangup`` that says why. The person is an inbound leg's caller, an outbound one's callee."""
    person, ours = ("caller", "callee") if inbound else ("callee", "caller")
    cause, source, sip = "unspecified", "unknown", "503"
    match ending.why:
        case "hangup":
            cause, source, sip = "normal_clearing", person if ending.by == "person" else ours, "200"
        case "completed":
            cause, sip = "normal_clearing", "200"
        case "canceled":
            cause, source, sip = "originator_cancel", "caller", "487"
        case "busy":
            cause, source, sip = "user_busy", "callee", "486"
        case "rejected" | "declined":
            cause, source, sip = "call_rejected", "callee", "603"
        case "no-answer":
            cause, sip = "timeout" if retry_on_timeout else "no_answer", "487"
        case "unreachable":
            cause, source, sip = "not_found", "callee", "404"
        case "time-limit":
            cause, sip = "time_limit", "200"
        case "machine" | "error":
            pass
    return {"hangup_cause": cause, "hangup_source": source, "sip_hangup_cause": sip}


# --- machine detection -----------------------------------------------------------------------------------------------


def plan_of(plain: Plain) -> Plan:
    """What a dial orders."""
    mode = plain.get("answering_machine_detection", "disabled")
    config: Plain = plain.get("answering_machine_detection_config", {})
    decide_ms = config.get("total_analysis_time_millis", 3_500)
    greeting_ms = config.get("greeting_total_analysis_time_millis", 5_000)
    short = mode in ("detect", "detect_words")
    return Plan(
        ring_timeout_s=plain.get("timeout_secs", 30),
        time_limit_s=plain.get("time_limit_secs", 14_400),
        detect="off" if mode == "disabled" else "result" if short else "greeting",
        detect_timeout_s=(decide_ms if short else decide_ms + greeting_ms) / 1000,
    )


def detected(event: MachineDetected, mode: str) -> tuple[str, str]:
    """The event and the result for who answered."""
    if mode.startswith("premium"):
        results = {"human": "human_residence", "machine": "machine", "fax": "fax_detected", "unknown": "not_sure"}
        return "call.machine.premium.detection.ended", results[event.result]
    results = {"human": "human", "machine": "machine", "fax": "machine", "unknown": "not_sure"}
    return "call.machine.detection.ended", results[event.result]


def greeted(event: GreetingEnded, mode: str) -> tuple[str, str]:
    """The event and the result for the end of a machine's greeting."""
    if mode.startswith("premium"):
        results = {"beep": "beep_detected", "silence": "prompt_ended", "other": "no_beep_detected"}
        return "call.machine.premium.greeting.ended", results[event.how]
    ended = "ended" if mode == "greeting_end" else "not_sure"
    return "call.machine.greeting.ended", {"beep": "beep_detected", "silence": ended, "other": "not_sure"}[event.how]


def gathered(event: KeysGathered) -> Plain:
    """The part of ``call.gather.ended`` that says what came of it."""
    statuses = {"canceled": "cancelled", "ended": "call_hangup"}
    return {"digits": event.digits, "status": statuses.get(event.how, event.how)}
