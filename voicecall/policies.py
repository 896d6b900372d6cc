"""From configuration to the policy that goes into a call's first fact. Pure."""

from __future__ import annotations

import re

from attrs import evolve

from voicecall.config import Config, route_for
from voicecall.config.root import number_for
from voicecall.config.speech import Tts
from voicecall.config.voices import tts_for
from voicecall.core.pairing import spoken
from voicecall.events import Mode, Patience, Policy
from voicecall.events.policy import DEFAULT_POLICY, OnMachine, VoiceFallback
from voicecall.ports import Capability

SILENT_DETECTION_MS = 8_000
"""How long a detection that says nothing of people may take: the 5 s that such a carrier is asked for, and the way."""
GREETING = "Hello! How can I help you today?"
"""What a caller hears when no greeting is configured."""
ALIKE = {
    "alloy": "Joanna",
    "echo": "Matthew",
    "fable": "Amy",
    "onyx": "Brian",
    "nova": "Salli",
    "shimmer": "Kimberly",
}
"""Amazon Polly's voices that stand in for OpenAI's where Twilio speaks (the reference's table)."""
USUALLY = "Joanna"
_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]*")
"""A telephone number as carriers write it. The user of a SIP address may look like one and is whatever they like."""


def outbound_policy(
    config: Config,
    *,
    message: str,
    mode: Mode | None,
    capabilities: frozenset[Capability],
    keys: str = "",
    session: str = "",
    requester: str = "",
) -> Policy:
    """For a call that we place; the configured default mode where none is asked for. Whoever is reached by ``keys`` is
    behind a machine, so there nobody looks for one."""
    mode = mode or Mode(config.outbound.default_mode)
    policy = _policy(config, greeting=message, mode=mode, verdict="accept", capabilities=capabilities)
    policy = evolve(policy, keys=keys, session=session, requester=requester)
    if keys or Capability.MACHINE_DETECTION not in capabilities:
        return policy
    usual: OnMachine = "message" if mode is Mode.NOTIFY else "hangup"
    tells = Capability.PERSON_DETECTION in capabilities
    limit_ms = policy.detection_ms if tells else min(policy.detection_ms, SILENT_DETECTION_MS)
    return evolve(policy, on_machine=config.outbound.on_machine or usual, detection_ms=limit_ms)


def inbound_policy(
    config: Config,
    *,
    caller: str,
    callee: str,
    capabilities: frozenset[Capability],
    paired: bool = False,
    code: str = "",
) -> Policy:
    """For a call that we are offered: the greeting of the dialed number, and whether the caller may come in.

    ``paired``: the operator has let them in; ``code``: what an unknown caller is told instead of being let in.
    """
    route = route_for(config, callee)
    greetings = (route.inbound_greeting if route else None, config.inbound_greeting)
    greeting = next((one for one in greetings if one and one.strip()), GREETING)
    word = verdict(config, caller, paired=paired)
    if word != "accept" and code:
        text = config.phrases.pairing.replace("{code}", spoken(code))
        policy = _policy(config, greeting=text, mode=Mode.NOTIFY, verdict="accept", capabilities=capabilities)
    else:
        policy = _policy(config, greeting=greeting, mode=Mode.CONVERSATION, verdict=word, capabilities=capabilities)
    number = number_for(config, callee)
    if number is None or not config.numbers[number].tts:
        return policy
    return evolve(policy, voice=carrier_voice(config, tts_for(config, number)))


def carrier_voice(config: Config, tts: Tts) -> str:
    """What the carrier's own voice is called that is most like the configured one; "" is the carrier's usual one."""
    if config.provider != "twilio":
        return ""
    voice = tts.providers.openai.voice if tts.provider in (None, "openai") else ""
    if voice.startswith(("Polly.", "Google.")):
        return voice
    return f"Polly.{ALIKE.get(voice.lower(), USUALLY)}"


def full_policy(config: Config, policy: Policy) -> Policy:
    """For a caller for whom no line is free, where they are to be told so in words."""
    return evolve(policy, greeting=config.phrases.busy, mode=Mode.NOTIFY)


def reply_timeout_ms(config: Config, dialed: str) -> int:
    """How long the agent may take for a turn of a call to our number ``dialed`` ("" when we called)."""
    route = route_for(config, dialed)
    return (route.response_timeout_ms if route else None) or config.response_timeout_ms


def streams(config: Config, capabilities: frozenset[Capability]) -> bool:
    """Whether a call's sound comes to us: where that is wanted, or where the carrier has no voice of its own."""
    return Capability.STREAM in capabilities and (config.streaming.enabled or Capability.SPEAK not in capabilities)


def known_phrases(config: Config, capabilities: frozenset[Capability], number: str = "") -> tuple[str, ...]:
    """What calls that stream will probably say: to a caller first, and by ourselves. With ``number``, calls to it; else
    calls to all numbers that have no voice of their own."""
    if not streams(config, capabilities):
        return ()
    phrases = (config.phrases.filler, config.phrases.apology, DEFAULT_POLICY.return_phrase)
    if config.inbound_policy == "disabled":
        return () if number else phrases
    usual = config.inbound_greeting or GREETING
    if number:
        greetings = [config.numbers[number].inbound_greeting or usual]
    else:
        routes = (route.inbound_greeting for route in config.numbers.values() if not route.tts)
        greetings = [usual, *(one for one in routes if one)]
    return tuple(dict.fromkeys((*(one.strip() for one in greetings), *phrases)))


def voice_fallback(capabilities: frozenset[Capability]) -> VoiceFallback:
    """How a carrier's own voice may speak on a streamed call when none of ours can."""
    if Capability.SPEAK_BESIDE in capabilities:
        return "beside"
    return "instead" if {Capability.SPEAK, Capability.LISTEN} <= capabilities else "none"


def verdict(config: Config, caller: str, *, paired: bool = False) -> str:
    """``accept``, or why not. Screening by caller ID is not authentication; a withheld number matches nothing."""
    match config.inbound_policy:
        case "open":
            return "accept"
        case "disabled":
            return "disabled"
        case "allowlist" | "pairing":
            digits = _digits(caller) if _NUMBER.fullmatch(caller) else ""
            allowed = digits and any(digits == _digits(number) for number in config.allow_from)
            return "accept" if allowed or paired else "not-allowed"


def _digits(number: str) -> str:
    return "".join(character for character in number if character.isascii() and character.isdigit())


def _policy(config: Config, *, greeting: str, mode: Mode, verdict: str, capabilities: frozenset[Capability]) -> Policy:
    return Policy(
        mode=mode,
        greeting=greeting.strip(),
        verdict=verdict,
        streaming=streams(config, capabilities),
        voice=carrier_voice(config, config.tts),
        voice_fallback=voice_fallback(capabilities),
        notify_hangup_delay_ms=config.outbound.notify_hangup_delay_sec * 1000,
        ring_timeout_ms=config.ring_timeout_ms,
        max_duration_ms=config.max_duration_seconds * 1000,
        stale_ms=config.stale_call_reaper_seconds * 1000,
        transcript_timeout_ms=config.transcript_timeout_ms,
        agent=_patience(config.patience.agent_ms),
        operator=_patience(config.patience.operator_ms),
        protect_greeting_ms=config.streaming.protect_greeting_ms,
        resume_ms=config.streaming.resume_ms,
        filler=config.phrases.filler,
        progress=config.phrases.progress,
        unheard=config.phrases.unheard,
        apology=config.phrases.apology,
    )


def _patience(steps: tuple[int, ...]) -> Patience:
    """Three or four steps, in order; without the fourth there is no word of progress."""
    filler_ms, *progress, apology_ms, hangup_ms = steps
    progress_ms = progress[0] if progress else 0
    return Patience(filler_ms=filler_ms, progress_ms=progress_ms, apology_ms=apology_ms, hangup_ms=hangup_ms)
