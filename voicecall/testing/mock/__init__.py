"""The network's own wire, the smallest there is (``docs/mock-carrier.md``)."""

from __future__ import annotations

from collections.abc import Mapping

from voicecall.testing.dialect import Dialect, Network
from voicecall.testing.mock.rest import MockDialect

__all__ = ["account", "open_dialect"]


def account(secret: str) -> dict[str, str]:
    """One secret opens the API and signs the webhooks."""
    return {"webhook": secret}


def open_dialect(network: Network, account: Mapping[str, str]) -> Dialect:
    """The dialect of one network."""
    return MockDialect(network, account["webhook"])
