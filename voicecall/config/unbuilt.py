"""What the reference has and voicecall has not: accepted, said so, and done without."""

from __future__ import annotations

import attrs

from voicecall.config.legacy import Notice
from voicecall.config.problems import show
from voicecall.config.root import Config

THEIR_EARS = ("deepgram", "mistral", "xai")
"""Transcribers that the gateway's own plugins bring."""


def without_unbuilt(config: Config) -> tuple[Config, tuple[Notice, ...]]:
    """The configuration as it can be served, and what of it cannot be."""
    notices: list[Notice] = []
    streaming = config.streaming
    if streaming.enabled and streaming.provider in THEIR_EARS:
        words = "there is no such transcriber here: calls are not streamed, and the carrier recognizes what is said"
        notices.append(_notice("streaming.provider", f"{show(streaming.provider)}: {words}"))
        config = attrs.evolve(config, streaming=attrs.evolve(streaming, enabled=False))
    if config.realtime.enabled:
        words = "full-duplex speech models are not built here: the call hears, thinks and speaks one after the other"
        notices.append(_notice("realtime.enabled", f"true: {words}"))
    return config, tuple(notices)


def _notice(path: str, words: str) -> Notice:
    return Notice(path=path, now=path, message=f"{path}: got {words}")
