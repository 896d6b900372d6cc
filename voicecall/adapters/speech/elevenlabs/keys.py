"""What a configuration must say about ElevenLabs: the shape of its sections, which the adapters may not import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol


class Hidden(Protocol):
    """A secret."""

    def reveal(self) -> str:
        """The text itself."""
        ...


class Settings(Protocol):
    """How the voice speaks: ``tts.providers.elevenlabs.voiceSettings``."""

    @property
    def stability(self) -> float: ...

    @property
    def similarity_boost(self) -> float: ...

    @property
    def style(self) -> float: ...

    @property
    def use_speaker_boost(self) -> bool: ...

    @property
    def speed(self) -> float: ...


class VoiceKeys(Protocol):
    """``tts.providers.elevenlabs``."""

    @property
    def api_key(self) -> Hidden | None: ...

    @property
    def base_url(self) -> str: ...

    @property
    def voice(self) -> str | None: ...

    @property
    def voice_id(self) -> str: ...

    @property
    def model_id(self) -> str: ...

    @property
    def seed(self) -> int | None: ...

    @property
    def apply_text_normalization(self) -> Literal["auto", "on", "off"] | None: ...

    @property
    def language_code(self) -> str | None: ...

    @property
    def voice_settings(self) -> Settings: ...

    @property
    def transport(self) -> Literal["auto", "http", "websocket"]: ...


class TranscriptionKeys(Protocol):
    """``streaming.providers.elevenlabs``."""

    @property
    def api_key(self) -> Hidden | None: ...

    @property
    def base_url(self) -> str: ...

    @property
    def model_id(self) -> str: ...

    @property
    def silence_duration_ms(self) -> int: ...

    @property
    def vad_threshold(self) -> float | None: ...

    @property
    def language_code(self) -> str | None: ...

    @property
    def keyterms(self) -> Sequence[str]: ...
