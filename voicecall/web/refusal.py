"""The ways in which a webhook can be refused, and how each is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import frozen

from voicecall.ports import HttpResponse

Reason = Literal["path", "method", "headers", "busy", "size", "pace", "signature", "format", "call", "fault"]
"""Why a webhook was refused; ``call``: it is about none of ours. ``fault`` is ours."""

ANSWERS: Mapping[Reason, tuple[int, str]] = {
    "path": (404, "Not Found"),
    "method": (405, "Method Not Allowed: configure this webhook as POST"),
    "headers": (401, "Unauthorized"),
    "busy": (429, "Too Many Requests"),
    "size": (413, "Payload Too Large"),
    "pace": (408, "Request Timeout: the body took too long"),
    "signature": (401, "Unauthorized"),
    "format": (400, "Bad Request"),
    "call": (200, ""),  # the carrier could only repeat it, or tell the person of an error: it gets its own last words
    "fault": (500, "Internal Server Error"),
}


@frozen
class Refused(Exception):
    """A webhook goes no further. ``detail`` goes to the sender; ``private`` only to the operator."""

    reason: Reason
    detail: str = ""
    private: str = ""

    @property
    def status(self) -> int:
        """The status of the answer."""
        return ANSWERS[self.reason][0]


def answer_to(refused: Refused) -> HttpResponse:
    """What the sender is told."""
    status, text = ANSWERS[refused.reason]
    headers = {"content-type": "text/plain; charset=utf-8"}
    if refused.reason == "method":
        headers["allow"] = "POST"
    return HttpResponse(
        status=status, headers=headers, body=(f"{text}: {refused.detail}" if refused.detail else text).encode()
    )
