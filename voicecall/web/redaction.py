"""What a stranger's request may leave behind on our disk: its outline, not its contents.

Numbers that may be phone numbers, tokens and query values are left out; a header's value is kept only when it says how
the request came here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from voicecall.config.addresses import authority
from voicecall.web.exposure import FORWARDED_HOSTS, split_url

PLAIN_HEADERS = frozenset(
    {
        "accept", "cf-connecting-ip", "content-encoding", "content-length", "content-type", "forwarded",
        "telnyx-timestamp", "transfer-encoding", "user-agent", "via", "x-forwarded-for", "x-forwarded-port",
        "x-forwarded-prefix", "x-forwarded-proto", "x-mock-timestamp", "x-real-ip",
        "x-twilio-webhooks-signature-settings",
    }
)  # fmt: skip
"""Headers whose values say how a request came here, or when, and hold no secret."""
HOST_HEADERS = frozenset({"host", *FORWARDED_HOSTS})
HEADERS = 40
CHARS = 200
_COUNTS = frozenset({"content-length", "telnyx-timestamp", "x-mock-timestamp"})
_NUMBER = re.compile(r"\d{7,}")
_TOKEN = re.compile(r"(?=[A-Za-z_=-]*\d)[A-Za-z0-9_=-]{24,}")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9:_-]{1,120}")
_PARAMETERS = 20
_HIDDEN = "…"


def outline(text: str) -> str:
    """One line of a stranger's text, without what may be a number or a token."""
    line = "".join(char if char.isprintable() else " " for char in text[: 2 * CHARS])
    return _NUMBER.sub(_HIDDEN, _TOKEN.sub(_HIDDEN, line))[:CHARS]


def outline_name(text: str) -> str:
    """A carrier's name for a call, which is neither a secret nor a number; what may be something else is left out."""
    return text if _NAME.fullmatch(text) else _HIDDEN if text else ""


def outline_url(url: str) -> str:
    """A URL with the names of its query, but not their values."""
    scheme, where, target = split_url(url)
    path, mark, query = target.partition("?")
    names = [part.partition("=")[0] for part in query.split("&")[:_PARAMETERS]] if mark else []
    told = "&".join(f"{outline(name)}={_HIDDEN}" for name in names if name)
    return f"{scheme}://{outline_host(where)}{outline(path)}" + (f"?{told}" if mark else "")


def outline_host(text: str) -> str:
    """A host as it is: a tunnel's may look like a token."""
    return text if authority(text) is not None else outline(text)


def outline_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Every header's name, and the value of those that say how the request came here."""
    told: dict[str, str] = {}
    for name, value in list(headers.items())[:HEADERS]:
        if name in _COUNTS and value.isascii() and value.isdigit() and len(value) <= 12:
            told[name] = value
        elif name in HOST_HEADERS:
            told[name] = outline_host(value)
        elif name in PLAIN_HEADERS:
            told[name] = outline(value)
        else:
            told[outline(name)] = f"({len(value)} characters)"
    return told
