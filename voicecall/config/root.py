"""The whole configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import frozen

from voicecall.config.carriers import (
    Mock,
    NumberRoute,
    Outbound,
    Plivo,
    Rpc,
    Serve,
    Tailscale,
    Telnyx,
    Tunnel,
    Twilio,
    WebhookSecurity,
)
from voicecall.config.keys import key, partial, section, table
from voicecall.config.shapes import (
    BOOL,
    E164,
    FOLDER,
    NON_EMPTY,
    PATIENCE,
    POSITIVE,
    TEXT,
    URL,
    choice,
    integer,
    keyed,
    listing,
)
from voicecall.config.speech import Realtime, Streaming, Stt, Tts
from voicecall.config.thinking import USUAL_MODEL, ModelProviders

CarrierName = Literal["telnyx", "twilio", "plivo", "mock"]

SCRIPT = (
    "Thank you for taking the call. Is Thursday at ten still good for you?",
    "Wonderful. I have written that down.",
    "That was everything. Have a nice day, and goodbye!",
)
"""What the scripted agent answers, in order, when the configuration says nothing else."""


@frozen(kw_only=True)
class Route(NumberRoute):
    """``NumberRoute`` with the keys of ``tts`` that differ, to be merged over the others."""

    tts: Mapping[str, object] = key(partial(Tts), {}, "Keys of `tts` that differ for this number.")


@frozen(kw_only=True)
class PatienceSteps:
    agent_ms: tuple[int, ...] = key(
        PATIENCE,
        (2_500, 5_500, 8_000, 15_000),
        "How long a person hears nothing while the agent thinks.",
        live=True,
    )
    operator_ms: tuple[int, ...] = key(
        PATIENCE,
        (10_000, 25_000, 40_000, 60_000),
        "The same while an operator or a tool decides what to say.",
        live=True,
    )


@frozen(kw_only=True)
class Phrases:
    filler: str = key(NON_EMPTY, "One moment, please.", "Said at the first step of `patience`.", live=True)
    progress: str = key(NON_EMPTY, "I am still working on it.", "Said at the second step.", live=True)
    apology: str = key(
        NON_EMPTY, "I am sorry, something went wrong on my side.", "Said at the step before the last.", live=True
    )
    unheard: str = key(
        NON_EMPTY,
        "Sorry, I did not catch that. Could you say it again?",
        "Said in place of the apology when a voice was heard and no words of it.",
        live=True,
    )
    busy: str = key(
        NON_EMPTY,
        "All lines are busy right now. Please call again later.",
        "Said when no call slot is free.",
        live=True,
    )
    goodbye: str = key(
        NON_EMPTY,
        "I am sorry, I have to hang up now. Goodbye.",
        "Said to whoever is still on the line when a drain ends.",
    )
    pairing: str = key(
        NON_EMPTY,
        "I do not know this number yet. Please give my operator this code: {code}. I repeat: {code}. Goodbye.",
        "Said to an unknown caller under the policy `pairing`; `{code}` becomes the six digits.",
        live=True,
    )


@frozen(kw_only=True)
class AgentChoice:
    provider: Literal["scripted", "openai", "gateway"] = key(
        choice("scripted", "openai", "gateway"),
        "scripted",
        "Who thinks: a script; the model that `responseModel` names, behind an OpenAI-compatible API; or the host that "
        "has attached itself over RPC.",
    )
    providers: ModelProviders = section(ModelProviders, "Where models are, by provider.")
    script: tuple[str, ...] = key(listing(NON_EMPTY, "replies"), SCRIPT, "The scripted agent's replies, in order.")


@frozen(kw_only=True)
class SpeechChoice:
    provider: Literal["offline"] = key(choice("offline"), "offline", "Who speaks and listens.")


@frozen(kw_only=True)
class Config:
    """Every setting, checked and complete. ``None`` is "not given" where the product has no default of its own."""

    enabled: bool = key(BOOL, True, "Master switch.")
    provider: CarrierName = key(
        choice("telnyx", "twilio", "plivo", "mock"), "mock", "The carrier that all calls of this process use."
    )
    from_number: str | None = key(
        E164,
        None,
        "Our number; needed for every carrier but the mock.",
        env=("TWILIO_FROM_NUMBER",),
        carrier="twilio",
        live=True,
    )
    to_number: str | None = key(E164, None, "Whom to call when a call names nobody.", live=True)
    inbound_policy: Literal["disabled", "allowlist", "pairing", "open"] = key(
        choice("disabled", "allowlist", "pairing", "open"),
        "disabled",
        "Who may call us.",
        live=True,
    )
    allow_from: tuple[str, ...] = key(
        listing(E164, "E.164 numbers"), (), "Callers that `allowlist` lets in.", live=True
    )
    inbound_greeting: str | None = key(
        TEXT,
        None,
        'First words to a caller; absent or empty, "Hello! How can I help you today?".',
        live=True,
    )
    numbers: Mapping[str, Route] = key(
        keyed(E164, table(Route), "settings by dialed number"), {}, "What differs for calls to one of our numbers."
    )
    session_scope: Literal["per-phone", "per-call", "main"] = key(
        choice("per-phone", "per-call", "main"),
        "per-phone",
        "Which calls share the agent's memory.",
        live=True,
    )
    agent_id: str = key(NON_EMPTY, "main", "The agent that takes calls.", live=True)
    outbound: Outbound = section(Outbound, "Calls we make.")
    max_duration_seconds: int = key(POSITIVE, 300, "Longest call.", live=True)
    stale_call_reaper_seconds: int = key(
        integer(0), 120, "End a call that was never answered after this; 0 never.", live=True
    )
    silence_timeout_ms: int = key(
        POSITIVE, 800, "Silence that ends an utterance where the vendor has no rule of its own."
    )
    transcript_timeout_ms: int = key(POSITIVE, 180_000, "How long `continue` waits for the person's words.", live=True)
    ring_timeout_ms: int = key(POSITIVE, 30_000, "How long to let it ring.", live=True)
    max_concurrent_calls: int = key(POSITIVE, 1, "Calls at the same time; more are refused.", live=True)
    when_busy: Literal["busy", "notice"] = key(
        choice("busy", "notice"),
        "busy",
        "What a caller gets for whom no line is free: the busy tone, or `phrases.busy` and a hang-up.",
        ours=True,
        live=True,
    )
    serve: Serve = section(Serve, "The one door.")
    tailscale: Tailscale = section(Tailscale, "Tailscale, the older way.")
    tunnel: Tunnel = section(Tunnel, "How the door becomes public.")
    webhook_security: WebhookSecurity = section(WebhookSecurity, "Which forwarding headers are believed.")
    public_url: str | None = key(URL, None, "The address that carriers use, and sign.")
    skip_signature_verification: bool = key(BOOL, False, "Believe unsigned webhooks. For local tests only.")
    streaming: Streaming = section(Streaming, "Live transcription.")
    stt: Stt = section(Stt, "Transcription of recordings.")
    tts: Tts = section(Tts, "Voices.")
    realtime: Realtime = section(Realtime, "Full-duplex speech models.")
    store: str | None = key(FOLDER, None, "State directory; `~` is your home. Absent: `~/.openclaw/voice-calls`.")
    response_model: str | None = key(
        NON_EMPTY,
        None,
        f"Model that answers, as `provider/model`; absent, the host's own, or {USUAL_MODEL}.",
        live=True,
    )
    response_system_prompt: str | None = key(TEXT, None, "System prompt of the model that answers.", live=True)
    response_timeout_ms: int = key(POSITIVE, 30_000, "How long the model may take.", live=True)
    telnyx: Telnyx = section(Telnyx, "Telnyx account.")
    twilio: Twilio = section(Twilio, "Twilio account.")
    plivo: Plivo = section(Plivo, "Plivo account.")
    mock: Mock = section(Mock, "The simulated phone network.", ours=True)
    rpc: Rpc = section(Rpc, "Programs on this machine that cannot use the socket.", ours=True)
    agent: AgentChoice = section(AgentChoice, "Who thinks.", ours=True)
    speech: SpeechChoice = section(SpeechChoice, "Who speaks and listens.", ours=True)
    recording: bool = key(BOOL, False, "Record both sides of every call to a stereo WAV file.", ours=True)
    patience: PatienceSteps = section(
        PatienceSteps,
        "Milliseconds until a filler, a word of progress, an apology and a hang-up while we owe a person sound.",
        ours=True,
    )
    phrases: Phrases = section(Phrases, "What we say by ourselves.", ours=True)


def route_for(config: Config, dialed: str) -> Route | None:
    """What differs for calls to ``dialed``."""
    number = number_for(config, dialed)
    return None if number is None else config.numbers[number]


def number_for(config: Config, dialed: str) -> str | None:
    """Our number, as ``numbers`` writes it: the same, or else the same digits however they are written."""
    digits = _digits(dialed)
    same = (number for number in config.numbers if digits and _digits(number) == digits)
    return dialed if dialed in config.numbers else next(same, None)


def _digits(number: str) -> str:
    return "".join(one for one in number if one in "0123456789")
