"""Reads a document of instructions strictly: only what the vendor's tables know, and everything that they ask for.

A carrier that meets something else ends the call or plays an error to the person; here it is an error that says what
is wrong and where. Names are case-sensitive, as at Twilio and Plivo.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from attrs import field, frozen

from voicecall.ports import HttpResponse
from voicecall.testing.verbs import BadDocument

TYPES = frozenset({"text/xml", "application/xml"})


@frozen(kw_only=True)
class Shape:
    """What one element may hold. ``text``: whether it has a body; ``needs`` are attributes that must be there."""

    attributes: frozenset[str] = field(factory=frozenset[str], converter=frozenset[str])
    needs: frozenset[str] = field(factory=frozenset[str], converter=frozenset[str])
    children: Mapping[str, Shape] = field(factory=dict[str, "Shape"])
    text: Literal["none", "needed", "optional"] = "none"


class _Builder(TreeBuilder):
    def doctype(self, *_: object) -> NoReturn:
        """No vendor reads document types, and entities of one's own can grow without bound."""
        raise BadDocument("a document type declaration is not allowed")


def read_document(response: HttpResponse, verbs: Mapping[str, Shape], *, limit: int) -> list[Element]:
    """The elements in ``<Response>``, each of its verb's shape. ``limit`` is in bytes. Raises ``BadDocument``."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise BadDocument(f"content-type: must be one of {', '.join(sorted(TYPES))}, got {kind!r}")
    if len(response.body) > limit:
        raise BadDocument(f"the document has {len(response.body)} bytes, more than {limit}")
    parser = XMLParser(target=_Builder())
    try:
        parser.feed(response.body)
        root = parser.close()
    except (ParseError, LookupError, ValueError) as error:
        raise BadDocument(f"not XML: {error}") from error
    if root.tag != "Response":
        raise BadDocument(f"the root must be <Response>, not <{root.tag}>")
    _check(root, Shape(children=verbs), "Response")
    return list(root)


def _check(element: Element, shape: Shape, where: str) -> None:
    for name in element.attrib:
        if name not in shape.attributes | shape.needs:
            raise BadDocument(f"{where}: there is no attribute {name!r}")
    for name in shape.needs - element.attrib.keys():
        raise BadDocument(f"{where}: the attribute {name!r} is missing")
    texts = [element.text, *(child.tail for child in element)]
    body = "".join(text or "" for text in texts).strip()
    if body and (shape.text == "none" or len(element)):
        raise BadDocument(f"{where}: there is text where none belongs: {body[:40]!r}")
    if shape.text == "needed" and not body:
        raise BadDocument(f"{where}: the text is missing")
    for child in element:
        inner = shape.children.get(child.tag)
        if inner is None:
            known = ", ".join(shape.children) or "nothing"
            raise BadDocument(f"{where}: <{child.tag}> does not belong here, only {known}")
        _check(child, inner, f"{where}/{child.tag}")


def integer(element: Element, name: str, default: int, least: int, most: int) -> int:
    """A whole-number attribute. Raises ``BadDocument``."""
    text = element.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise BadDocument(f"{element.tag} {name}: must be a whole number from {least} to {most}, got {text!r}")
    return int(text)


def choice(element: Element, name: str, default: str, *allowed: str) -> str:
    """An attribute with few values. Raises ``BadDocument``."""
    value = element.get(name, default)
    if value not in allowed:
        raise BadDocument(f"{element.tag} {name}: must be one of {', '.join(allowed)}, got {value!r}")
    return value
