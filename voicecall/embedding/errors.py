"""What a host may have to catch. Every text says what to do."""

from __future__ import annotations

from attrs import frozen

from voicecall.rpc.protocol import INVALID_PARAMS, RpcError

NAMES = {"callId": "call_id", "requestId": "request_id"}
"""What a parameter is called in Python."""


class VoicecallError(Exception):
    """What a host asked for was not done. ``ConfigError`` apart, everything that this package raises is one."""


class CannotOpen(VoicecallError):
    """The system cannot run: its state directory is in use or not writable, its port is taken, its tunnel does not
    open. No call was touched. ``__cause__`` is what was in the way."""


@frozen
class InvalidRequest(VoicecallError, ValueError):
    """An argument cannot be used, whatever the state of the call. ``field`` is its name."""

    field: str
    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class CallRefused(VoicecallError):
    """It cannot be done now. ``code`` is a stable word for programs: ``not-found``, ``not-connected``, ``ended``,
    ``busy``, ``limit``, ``unsupported``, ``unavailable``. ``field`` is the argument to blame, if one is."""

    code: str
    message: str
    field: str = ""

    def __str__(self) -> str:
        return self.message


@frozen
class NoAnswer(VoicecallError):
    """What was to be said may have been said, but the caller did not answer in time, or the call ended."""

    message: str

    def __str__(self) -> str:
        return self.message


def typed(error: RpcError) -> VoicecallError:
    """A refusal of the system's methods, in the words of a Python program."""
    data = error.data or {}
    field, reason = str(data.get("field", "")), str(data.get("reason", "unavailable"))
    message = error.message.replace(field, NAMES.get(field, field)) if field else error.message
    if "hint" in data:
        message = f"{message}: {data['hint']}"
    field = NAMES.get(field, field)
    if error.code == INVALID_PARAMS:
        return InvalidRequest(field, message)
    if reason == "operation-failed":
        return NoAnswer(message)
    return CallRefused(reason, message, field)
