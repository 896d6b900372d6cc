"""Which settings of voices count for a call: the general ones, or those with the dialed number's laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import attrs

from voicecall.config.keys import is_section, keys_of, rest_of, wire_name
from voicecall.config.reading import Reading
from voicecall.config.root import Config
from voicecall.config.speech import Tts

Plain = Mapping[str, object]


def tts_for(config: Config, number: str) -> Tts:
    """The voices of calls to ``number``, as ``numbers`` writes it. What it says was checked when it was read."""
    return cast("Tts", _laid_over(config.tts, config.numbers[number].tts, Reading(env={}, rows=())))


def _laid_over(under: object, plain: Plain, reading: Reading) -> Any:
    """The same object with the keys in ``plain``; a null takes a value away."""
    cls = cast("Any", type(under))
    values: dict[str, object] = {}
    names = {wire_name(name, about): name for name, about in keys_of(cls).items()}
    for wire, value in plain.items():
        name = names.get(wire)
        if name is None:
            continue
        about = keys_of(cls)[name]
        if is_section(cls, name) and isinstance(value, Mapping):
            values[name] = _laid_over(getattr(under, name), cast("Plain", value), reading)
        else:
            values[name] = getattr(cls(), name) if value is None else about.shape.read(value, wire, reading)
    others = rest_of(cls)
    if others is not None:
        more = {wire: value for wire, value in plain.items() if wire not in names}
        values[others] = {**cast("Plain", getattr(under, others)), **more}
    return attrs.evolve(cast("Any", under), **values)
