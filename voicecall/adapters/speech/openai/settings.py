"""What must be known to hear and to speak with OpenAI. The keys of the configuration have the same names."""

from __future__ import annotations

from attrs import field, frozen

API_URL = "https://api.openai.com/v1"


@frozen(kw_only=True)
class Hearing:
    """A realtime transcription session.

    ``server_vad`` says whether the vendor finds the turns; None leaves it to the model (``models.finds_turns``).
    ``threshold`` is from 0 to 1 and only for the vendor's detector. Languages are ISO 639-1 codes. A session is renewed
    in a quiet moment after ``renew_s``, and in any moment four minutes later: the vendor ends it after 60 minutes.
    """

    api_key: str = field(repr=False)
    base_url: str = API_URL
    model: str = "gpt-4o-transcribe"
    threshold: float = 0.5
    prefix_ms: int = 300
    silence_ms: int = 800
    languages: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    server_vad: bool | None = None
    renew_s: float = 55 * 60.0


@frozen(kw_only=True)
class Speaking:
    """A voice. ``realtime`` says whether it speaks over a Realtime socket or the speech endpoint.

    None leaves it to the model (``models.is_realtime``). ``timeout_s`` bounds the wait for a sign of the vendor.
    """

    api_key: str = field(repr=False)
    base_url: str = API_URL
    model: str = "gpt-4o-mini-tts"
    voice: str = "alloy"
    instructions: str = ""
    realtime: bool | None = None
    timeout_s: float = 8.0
