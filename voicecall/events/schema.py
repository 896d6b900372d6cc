"""Entries to bytes and back, and how old bytes become today's values.

attrs holds the values, cattrs turns them into plain data and back, msgspec turns plain data into bytes and back: one
job each. Tags are the classes' ``kind``. An unknown tag becomes ``Unknown`` / ``UnknownEffect`` and is re-encoded
verbatim. Every field is written, defaults included, so that a default may change without rewriting history.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import EnumType
from functools import cache, partial
from typing import Any, Literal, cast, get_args, get_origin

import attrs
import msgspec
from cattrs import Converter, transform_error
from cattrs.errors import CattrsError
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from voicecall.events.base import Effect, Event
from voicecall.events.effects import AnyEffect, UnknownEffect
from voicecall.events.entry import Entry
from voicecall.events.facts import AnyEvent, Unknown
from voicecall.events.policy import Mode

SCHEMA = 1
"""Version of the shapes on disk. Bump it, and add an upcast, for anything but a new field with a default."""

OLDEST = 1
"""The oldest version that can be upcast."""

UPCASTS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""From version n to n + 1, applied in order to the plain data of a whole entry."""

MALFORMED = (LookupError, TypeError, ValueError, CattrsError)
"""How cattrs reports data of another shape."""

Plain = dict[str, Any]


class BadEntry(ValueError):
    """Bytes that are not an entry: the message names the part and what was expected."""


EVENTS: dict[str, type[Event]] = {cls.kind: cls for cls in get_args(AnyEvent) if cls is not Unknown}
_JSON: dict[type, str] = {int: "a whole number", str: "text", bool: "true or false"}
EFFECTS: dict[str, type[Effect]] = {cls.kind: cls for cls in get_args(AnyEffect) if cls is not UnknownEffect}


def _build_converter(*, detailed: bool) -> Converter:
    converter = Converter(detailed_validation=detailed)
    converter.register_unstructure_hook(Mode, _word)
    for kind in (int, str, bool):
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook_factory(attrs.has, partial(_object, converter))
    for cls in (*EVENTS.values(), *EFFECTS.values()):
        _register(converter, cls)
    converter.register_structure_hook_func(
        lambda t: t == AnyEvent, lambda data, _: _structure_tagged(converter, data, EVENTS, Unknown)
    )
    converter.register_structure_hook_func(
        lambda t: t == AnyEffect, lambda data, _: _structure_tagged(converter, data, EFFECTS, UnknownEffect)
    )
    converter.register_unstructure_hook(Unknown, _verbatim)
    converter.register_unstructure_hook(UnknownEffect, _verbatim)
    converter.register_unstructure_hook_func(
        lambda t: t in (AnyEvent, AnyEffect), lambda value: converter.unstructure(value, type(value))
    )
    return converter


def _exactly(kind: type[Any]) -> Callable[[Any, Any], Any]:
    """A hook that takes a value of ``kind`` and nothing that merely could be turned into one; enumerations are text."""

    def check(value: Any, wanted: Any) -> Any:
        if value.__class__ is not kind:
            raise BadEntry(f"expected {_JSON[kind]}, got {value!r}")
        return wanted(value) if isinstance(wanted, EnumType) else value

    return check


def _number(value: Any, _: Any) -> float:
    if value.__class__ is not int and value.__class__ is not float:
        raise BadEntry(f"expected a number, got {value!r}")
    return float(value)


def _object(converter: Converter, cls: type[Any]) -> Callable[[Any, Any], Any]:
    structure = cast("Any", make_dict_structure_fn(cls, converter))

    def check(value: Any, kind: Any) -> Any:
        if value.__class__ is not dict:
            raise BadEntry(f"expected an object, got {value!r}")
        return structure(value, kind)

    return check


def _register(converter: Converter, cls: type[Event] | type[Effect]) -> None:
    fields = make_dict_unstructure_fn(cls, converter)
    tag = cls.kind

    def unstructure(value: Event | Effect) -> Plain:
        return {"type": tag, **cast("Any", fields)(value)}

    converter.register_unstructure_hook(cls, unstructure)


def _structure_tagged(converter: Converter, data: Any, known: dict[str, type[Any]], unknown: type[Any]) -> Any:
    if not isinstance(data, dict):
        raise BadEntry(f"expected an object with a 'type', got {type(cast('object', data)).__name__}")
    plain = cast("Plain", data)
    cls = known.get(str(plain.get("type", "")))
    return unknown(data=plain) if cls is None else converter.structure(plain, cls)


def _word(value: Mode) -> str:
    return value.value


def _verbatim(value: Unknown | UnknownEffect) -> Plain:
    return value.data


_converter = _build_converter(detailed=False)
_json = msgspec.json.Encoder()
_parse = msgspec.json.Decoder()


def to_plain(value: object) -> Any:
    """Plain data of any event, effect or value made of attrs classes."""
    return _converter.unstructure(value, unstructure_as=type(value))


def event_from_plain(data: Plain) -> AnyEvent:
    """The event in ``{"type": kind, …}``. Raises ``BadEntry``."""
    return _guarded(data, AnyEvent)


def encode_entry(entry: Entry) -> bytes:
    """The ``b`` of a journal line: one UTF-8 JSON object, no newline."""
    plain: Plain = {"v": SCHEMA, "seq": entry.seq, "at": entry.at, "writer": entry.writer}
    if entry.key:
        plain["key"] = entry.key
    if entry.evidence:
        plain["evidence"] = entry.evidence
    if not entry.verified:
        plain["verified"] = False
    plain["event"] = to_plain(entry.event)
    if entry.effects:
        plain["effects"] = [to_plain(effect) for effect in entry.effects]
    return _json.encode(plain)


def decode_entry(body: bytes) -> Entry:
    """The entry in ``body``, upcast to today's shapes. Raises ``BadEntry`` naming what is wrong."""
    try:
        data = _parse.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadEntry(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadEntry(f"an entry is a JSON object, got {type(data).__name__}")
    plain = cast("Plain", data)
    version = plain.pop("v", None)
    if version.__class__ is not int or not OLDEST <= version <= SCHEMA:
        newer = "; a newer voicecall wrote it" if version.__class__ is int and version > SCHEMA else ""
        raise BadEntry(f"v: expected a schema version from {OLDEST} to {SCHEMA}, got {version!r}{newer}")
    for number in range(version, SCHEMA):
        plain = UPCASTS[number](plain)
    return _guarded(plain, Entry)


def _guarded(data: Plain, cls: Any) -> Any:
    try:
        return _converter.structure(data, cls)
    except MALFORMED:
        return _explained(data, cls)


def _explained(data: Plain, cls: Any) -> Any:
    """Like ``_guarded``, but it knows what is wrong where: ``expected text, got 5 @ $.event.text``."""
    try:
        return _explainer().structure(data, cls)
    except MALFORMED as error:
        raise BadEntry("; ".join(transform_error(error, format_exception=_words))) from error


@cache
def _explainer() -> Converter:
    """Validation that says where a fault is costs three times as much, so it is made and runs once a fault is known."""
    return _build_converter(detailed=True)


def _words(error: BaseException, expected: Any) -> str:
    if isinstance(error, KeyError):
        return "required field missing"
    if get_origin(expected) is Literal:
        return f"expected one of {', '.join(map(str, get_args(expected)))}"
    if isinstance(error, TypeError):
        return "expected a list"
    return str(error)
