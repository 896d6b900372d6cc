"""Every documented configuration of the reference is accepted as it stands, and means what its page says it means.

S is the shape of February 2026, F the sources of that time, A that of April 2026, M that of May 2026 and later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen

from voicecall.config import Config, Secret
from voicecall.config.file import read_file
from voicecall.config.host import NAME
from voicecall.config.legacy import deep_merge
from voicecall.config.loading import understand

EXAMPLES = Path(__file__).parent / "examples"
S = "openclaw docs/plugins/voice-call.md, February 2026"
README = "openclaw extensions/voice-call/README.md, February 2026"
F = "openclaw docs/plugins/voice-call.md, end of February 2026"
A = "openclaw docs/plugins/voice-call.md, April 2026"
M = "openclaw docs/plugins/voice-call.md, August 2026"

ENV = {
    "TWILIO_ACCOUNT_SID": "AC-env",
    "TWILIO_AUTH_TOKEN": "token-env",
    "TWILIO_FROM_NUMBER": "+15550007777",
    "OPENAI_API_KEY": "openai-env",
    "GEMINI_API_KEY": "gemini-env",
    "XAI_API_KEY": "xai-env",
}
"""The environment that the pages suppose; the examples name what they need of it."""
CONFIG: dict[str, Any] = {
    "enabled": True,
    "provider": "twilio",
    "from_number": "+15550001234",
    "to_number": "+15550005678",
    "twilio.account_sid": "ACxxxxxxxx",
    "plivo.auth_id": "MAxxxxxxxxxxxxxxxxxxxx",
    "serve.port": 3334,
    "serve.bind": "127.0.0.1",
    "serve.path": "/voice/webhook",
    "outbound.default_mode": "notify",
    "streaming.enabled": True,
    "streaming.provider": "openai",
    "streaming.stream_path": "/voice/stream",
    "streaming.providers.openai.model": "gpt-4o-transcribe",
    "realtime.enabled": False,
    "inbound_policy": "disabled",
}
"""What the first example of each page says, or leaves to the defaults that it documents."""
SECURE = {
    "webhook_security.allowed_hosts": ("voice.example.com",),
    "webhook_security.trusted_proxy_ips": ("100.64.0.1",),
}
ELEVENLABS = {
    "tts.provider": "elevenlabs",
    "tts.providers.elevenlabs.voice_id": "pMsXgVXv3BLzUgSXRplE",
    "tts.providers.elevenlabs.model_id": "eleven_multilingual_v2",
}
WITH_KEY = {**ELEVENLABS, "tts.providers.elevenlabs.api_key": "elevenlabs_key"}
MARIN = {"tts.providers.openai.model": "gpt-4o-mini-tts", "tts.providers.openai.voice": "marin"}
ALLOY = {"tts.provider": "openai", "tts.providers.openai.voice": "alloy"}
KNOWN_CALLER = {
    "inbound_policy": "allowlist",
    "allow_from": ("+15550001234",),
    "inbound_greeting": "Hello! How can I help?",
}
STREAMED = {
    "streaming.enabled": True,
    "streaming.provider": "openai",
    "streaming.stream_path": "/voice/stream",
    "streaming.providers.openai.api_key": "sk-...",
    "streaming.providers.openai.model": "gpt-4o-transcribe",
    "streaming.providers.openai.silence_duration_ms": 800,
    "streaming.providers.openai.vad_threshold": 0.5,
}
CARDS = {
    "inbound_greeting": "Silver Fox Cards, how can I help?",
    "response_system_prompt": "You are a concise baseball card specialist.",
    "tts": {"providers": {"openai": {"voice": "alloy"}}},
}
OPEN = {"inboundPolicy": "open"}
"""What the page says a full-duplex configuration needs besides."""


@frozen(kw_only=True)
class Example:
    """A file in ``examples``: where it is from, what it means by attribute, and which notices it gets by path.

    ``also`` is what its page says such a configuration needs besides.
    """

    name: str
    source: str
    means: dict[str, Any]
    notices: tuple[str, ...] = ()
    also: dict[str, Any] = field(factory=dict)


TABLE = [
    Example(name="s-config", source=S, means={**CONFIG, "twilio.auth_token": "..."}),
    Example(name="s-readme-config", source=README, means={**CONFIG, "twilio.auth_token": "your_token"}),
    Example(name="s-readme-tts", source=README, means=ALLOY, notices=("tts.openai",)),
    Example(name="s-tts", source=S, means=ELEVENLABS, notices=("tts.elevenlabs",)),
    Example(name="s-tts-core-only", source=S, means=ALLOY),
    Example(
        name="s-tts-elevenlabs-for-calls",
        source=S,
        means=WITH_KEY,
        notices=(f"plugins.entries.{NAME}.config.tts.elevenlabs",),
    ),
    Example(name="s-tts-openai-model", source=S, means=MARIN, notices=(f"plugins.entries.{NAME}.config.tts.openai",)),
    Example(name="s-inbound", source=S, means=KNOWN_CALLER),
    Example(name="f-config", source=F, means={**CONFIG, **SECURE}),
    Example(
        name="f-public-host",
        source=F,
        means={
            "public_url": "https://voice.example.com/voice/webhook",
            "webhook_security.allowed_hosts": ("voice.example.com",),
        },
    ),
    Example(
        name="a-config",
        source=A,
        means={
            **CONFIG,
            **SECURE,
            **STREAMED,
            "telnyx.public_key": "...",
            "streaming.pre_start_timeout_ms": 5_000,
            "streaming.max_pending_connections": 32,
            "streaming.max_pending_connections_per_ip": 4,
            "streaming.max_connections": 128,
        },
    ),
    Example(name="a-streaming", source=A, means=STREAMED),
    Example(name="a-stale-calls", source=A, means={"max_duration_seconds": 300, "stale_call_reaper_seconds": 360}),
    Example(name="a-tts", source=A, means=ELEVENLABS),
    Example(name="a-tts-core-only", source=A, means=ALLOY),
    Example(name="a-tts-elevenlabs-for-calls", source=A, means=WITH_KEY),
    Example(name="a-tts-openai-model", source=A, means=MARIN),
    Example(name="a-inbound", source=A, means=KNOWN_CALLER),
    Example(
        name="m-config",
        source=M,
        means={
            **CONFIG,
            **SECURE,
            "session_scope": "per-phone",
            "twilio.region": "us1",
            "telnyx.connection_id": "...",
            "streaming.providers.openai.api_key": "openai-env",
            **{f"numbers.+15550009999.{name}": value for name, value in CARDS.items()},
        },
    ),
    Example(
        name="m-agent-context",
        source=M,
        also=OPEN,
        means={
            "agent_id": "main",
            "realtime.provider": "google",
            "realtime.tool_policy": "safe-read-only",
            "realtime.consult_policy": "substantive",
            "realtime.agent_context.enabled": True,
            "realtime.agent_context.max_chars": 6_000,
            "realtime.agent_context.files": ("SOUL.md", "IDENTITY.md", "USER.md"),
        },
        notices=(f"plugins.entries.{NAME}.config.realtime.enabled",),
    ),
    Example(
        name="m-realtime-google",
        source=M,
        means={
            "provider": "twilio",
            "from_number": "+15550007777",
            "twilio.account_sid": "AC-env",
            "twilio.auth_token": "token-env",
            "inbound_policy": "allowlist",
            "allow_from": ("+15550005678",),
            "realtime.enabled": True,
            "realtime.instructions": "Speak briefly. Call openclaw_agent_consult before using deeper tools.",
            "realtime.consult_thinking_level": "low",
            "realtime.consult_fast_mode": True,
            "realtime.agent_context.enabled": True,
            "realtime.providers": {
                "google": {
                    "apiKey": "gemini-env",
                    "model": "gemini-3.1-flash-live-preview",
                    "speakerVoice": "Kore",
                    "silenceDurationMs": 500,
                    "startSensitivity": "high",
                }
            },
        },
        notices=(f"plugins.entries.{NAME}.config.realtime.enabled",),
    ),
    Example(
        name="m-realtime-openai",
        source=M,
        also=OPEN,
        means={"realtime.enabled": True, "realtime.providers": {"openai": {"apiKey": "openai-env"}}},
        notices=(f"plugins.entries.{NAME}.config.realtime.enabled",),
    ),
    Example(
        name="m-streaming-xai",
        source=M,
        # "If streaming.provider points at an unregistered provider …, Voice Call logs a warning and skips media
        # streaming instead of failing."
        means={
            "streaming.enabled": False,
            "streaming.provider": "xai",
            "streaming.providers": {"xai": {"apiKey": "xai-env", "endpointingMs": 800, "language": "en"}},
        },
        notices=(f"plugins.entries.{NAME}.config.streaming.provider",),
    ),
    Example(name="m-tts", source=M, means=ELEVENLABS),
    Example(name="m-tts-core-only", source=M, means=ALLOY),
    Example(name="m-tts-elevenlabs-for-calls", source=M, means=WITH_KEY),
    Example(name="m-tts-openai-model", source=M, means=MARIN),
    Example(
        name="m-numbers",
        source=M,
        means={
            "inbound_greeting": "Hello from the main line.",
            "response_system_prompt": "You are the default voice assistant.",
            "tts.provider": "openai",
            "tts.providers.openai.voice": "coral",
            **{f"numbers.+15550001111.{name}": value for name, value in CARDS.items()},
        },
    ),
    Example(name="m-stale-calls", source=M, means={"max_duration_seconds": 300, "stale_call_reaper_seconds": 120}),
    Example(
        name="m-exposure",
        source=M,
        means={
            "public_url": "https://voice.example.com/voice/webhook",
            "tunnel.provider": "ngrok",
            "tailscale.mode": "funnel",
            "tailscale.port": 8443,
            "tailscale.path": "/voice/webhook",
        },
    ),
    Example(name="gateway-offline", source="the gateway's page, section 14", means={"provider": "mock"}),
]


def look_up(config: Config, path: str) -> object:
    """The attribute at ``path``; what a vendor's objects kept is below their names."""
    found: Any = config
    names = path.split(".")
    for name in names:
        found = found[name] if isinstance(found, dict) else getattr(found, name)
    if isinstance(found, Secret):
        return found.reveal()
    others = getattr(found, "others", None)
    return found if others is None else others


def test_every_example_is_in_the_table() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*.json5")) == sorted(example.name for example in TABLE)


@pytest.mark.parametrize("example", TABLE, ids=lambda example: example.name)
def test_a_documented_example_means_what_its_page_says(example: Example) -> None:
    given = read_file(EXAMPLES / f"{example.name}.json5")
    if example.also:
        given = deep_merge(given, {"plugins": {"entries": {NAME: {"config": example.also}}}})
    loaded = understand(given, ENV)
    assert {path: look_up(loaded.config, path) for path in example.means} == example.means
    assert tuple(one.path for one in loaded.notices) == example.notices
