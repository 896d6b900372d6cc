"""Puts an AI agent on the phone.

``open_system`` runs a whole system inside a trio program; docs/embedding.md shows how. Names are imported when they
are first used: ``import voicecall`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicecall.config import Config, ConfigError
    from voicecall.embedding import (
        Accepted,
        Answer,
        Call,
        CallEvent,
        CallRecord,
        CallRefused,
        CannotOpen,
        EmbeddedSystem,
        InvalidRequest,
        NoAnswer,
        Remark,
        Tail,
        VoicecallError,
        open_system,
    )
    from voicecall.ports import Agent, Line, Synthesizer, Transcriber, Turn

__all__ = [
    "Accepted",
    "Agent",
    "Answer",
    "Call",
    "CallEvent",
    "CallRecord",
    "CallRefused",
    "CannotOpen",
    "Config",
    "ConfigError",
    "EmbeddedSystem",
    "InvalidRequest",
    "Line",
    "NoAnswer",
    "Remark",
    "Synthesizer",
    "Tail",
    "Transcriber",
    "Turn",
    "VoicecallError",
    "open_system",
]

_ELSEWHERE = {
    **dict.fromkeys(("Config", "ConfigError"), "config"),
    **dict.fromkeys(("Agent", "Line", "Synthesizer", "Transcriber", "Turn"), "ports"),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"voicecall.{_ELSEWHERE.get(name, 'embedding')}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
