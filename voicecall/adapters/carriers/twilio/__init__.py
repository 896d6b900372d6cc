"""Twilio Programmable Voice and Media Streams."""

from voicecall.adapters.carriers.twilio.codec import TwilioCarrier

carrier = TwilioCarrier()

__all__ = ["carrier"]
