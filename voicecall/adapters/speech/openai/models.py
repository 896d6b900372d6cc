"""What is known of OpenAI's models: when they are shut down, who finds the turns, what they may be told.

Names are compared by their beginning, so that a dated snapshot counts as its model.
"""

from __future__ import annotations

RETIRING: dict[str, tuple[str, str]] = {
    "tts-1": ("2027-01-06", "gpt-realtime-2.1-mini"),
    "gpt-4o-mini-tts": ("2027-01-06", "gpt-realtime-2.1-mini"),
    "gpt-realtime-mini": ("2027-01-20", "gpt-realtime-2.1-mini"),
    "gpt-realtime-2025-08-28": ("2027-01-20", "gpt-realtime-2.1"),
    "whisper-1": ("2027-02-26", "gpt-transcribe"),
    "gpt-4o-transcribe": ("2027-02-26", "gpt-transcribe"),
    "gpt-4o-mini-transcribe": ("2027-02-26", "gpt-transcribe"),
}
"""Model → the day on which it is shut down, and what to use instead."""
WITHOUT_TURNS = ("gpt-live-transcribe", "gpt-realtime-whisper")
"""Transcription models without voice detection: whoever sends the audio says where a turn ends."""
WITH_KEYWORDS = ("gpt-transcribe", "gpt-live-transcribe")


def retirement(model: str) -> str:
    """What to tell the operator about a model that will be shut down; "" for every other."""
    if model == "gpt-realtime":
        day, instead = RETIRING["gpt-realtime-2025-08-28"]
    else:
        found = next((known for known in RETIRING if model.startswith(known)), None)
        if found is None:
            return ""
        day, instead = RETIRING[found]
    return f"{model} is shut down on {day}; use {instead}"


def finds_turns(model: str) -> bool:
    """Whether a transcription model has voice detection on the vendor's side."""
    return not model.startswith(WITHOUT_TURNS)


def is_realtime(model: str) -> bool:
    """Whether a voice speaks over a Realtime socket: the speech endpoint does not know such models."""
    return model.startswith("gpt-realtime")
