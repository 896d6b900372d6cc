"""Keys of older and newer shapes, translated into the one that the rest of the product knows, each with a notice.

Behaviour page, sections 1.4 and 1.6. What is written in the canonical place wins over its older name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import cast

from attrs import frozen

Plain = Mapping[str, object]
_Changing = MutableMapping[str, object]

NEVER = frozenset({"__proto__", "prototype", "constructor"})
VENDORS = ("openai", "elevenlabs", "edge", "microsoft")
"""Voices that older configurations have next to ``tts.providers``."""
MOVED: Mapping[str, str] = {
    "twilio.from": "fromNumber",
    "streaming.sttProvider": "streaming.provider",
    "streaming.openaiApiKey": "streaming.providers.openai.apiKey",
    "streaming.sttModel": "streaming.providers.openai.model",
    "streaming.silenceDurationMs": "streaming.providers.openai.silenceDurationMs",
    "streaming.vadThreshold": "streaming.providers.openai.vadThreshold",
}
"""Where keys of older shapes live now."""
MOVED_VOICES: Mapping[str, str] = {
    "model": "providers.openai.model",
    "voice": "providers.openai.voice",
    "instructions": "providers.openai.instructions",
    **{name: f"providers.{name}" for name in VENDORS},
}
"""The same below ``tts``, which the gateway and every number may have, too."""
SPELLED: Mapping[str, tuple[str, ...]] = {
    "openai.voice": ("speakerVoice", "speakerVoiceId"),
    "elevenlabs.voiceId": ("speakerVoice", "speakerVoiceId"),
    "elevenlabs.modelId": ("model",),
}
"""Newer names below ``tts.providers``, best first. They win over ours, as they do in the gateway."""
RENAMED_VALUES: Mapping[str, tuple[str, str]] = {
    "provider": ("log", "mock"),
    "streaming.provider": ("openai-realtime", "openai"),
}
DROPPED: Mapping[str, str] = {
    "realtime.agentContext.includeSystemPrompt": "the reference has dropped it, too",
    "reports": "reports about errands are not built here",
    "live": "errands are not built here",
    "callbacks": "callbacks are not built here",
    "voicemail": "outbound.onMachine says what a machine gets",
}
"""Keys that are accepted and mean nothing, and why."""


@frozen(kw_only=True)
class Notice:
    """Something that was understood, and had better be written otherwise. ``path`` is as written, ``now`` where its
    value went ("" when it means nothing)."""

    path: str
    now: str
    message: str

    def __str__(self) -> str:
        return self.message


def translate(block: Plain) -> tuple[dict[str, object], tuple[Notice, ...]]:
    """Our block in its canonical shape, and what was translated."""
    keys = changeable(block)
    notices = [one for old, new in MOVED.items() for one in _move(keys, "", old, new)]
    for path, (old, new) in RENAMED_VALUES.items():
        holder, name = _holder(keys, path)
        if holder is not None and holder.get(name) == old:
            holder[name] = new
            if not any(one.now == path for one in notices):
                notices.append(Notice(path=path, now=path, message=f'{path}: "{old}" is now called "{new}"'))
    notices += _translate_voices(keys, "tts")
    numbers = keys.get("numbers")
    for number, route in cast("Plain", numbers).items() if isinstance(numbers, Mapping) else ():
        if isinstance(route, dict):
            notices += _translate_voices(cast("_Changing", route), "tts", within=f"numbers.{number}.")
    for path, why in DROPPED.items():
        holder, name = _holder(keys, path)
        if holder is not None and name in holder:
            del holder[name]
            notices.append(Notice(path=path, now="", message=f"{path}: accepted and not used: {why}"))
    return keys, tuple(notices)


def translate_voices(tts: Plain) -> dict[str, object]:
    """The gateway's own settings of voices in the canonical shape; how they are written is its business."""
    keys: dict[str, object] = {"tts": changeable(tts)}
    _translate_voices(keys, "tts")
    return cast("dict[str, object]", keys["tts"])


def changeable(plain: Plain) -> dict[str, object]:
    """A copy whose objects may be changed, without the names that a prototype goes by."""
    return {
        name: changeable(cast("Plain", value)) if isinstance(value, Mapping) else value
        for name, value in plain.items()
        if name not in NEVER
    }


def _translate_voices(keys: _Changing, name: str, *, within: str = "") -> list[Notice]:
    tts = keys.get(name)
    if not isinstance(tts, dict):
        return []
    tts = cast("_Changing", tts)
    found = [one for old, new in MOVED_VOICES.items() for one in _move(tts, f"{within}{name}.", old, new)]
    for path, names in SPELLED.items():
        holder, ours = _holder(tts, f"providers.{path}")
        if holder is None:
            continue
        for other in reversed(names):
            if other in holder:
                holder[ours] = holder.pop(other)
    return found


def _move(keys: _Changing, within: str, old: str, new: str) -> Iterator[Notice]:
    """Move one key, unless it is not there; what is at the new place already is laid over it."""
    holder, name = _holder(keys, old)
    if holder is None or name not in holder:
        return
    if within and name in VENDORS and not isinstance(holder[name], Mapping):
        return
    target, new_name = _holder(keys, new, make=True)
    if target is None:
        return  # something else is where an object should be, and its reader will say so
    value, under = holder.pop(name), target.get(new_name)
    both = isinstance(value, Mapping) and isinstance(under, Mapping)
    if both:
        target[new_name] = deep_merge(cast("Plain", value), cast("Plain", under))
    elif under is None:
        target[new_name] = value
    path, now = within + old, within + new
    unused = f", which is set: {path} is not used" if under is not None and not both else ""
    yield Notice(path=path, now="" if unused else now, message=f"{path}: is now called {now}{unused}")


def deep_merge(base: Plain, override: Plain) -> dict[str, object]:
    """``override`` laid over ``base``: objects are merged, anything else replaces, ``null`` too."""
    merged = {name: value for name, value in base.items() if name not in NEVER}
    for name, value in override.items():
        if name in NEVER:
            continue
        under = merged.get(name)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        merged[name] = deep_merge(cast("Plain", under), cast("Plain", value)) if both else value
    return merged


def _holder(keys: _Changing, path: str, *, make: bool = False) -> tuple[_Changing | None, str]:
    """The object that has the key at ``path``, or would have it, and the key's name there."""
    *parents, name = path.split(".")
    for parent in parents:
        inner = keys.setdefault(parent, {}) if make else keys.get(parent)
        if not isinstance(inner, dict):
            return None, name
        keys = cast("_Changing", inner)
    return keys, name
