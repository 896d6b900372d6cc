"""What a command does to a call (Telnyx, "Call Commands"). Its answer means accepted; an event tells the rest."""

from __future__ import annotations

from typing import Any

from voicecall.testing.happenings import Ending, KeysWanted
from voicecall.testing.telnyx import errors
from voicecall.testing.telnyx.control import TelnyxControl
from voicecall.testing.telnyx.fields import ACTIONS, INTERIM, check
from voicecall.testing.telnyx.media import terms_of

Plain = dict[str, Any]
UNANSWERED = frozenset({"answer", "reject", "hangup", "client_state_update"})
"""Commands that a call takes before it is answered."""


def command(control: TelnyxControl, action: str, plain: Plain) -> None:
    """Carry it out, once for each ``command_id``. Raises ``TelnyxError``."""
    if action not in ACTIONS:
        raise errors.not_found()
    call, name = control.call, plain.get("command_id")
    if name in control.commands:
        return
    if call.over:
        raise errors.ended()
    check(plain, ACTIONS[action])
    if action == "answer" and not control.inbound:
        raise errors.not_ours_to_answer()
    if action not in UNANSWERED and not call.answered:
        raise errors.not_answered()
    control.commanded = True
    _carry_out(control, action, plain)
    if isinstance(name, str):
        control.commands.add(name)


def take_state(control: TelnyxControl, plain: Plain) -> None:
    """What every command may replace: the state to be echoed and, some, where webhooks go."""
    control.client_state = plain.get("client_state", control.client_state)
    control.url = plain.get("webhook_url", control.url)
    policies: dict[str, Plain] = plain.get("webhook_retries_policies", {})
    control.retries_ms |= {kind: tuple(one["retries_ms"]) for kind, one in policies.items()}


def _carry_out(control: TelnyxControl, action: str, plain: Plain) -> None:
    match action:
        case "answer" | "reject" | "hangup" | "client_state_update":
            _settle(control, action, plain)
        case "streaming_start" | "streaming_stop":
            _stream(control, action, plain)
        case "transcription_start" | "transcription_stop":
            _transcribe(control, action, plain)
        case _:
            _sound(control, action, plain)


def _settle(control: TelnyxControl, action: str, plain: Plain) -> None:
    call = control.call
    if action in ("answer", "reject") and (call.answered or not control.inbound):
        raise errors.invalid("call_control_id", f"the call cannot take {action} now")
    terms = terms_of(plain) if action == "answer" else None
    take_state(control, plain)
    match action:
        case "answer":
            control.terms = terms
            call.pick_up()
        case "reject":
            call.end(Ending(why="busy" if plain["cause"] == "USER_BUSY" else "rejected", by="api"))
        case "hangup":
            unanswered = "rejected" if control.inbound else "canceled"
            call.end(Ending(why="hangup" if call.answered else unanswered, by="api"))
        case _:
            pass


def _stream(control: TelnyxControl, action: str, plain: Plain) -> None:
    call = control.call
    if action == "streaming_stop":
        take_state(control, plain)
        call.close_stream()
        return
    terms = terms_of(plain)
    if call.streaming:
        raise errors.streaming_already()
    take_state(control, plain)
    if terms is not None:
        control.open_stream(terms)


def _transcribe(control: TelnyxControl, action: str, plain: Plain) -> None:
    if action == "transcription_stop":
        if not control.engine:
            raise errors.not_transcribing()
        take_state(control, plain)
        control.engine = ""
        control.call.transcribe("off")
        return
    if control.engine:
        raise errors.transcribing_already()
    engine = str(plain.get("transcription_engine", "Google"))
    config: Plain = plain.get("transcription_engine_config", {})
    if config.get("transcription_engine", engine) != engine:
        raise errors.invalid("transcription_engine_config", f"is not for {engine}")
    if "interim_results" in config and engine not in INTERIM:
        raise errors.invalid("transcription_engine_config", f"{engine} has no interim_results")
    take_state(control, plain)
    control.engine = engine
    if plain.get("transcription_tracks", "inbound") != "outbound":
        control.call.transcribe("interim" if config.get("interim_results") else "final")


def _sound(control: TelnyxControl, action: str, plain: Plain) -> None:
    call = control.call
    take_state(control, plain)
    match action:
        case "speak":
            if (which := plain.get("stop")) is not None:
                call.stop_speaking(everything=which == "all")
            call.speak(plain.get("command_id") or control.network.fresh_id(), plain["payload"])
        case "playback_stop":
            call.stop_speaking(everything=plain.get("stop", "all") == "all")
        case "gather":
            if not call.gather_keys(_wanted(plain)):
                raise errors.invalid("gather_id", "keys are being gathered already")
        case "gather_stop":
            call.stop_gathering()
        case "send_dtmf":
            call.send_keys(plain["digits"])
        case _:
            raise AssertionError(action)


def _wanted(plain: Plain) -> KeysWanted:
    return KeysWanted(
        name=plain.get("gather_id", ""),
        minimum=plain.get("minimum_digits", 1),
        maximum=plain.get("maximum_digits", 128),
        finish_on=plain.get("terminating_digit", "#"),
        valid=plain.get("valid_digits", "0123456789#*"),
        first_s=plain.get("initial_timeout_millis", 5_000) / 1000,
        between_s=plain.get("inter_digit_timeout_millis", 5_000) / 1000,
        total_s=plain.get("timeout_millis", 60_000) / 1000,
    )
