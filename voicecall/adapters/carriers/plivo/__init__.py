"""Plivo's Voice API, XML and audio streaming."""

from voicecall.adapters.carriers.plivo.codec import PlivoCarrier

carrier = PlivoCarrier()

__all__ = ["carrier"]
