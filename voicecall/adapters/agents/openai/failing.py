"""Why there is no reply, in words for the journal: status and cause, never a secret. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

LONGEST = 200
"""More of a vendor's own words is not needed to understand an error."""
_MASK = "********"
_KEY_LIKE = re.compile(r"\b(?:sk|pk|key|bearer)[-_ ]+[^\s,;\"']{4,}", re.IGNORECASE)
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_ABOUT_KEYS = (401, 403)


class NoReply(Exception):
    """The model gave no complete reply. The text says why; it holds no secret."""


def cause(error: object) -> str:
    """What an error object of a vendor says: its code or type, and its message."""
    if not isinstance(error, Mapping):
        return without_keys(str(error)) if error else "no reason given"
    told = cast("Mapping[str, object]", error)
    code, message = _code(told), without_keys(str(told.get("message") or ""))
    return ": ".join(part for part in (code, message) if part) or "no reason given"


def refusal(status: int, body: object, *, fix: str) -> str:
    """What an HTTP error says. Of one about keys only the code: the vendor's words quote the key. ``fix``: where our
    key is set."""
    head = f"{status} {_PHRASES.get(status, '')}".strip()
    if status in _ABOUT_KEYS:
        code = _code(cast("Mapping[str, object]", body)) if isinstance(body, Mapping) else ""
        return f"{head}{f': {code}' if code else ''}; check {fix}"
    return f"{head}: {cause(body)}"


def without_keys(text: str) -> str:
    """The text on one line, shortened, without anything that looks like a key."""
    line = _KEY_LIKE.sub(_MASK, " ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _code(error: Mapping[str, object]) -> str:
    return without_keys(str(error.get("code") or error.get("type") or ""))
