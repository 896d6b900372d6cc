"""Twilio's wire, to the letter of its documentation: REST, signed webhooks, TwiML and Media Streams."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from voicecall.testing.dialect import Dialect, Network
from voicecall.testing.twilio.rest import TwilioDialect

__all__ = ["account", "open_dialect"]


def account(secret: str) -> dict[str, str]:
    """The account's name, and the token that opens the API and signs."""

    def derived(what: str) -> str:
        return hashlib.sha256(f"twilio/{what}/{secret}".encode()).hexdigest()[:32]

    return {"account_sid": "AC" + derived("account"), "auth_token": derived("token")}


def open_dialect(network: Network, account: Mapping[str, str]) -> Dialect:
    """The dialect of one network."""
    return TwilioDialect(network, account_sid=account["account_sid"], auth_token=account["auth_token"])
