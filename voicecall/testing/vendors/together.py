"""Every simulated vendor in one application, as ``python -m voicecall.testing.vendors`` serves it."""

from __future__ import annotations

from collections.abc import Sequence

from quart_trio import QuartTrio

from voicecall.testing.vendors.elevenlabs import ElevenLabs
from voicecall.testing.vendors.openai_models import add_models
from voicecall.testing.vendors.openai_script import OpenAiScript
from voicecall.testing.vendors.openai_text import Answer, TextVendor
from voicecall.testing.vendors.openai_voice import add_voice


def vendors_app(answers: Sequence[Answer], *, first_sound_s: float = 0.15, recognition_s: float = 0.15) -> QuartTrio:
    """OpenAI (chat, responses, speech, Realtime) and ElevenLabs; any key is good. ``answers`` are the model's, turn by
    turn, the last one again."""
    app = TextVendor(*answers, key="", by_turn=True).app
    add_models(app)
    add_voice(app, OpenAiScript(api_key="", first_sound_s=first_sound_s, recognition_s=recognition_s))
    ElevenLabs(key="", voices=(), first_sound_s=first_sound_s, recognition_s=recognition_s).add_to(app)
    return app
