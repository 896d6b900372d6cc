"""Telnyx's errors (Telnyx, "Error codes")."""

from __future__ import annotations

from typing import Any

from voicecall.ports import HttpResponse
from voicecall.testing.json_api import json_response

Plain = dict[str, Any]


class TelnyxError(Exception):
    """A request is answered with this error. ``field`` names what of the body it is about."""

    def __init__(self, status: int, code: str, title: str, detail: str, *, field: str = "") -> None:
        super().__init__(f"{code} {title}: {detail}")
        self.status, self.code, self.title, self.detail, self.field = status, code, title, detail, field

    def response(self) -> HttpResponse:
        """The answer."""
        error: Plain = {"code": self.code, "title": self.title, "detail": self.detail}
        if self.field:
            error["source"] = {"pointer": f"/{self.field}"}
        return json_response(self.status, {"errors": [error]})


def unauthorized() -> TelnyxError:
    """A bad key."""
    return TelnyxError(401, "10009", "Authentication failed", "Could not understand the provided credentials.")


def not_found() -> TelnyxError:
    """No such call, or path."""
    return TelnyxError(404, "10005", "Resource not found", "The requested resource or URL could not be found.")


def bad_name() -> TelnyxError:
    """A name of a call that can be nobody's."""
    detail = "The call_control_id provided was not valid."
    return TelnyxError(422, "90015", "Invalid Call Control ID", detail, field="call_control_id")


def ended() -> TelnyxError:
    """Too late for a command."""
    detail = "This call is no longer active and can't receive commands."
    return TelnyxError(422, "90018", "Call has already ended", detail)


def not_answered() -> TelnyxError:
    """Too early for a command."""
    detail = "This call can't receive this command because it has not been answered yet."
    return TelnyxError(422, "90034", "Call not answered yet", detail)


def not_ours_to_answer() -> TelnyxError:
    """An outbound call is the other side's to answer."""
    return TelnyxError(422, "90102", "Call is outbound", "An outbound call cannot be answered.")


def not_allowed(detail: str) -> TelnyxError:
    """The account may not do this."""
    return TelnyxError(403, "10010", "Authorization failed", detail)


def streaming_already() -> TelnyxError:
    """One media stream is enough."""
    return TelnyxError(422, "90045", "Streaming already active", "This call is being streamed already.")


def streaming_parameters(detail: str, field: str) -> TelnyxError:
    """A media stream that cannot be as it was ordered."""
    return TelnyxError(422, "90046", "Invalid streaming parameters", detail, field=field)


def transcribing_already() -> TelnyxError:
    """Listening already."""
    return TelnyxError(422, "90054", "Transcription already in progress", "This call is being transcribed already.")


def not_transcribing() -> TelnyxError:
    """Not listening."""
    return TelnyxError(422, "90055", "Transcription not in progress", "This call is not being transcribed.")


def too_long() -> TelnyxError:
    """Too much to say at a time."""
    return TelnyxError(422, "90010", "Invalid payload", "The payload is too long (at most 5000).", field="payload")


def invalid(field: str, detail: str) -> TelnyxError:
    """A field is not as it must be."""
    return TelnyxError(422, "10015", "Invalid parameter", f"{field}: {detail}", field=field)


def failure(status: int) -> HttpResponse:
    """What the API says when it fails."""
    if status == 429:
        detail = "You have exceeded the maximum number of allowed requests."
        response = TelnyxError(429, "10011", "Too many requests", detail).response()
        limits = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}
        return HttpResponse(status=429, headers={**response.headers, **limits}, body=response.body)
    return TelnyxError(status, "10007", "Unexpected error", "An unexpected error occurred.").response()
