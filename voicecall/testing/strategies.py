"""Hypothesis strategies for everything that a journal can hold, built from the classes themselves.

A new event, effect or field is drawn as soon as it exists. Needs Hypothesis, which the ``test`` extra brings.
"""

from __future__ import annotations

from enum import EnumType
from functools import cache
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st

from voicecall.events import AnyEffect, AnyEvent, EffectId, Entry, Instant, Policy, effect_id
from voicecall.events.effects import UnknownEffect
from voicecall.events.facts import Unknown
from voicecall.events.schema import EFFECTS, EVENTS

INSTANTS = st.integers(0, 2**43).map(Instant)
"""Until the year 2248."""
EFFECT_IDS = st.builds(effect_id, st.integers(1, 99_999), st.integers(0, 9))
WHOLE = st.integers(-(2**53), 2**53)
"""What every reader of JSON agrees about."""
PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
"""Any JSON value."""


def events() -> st.SearchStrategy[AnyEvent]:
    """Every kind of fact, unknown ones too."""
    return st.one_of(*(of(cls) for cls in EVENTS.values()), unknown(Unknown, EVENTS))


def effects() -> st.SearchStrategy[AnyEffect]:
    """Every kind of effect, unknown ones too."""
    return st.one_of(*(of(cls) for cls in EFFECTS.values()), unknown(UnknownEffect, EFFECTS))


def policies() -> st.SearchStrategy[Policy]:
    """What a call can be started with."""
    return of(Policy)


def entries() -> st.SearchStrategy[Entry]:
    """One journal line's body, of any call."""
    return st.builds(
        Entry,
        seq=st.integers(1, 2**31),
        at=INSTANTS,
        writer=st.text(max_size=20),
        event=events(),
        effects=st.lists(effects(), max_size=4).map(tuple),
        key=st.text(max_size=20),
        evidence=st.text(max_size=20),
        verified=st.booleans(),
    )


def unknown(cls: Any, known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What a version that knows more than we do could have written."""
    tags = st.text(min_size=1, max_size=20).filter(lambda tag: tag not in known)
    fields = st.dictionaries(st.text(max_size=10), PLAIN, max_size=4)

    def build(tag: str, rest: dict[str, Any]) -> Any:
        return cls(data={**rest, "type": tag})

    return st.builds(build, tags, fields)


@cache
def of(cls: Any) -> st.SearchStrategy[Any]:
    """Instances of an attrs class of the vocabulary."""
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: _of_hint(hints[field.name]) for field in attrs.fields(cls)})


def _of_hint(hint: Any) -> st.SearchStrategy[Any]:
    match hint:
        case _ if hint is Instant:
            return INSTANTS
        case _ if hint is EffectId:
            return EFFECT_IDS
        case _ if hint is bool:
            return st.booleans()
        case _ if hint is int:
            return WHOLE
        case _ if hint is float:
            return st.floats(allow_nan=False, allow_infinity=False)
        case _ if hint is str:
            return st.text(max_size=40)
        case _ if get_origin(hint) is Literal:
            return st.sampled_from(get_args(hint))
        case _ if get_origin(hint) is tuple:
            inner, *more = get_args(hint)
            items = _of_hint(inner)
            return st.lists(items, max_size=4).map(tuple) if more == [...] else st.tuples(items, *map(_of_hint, more))
        case EnumType():
            return st.sampled_from(cast("Any", list(hint)))
        case _:
            return of(hint)
