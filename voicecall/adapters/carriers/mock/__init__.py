"""The mock carrier: the wire of the simulated phone network (``docs/mock-carrier.md``), both ways."""

from voicecall.adapters.carriers.mock.codec import MockCarrier
from voicecall.ports import Carrier

__all__ = ["carrier"]

carrier: Carrier = MockCarrier()
