"""Telnyx Call Control v2 and its media streaming."""

from voicecall.adapters.carriers.telnyx.codec import TelnyxCarrier

carrier = TelnyxCarrier()

__all__ = ["carrier"]
