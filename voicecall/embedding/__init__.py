"""voicecall inside a trio program: ``async with voicecall.open_system(config) as system``. See docs/embedding.md."""

from voicecall.embedding.errors import CallRefused, CannotOpen, InvalidRequest, NoAnswer, VoicecallError
from voicecall.embedding.face import EmbeddedSystem
from voicecall.embedding.opening import open_system
from voicecall.embedding.records import Accepted, Answer, Call, CallEvent, CallRecord, Remark
from voicecall.embedding.tail import Tail

__all__ = [
    "Accepted",
    "Answer",
    "Call",
    "CallEvent",
    "CallRecord",
    "CallRefused",
    "CannotOpen",
    "EmbeddedSystem",
    "InvalidRequest",
    "NoAnswer",
    "Remark",
    "Tail",
    "VoicecallError",
    "open_system",
]
