"""How a class of attributes says which keys an object has: the one table that reading, documents and tests share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar, cast

import attrs
from attrs import frozen

from voicecall.config.problems import sounds_secret
from voicecall.config.shapes import Report, Schema, Shape, Unusable

T = TypeVar("T")
C = TypeVar("C")

_KEY = "voicecall.key"
_REST = "voicecall.rest"


@frozen(kw_only=True)
class Key:
    """One key as it is written. ``env`` names environment variables, used only for carrier ``carrier`` if that is set.

    ``ours`` marks a key that voicecall adds to the reference's, ``live`` one that may change while the system runs.
    """

    shape: Shape[Any]
    doc: str
    wire: str = ""
    env: tuple[str, ...] = ()
    carrier: str = ""
    ours: bool = False
    live: bool = False


@frozen(kw_only=True)
class Row:
    """One key in its place: ``path`` is dotted, ``default`` the value when it is absent, ``ours`` inherited."""

    path: str
    key: Key
    default: object
    ours: bool


class Source(Report, Protocol):
    """What reading an object needs besides the object."""

    def fallback(self, key: Key) -> tuple[str, str] | None:
        """The environment variable that stands in for an absent ``key``, and its value."""
        ...

    def unknown(self, path: str, value: object, siblings: tuple[str, ...]) -> None:
        """Note that nothing is called ``path``."""
        ...


def key(
    shape: Shape[T],
    default: T,
    doc: str,
    *,
    env: tuple[str, ...] = (),
    carrier: str = "",
    wire: str = "",
    ours: bool = False,
    live: bool = False,
) -> T:
    """An attribute that is read from the key of the same name in camelCase (or ``wire``)."""
    about = Key(shape=shape, doc=doc, wire=wire, env=env, carrier=carrier, ours=ours, live=live)
    fresh: Any = attrs.Factory(dict[str, object]) if default == {} else default
    return cast("T", attrs.field(default=fresh, repr=not shape.opaque, metadata={_KEY: about}))


def section(cls: Callable[[], C], doc: str, *, ours: bool = False) -> C:
    """An attribute that is an object with the keys of ``cls``; absent is the same as empty."""
    about = Key(shape=table(cls), doc=doc, ours=ours)
    return attrs.field(factory=cls, metadata={_KEY: about})


def rest(each: Shape[T] | None = None) -> Mapping[str, T]:
    """An attribute that keeps the keys which the class does not name; without one they are errors.

    They are kept as they are, or read one by one where ``each`` has their shape.
    """
    return cast("Mapping[str, T]", attrs.field(factory=dict, repr=False, metadata={_REST: each}))


def table(cls: Callable[[], C]) -> Shape[C]:
    """The shape of an object with the keys of ``cls``."""
    rows = cast("type[object]", cls)
    return Shape(
        allowed="an object",
        read=lambda value, path, report: read_table(rows, value, path, cast("Source", report)),
        schema=lambda: table_schema(rows, defaults=False),
        secret=_may_hold_secrets(rows),
        rows=rows,
    )


def partial(cls: Callable[[], object]) -> Shape[Mapping[str, object]]:
    """An object with some of the keys of ``cls``: checked like it, but kept as written, to be merged later."""
    whole = table(cls)

    def read(value: object, path: str, report: Report) -> Mapping[str, object]:
        whole.read(value, path, report)
        return dict(cast("Mapping[str, object]", value))

    return Shape(allowed=whole.allowed, read=read, schema=whole.schema, secret=True, opaque=True)


def read_table(cls: type[object], value: object, path: str, source: Source) -> Any:
    """An instance of ``cls`` from an object: what is absent or unusable has its default, problems go to ``source``."""
    known = keys_of(cls)
    if not isinstance(value, Mapping):
        raise source.wrong(path, value, "an object", secret=_may_hold_secrets(cls))
    given = cast("Mapping[object, object]", value)
    values: dict[str, object] = {}
    for name, about in known.items():
        wire = wire_name(name, about)
        try:
            if wire in given:
                values[name] = about.shape.read(given[wire], join(path, wire), source)
            elif about.shape.rows is not None and wire not in given and is_section(cls, name):
                values[name] = about.shape.read({}, join(path, wire), source)
            elif (found := source.fallback(about)) is not None:
                values[name] = about.shape.read(found[1], f"{join(path, wire)} (from {found[0]})", source)
        except Unusable:
            continue
    names = tuple(wire_name(name, about) for name, about in known.items())
    others = {str(name): item for name, item in given.items() if name not in names}
    kept = rest_of(cls)
    if kept is not None:
        values[kept] = _read_rest(rest_shape(cls), others, path, source)
    else:
        for name, item in others.items():
            source.unknown(join(path, name), item, names)
    return cls(**values)


def _read_rest(
    each: Shape[object] | None, others: Mapping[str, object], path: str, source: Source
) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for name, item in others.items():
        with suppress(Unusable):
            found[name] = each.read(item, join(path, name), source) if each else item
    return found


def keys_of(cls: type[object]) -> dict[str, Key]:
    """The keys of ``cls`` by attribute name."""
    return {field.name: field.metadata[_KEY] for field in attrs.fields(cast("Any", cls)) if _KEY in field.metadata}


def rest_of(cls: type[object]) -> str | None:
    """The attribute of ``cls`` that keeps unnamed keys, if it has one."""
    return next((field.name for field in attrs.fields(cast("Any", cls)) if _REST in field.metadata), None)


def rest_shape(cls: type[object]) -> Shape[object] | None:
    """The shape of each key that ``cls`` does not name, if it has one."""
    return next((field.metadata[_REST] for field in attrs.fields(cast("Any", cls)) if _REST in field.metadata), None)


def _may_hold_secrets(cls: type[object]) -> bool:
    return rest_of(cls) is not None or any(about.shape.secret for about in keys_of(cls).values())


def is_section(cls: type[object], name: str) -> bool:
    """Whether the attribute is a nested object of a fixed class."""
    default = attrs.fields_dict(cast("Any", cls))[name].default
    return getattr(default, "factory", None) is keys_of(cls)[name].shape.rows


def walk(cls: type[object], path: str = "", *, ours: bool = False) -> Iterator[Row]:
    """Every key below ``cls``, nested ones under their dotted path, in the order of the classes."""
    empty = cls()
    for name, about in keys_of(cls).items():
        here = join(path, wire_name(name, about))
        mine = ours or about.ours
        if about.shape.rows is None:
            yield Row(path=here, key=about, default=getattr(empty, name), ours=mine)
        elif is_section(cls, name):
            yield from walk(about.shape.rows, here, ours=mine)
        else:
            yield from walk(about.shape.rows, join(here, "<E.164>"), ours=mine)
    each = rest_shape(cls)
    if each is not None and each.rows is not None:
        yield from walk(each.rows, join(path, "<id>"), ours=ours)


def table_schema(cls: type[object], *, defaults: bool = True) -> Schema:
    """An object with the keys of ``cls`` in JSON Schema; ``defaults`` says what an absent key means."""
    empty, properties = cls(), dict[str, Schema]()
    for name, about in keys_of(cls).items():
        rows = about.shape.rows if is_section(cls, name) else None
        said = about.shape.schema() if rows is None else table_schema(rows, defaults=defaults)
        default = getattr(empty, name)
        if defaults and about.shape.rows is None and default is not None:
            said["default"] = list(cast("tuple[object, ...]", default)) if isinstance(default, tuple) else default
        properties[wire_name(name, about)] = {**said, "description": about.doc}
    each = rest_shape(cls)
    others = each.schema() if each is not None else rest_of(cls) is not None
    return {"type": "object", "properties": properties, "additionalProperties": others}


def wire_name(name: str, about: Key) -> str:
    """How the attribute ``name`` is written in a file."""
    return about.wire or re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def join(path: str, name: str) -> str:
    """``name`` below ``path``."""
    return f"{path}.{name}" if path else name


def hides(name: str, about: Key | None) -> bool:
    """Whether the value of an unknown key must not be shown: by its own name, or by the key it was meant to be."""
    return sounds_secret(name) or (about is not None and (about.shape.secret or about.shape.opaque))
