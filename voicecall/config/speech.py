"""The keys about hearing, speaking and thinking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import frozen

from voicecall.config.keys import key, rest, section
from voicecall.config.secret import Secret
from voicecall.config.shapes import (
    BOOL,
    FREE,
    NON_EMPTY,
    PATH,
    POSITIVE,
    SECRET,
    TEXT,
    URL,
    choice,
    integer,
    listing,
    matching,
    number,
)

KEYTERM = matching(r".{1,20}", "1 to 20 characters")


@frozen(kw_only=True)
class OpenAiTranscription:
    api_key: Secret | None = key(SECRET, None, "OpenAI key.", env=("OPENAI_API_KEY",))
    model: str = key(NON_EMPTY, "gpt-4o-transcribe", "Transcription model; this one is shut down on 2027-02-26.")
    silence_duration_ms: int = key(POSITIVE, 800, "Silence that ends an utterance.")
    vad_threshold: float = key(number(0, 1), 0.5, "How sure the vendor must be that it hears a voice.")
    base_url: str = key(URL, "https://api.openai.com/v1", "API address.", ours=True)
    prefix_padding_ms: int = key(integer(0), 300, "Audio before a voice that belongs to its utterance.", ours=True)
    languages: tuple[str, ...] = key(
        listing(NON_EMPTY, "ISO 639-1 codes"),
        (),
        "Languages of the callers; older models use the first.",
        ours=True,
    )
    keywords: tuple[str, ...] = key(listing(NON_EMPTY, "words"), (), "Names and words to expect.", ours=True)
    server_vad: bool | None = key(
        BOOL, None, "Whether the vendor finds the utterances; absent, as the model can.", ours=True
    )
    others: Mapping[str, object] = rest()


@frozen(kw_only=True)
class ElevenLabsTranscription:
    api_key: Secret | None = key(SECRET, None, "ElevenLabs key.", env=("ELEVENLABS_API_KEY", "XI_API_KEY"))
    base_url: str = key(URL, "https://api.elevenlabs.io", "API address.")
    model_id: str = key(NON_EMPTY, "scribe_v2_realtime", "Transcription model.")
    silence_duration_ms: int = key(integer(300, 3_000), 800, "Silence that ends an utterance.")
    vad_threshold: float | None = key(number(0.1, 0.9), None, "How sure the vendor must be that it hears a voice.")
    language_code: str | None = key(NON_EMPTY, None, "ISO 639-1 code; absent, the vendor finds out.")
    keyterms: tuple[str, ...] = key(listing(KEYTERM, "at most 20 characters each"), (), "Words to expect, at most 50.")
    others: Mapping[str, object] = rest()


@frozen(kw_only=True)
class StreamingProviders:
    openai: OpenAiTranscription = section(OpenAiTranscription, "OpenAI's realtime transcription.")
    elevenlabs: ElevenLabsTranscription = section(
        ElevenLabsTranscription, "ElevenLabs' realtime transcription.", ours=True
    )
    others: Mapping[str, object] = rest()


@frozen(kw_only=True)
class Streaming:
    enabled: bool = key(BOOL, False, "Stream the call's audio to a transcriber while it runs.")
    provider: str = key(
        NON_EMPTY, "openai", "Which of `streaming.providers` transcribes; `offline` understands simulated people alone."
    )
    stream_path: str = key(PATH, "/voice/stream", "Path of the media WebSocket.")
    pre_start_timeout_ms: int = key(POSITIVE, 5_000, "How long a media socket may wait with its `start`.")
    max_pending_connections: int = key(POSITIVE, 32, "Media sockets without `start`, in all.")
    max_pending_connections_per_ip: int = key(POSITIVE, 4, "Media sockets without `start`, from one address.")
    max_connections: int = key(POSITIVE, 128, "Media sockets, in all.")
    voice_detector: Literal["energy", "silero", "auto"] = key(
        choice("energy", "silero", "auto"),
        "energy",
        "What finds the caller's voice: energy above the noise that is voiced, or Silero's model (onnxruntime), which "
        "takes simulated people for what they are; `auto` takes Silero where it is installed.",
        ours=True,
    )
    protect_greeting_ms: int = key(
        integer(0),
        0,
        "How much of the beginning of a greeting cannot be interrupted.",
        ours=True,
        live=True,
    )
    resume_ms: int = key(
        integer(0),
        2_000,
        "How long we wait for the words of who has interrupted us and is silent again, before we go on; 0: for ever.",
        ours=True,
        live=True,
    )
    silero_model: str | None = key(
        NON_EMPTY, None, "Silero's ONNX file; absent, the one in the silero-vad distribution.", ours=True
    )
    providers: StreamingProviders = section(StreamingProviders, "Settings by transcriber.")


@frozen(kw_only=True)
class Stt:
    provider: Literal["openai"] = key(choice("openai"), "openai", "Accepted for compatibility; not used.")
    model: str = key(NON_EMPTY, "whisper-1", "Accepted for compatibility; not used.")


@frozen(kw_only=True)
class OpenAiVoice:
    api_key: Secret | None = key(SECRET, None, "OpenAI key.", env=("OPENAI_API_KEY",))
    model: str = key(NON_EMPTY, "gpt-4o-mini-tts", "Speech model; this one is shut down on 2027-01-06.")
    voice: str = key(NON_EMPTY, "alloy", "Voice.")
    base_url: str = key(URL, "https://api.openai.com/v1", "API address.", ours=True)
    instructions: str | None = key(TEXT, None, "How to speak, in words.", ours=True)
    api: Literal["speech", "realtime"] | None = key(
        choice("speech", "realtime"),
        None,
        "Speech endpoint (shut down on 2027-01-06) or Realtime; absent, Realtime for `gpt-realtime…` models.",
        ours=True,
    )
    others: Mapping[str, object] = rest()


@frozen(kw_only=True)
class VoiceSettings:
    stability: float = key(number(0, 1), 0.5, "Stability.")
    similarity_boost: float = key(number(0, 1), 0.75, "Similarity to the original voice.")
    style: float = key(number(0, 1), 0.0, "Exaggeration of style.")
    use_speaker_boost: bool = key(BOOL, True, "Speaker boost.")
    speed: float = key(number(0.5, 2), 1.0, "Speed.")
    others: Mapping[str, object] = rest()


@frozen(kw_only=True)
class ElevenLabsVoice:
    api_key: Secret | None = key(SECRET, None, "ElevenLabs key.", env=("ELEVENLABS_API_KEY", "XI_API_KEY"))
    base_url: str = key(URL, "https://api.elevenlabs.io", "API address.")
    voice_id: str = key(NON_EMPTY, "pMsXgVXv3BLzUgSXRplE", "Voice.")
    model_id: str = key(NON_EMPTY, "eleven_multilingual_v2", "Speech model.")
    seed: int | None = key(integer(0, 4_294_967_295), None, "Makes the voice repeatable.")
    apply_text_normalization: Literal["auto", "on", "off"] | None = key(
        choice("auto", "on", "off"), None, "Spell out numbers and dates."
    )
    language_code: str | None = key(NON_EMPTY, None, "ISO 639-1 code.")
    voice_settings: VoiceSettings = section(VoiceSettings, "How the voice speaks.")
    transport: Literal["auto", "http", "websocket"] = key(
        choice("auto", "http", "websocket"),
        "auto",
        "A request for each text, or contexts on a WebSocket; `auto` takes the WebSocket while text is still to come.",
        ours=True,
    )
    others: Mapping[str, object] = rest()


@frozen(kw_only=True)
class TtsProviders:
    openai: OpenAiVoice = section(OpenAiVoice, "OpenAI's speech.")
    elevenlabs: ElevenLabsVoice = section(ElevenLabsVoice, "ElevenLabs' speech.")
    others: Mapping[str, object] = rest()


@frozen(kw_only=True)
class Tts:
    auto: Literal["off", "always", "inbound", "tagged"] | None = key(
        choice("off", "always", "inbound", "tagged"), None, "The host's rule for chat; a call always speaks."
    )
    enabled: bool | None = key(BOOL, None, "The host's switch for chat; a call always speaks.")
    mode: Literal["final", "all"] | None = key(choice("final", "all"), None, "The host's rule for chat.")
    provider: str | None = key(
        NON_EMPTY, None, "Which of `tts.providers` speaks, or `offline`; absent, the first that has a key."
    )
    summary_model: str | None = key(NON_EMPTY, None, "The host's model for long texts.")
    model_overrides: Mapping[str, object] = key(FREE, {}, "The host's rules for what a model may change.")
    prefs_path: str | None = key(NON_EMPTY, None, "The host's file of user preferences.")
    max_text_length: int = key(POSITIVE, 4_096, "Longest text that is spoken, in characters.")
    timeout_ms: int = key(integer(1_000, 120_000), 8_000, "How long voices may take to begin, together, up to 8 s.")
    providers: TtsProviders = section(TtsProviders, "Settings by voice vendor.")


@frozen(kw_only=True)
class FastLookup:
    enabled: bool = key(BOOL, False, "Look in memory before asking the agent.")
    timeout_ms: int = key(POSITIVE, 800, "How long the look-up may take.")
    max_results: int = key(POSITIVE, 3, "Most findings.")
    sources: tuple[str, ...] = key(listing(NON_EMPTY, "sources"), ("memory", "sessions"), "Where to look.")
    fallback_to_consult: bool = key(BOOL, False, "Ask the agent when nothing is found.")


@frozen(kw_only=True)
class Persona:
    enabled: bool = key(BOOL, False, "Tell the speech model who it is, once, at the start.")
    max_chars: int = key(POSITIVE, 6_000, "Longest such text.")
    include_identity: bool = key(BOOL, True, "Include the agent's identity.")
    include_workspace_files: bool = key(BOOL, True, "Include the agent's files.")
    files: tuple[str, ...] = key(
        listing(NON_EMPTY, "file names"), ("SOUL.md", "IDENTITY.md", "USER.md"), "Which of its files."
    )


@frozen(kw_only=True)
class Realtime:
    enabled: bool = key(BOOL, False, "Let one full-duplex speech model hear, think and speak.")
    provider: str | None = key(NON_EMPTY, None, "Which of `realtime.providers`; absent, the first configured.")
    stream_path: str | None = key(PATH, None, "Path of its media WebSocket; absent, `streaming.streamPath`.")
    instructions: str | None = key(TEXT, None, "Instructions for the model.")
    tool_policy: Literal["safe-read-only", "owner", "none"] = key(
        choice("safe-read-only", "owner", "none"), "safe-read-only", "What the agent that it consults may do."
    )
    consult_policy: Literal["auto", "substantive", "always"] = key(
        choice("auto", "substantive", "always"), "auto", "When it consults the agent."
    )
    consult_thinking_level: str | None = key(NON_EMPTY, None, "How hard the agent thinks.")
    consult_fast_mode: bool | None = key(BOOL, None, "The agent's fast mode.")
    tools: tuple[Mapping[str, object], ...] = key(listing(FREE, "function tools"), (), "Extra function tools.")
    fast_context: FastLookup = section(FastLookup, "A quick look-up before consulting.")
    agent_context: Persona = section(Persona, "Who the model is.")
    idle_hangup_ms: int | None = key(POSITIVE, None, "Hang up after this long without audio from the caller.")
    providers: Mapping[str, object] = key(FREE, {}, "Settings by vendor, kept as they are.")
