"""The configuration keys of an account at a simulated carrier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import attrs

from voicecall.accounts import PLIVO, TELNYX
from voicecall.config import Config

BASES = {"telnyx": urlsplit(TELNYX).path, "plivo": urlsplit(PLIVO).path}
"""The paths of APIs whose version is in the address; a simulated carrier keeps it."""


def carrier_settings(carrier: str, account: Mapping[str, str], url: str) -> dict[str, str]:
    """What the section of ``carrier`` says of an ``account`` (see ``dialect.Vendor``) at the network at ``url``."""
    section = cast("type[Any]", type(getattr(Config(), carrier)))
    known = {one.name for one in attrs.fields(section)}
    keys = {_camel(name): value for name, value in account.items() if name in known}
    return {**keys, "apiUrl": url.rstrip("/") + BASES.get(carrier, "")}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
