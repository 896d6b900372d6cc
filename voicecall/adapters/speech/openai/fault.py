"""The one kind of failure that OpenAI's speech has."""

from __future__ import annotations

import re

from voicecall.adapters.speech.socket import SocketEnded

LIMIT = 300
"""Characters of a vendor's own words that are quoted."""
FINAL = (400, 401, 403, 404)
"""Statuses that another try does not change."""
_KEY = re.compile(r"\bsk-[^\s\"',.}]+")


class VendorFault(Exception):
    """The vendor refused, failed or fell silent. The text names the cause and holds no key.

    ``status`` is that of an HTTP answer, or the code with which a socket was closed, or 0. ``final``: another try
    cannot help. ``expired``: the session has reached its limit, and nothing is wrong.
    """

    def __init__(self, text: str, *, status: int = 0, final: bool = False, expired: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.final = final
        self.expired = expired


def quote(text: str, api_key: str) -> str:
    """A vendor's words on one line, not too many, without the key (which OpenAI quotes, half masked)."""
    return _KEY.sub("[secret]", " ".join(text.replace(api_key, "[secret]").split()))[:LIMIT]


def of_socket(ended: SocketEnded, api_key: str) -> VendorFault:
    """A socket that could not be opened, or was closed."""
    status = ended.status or ended.code
    return VendorFault(f"OpenAI: {quote(str(ended), api_key)}", status=status, final=ended.status in FINAL)
