"""From configuration to what opens a carrier's API and proves its webhooks. Pure."""

from __future__ import annotations

from voicecall.config import Config, Secret
from voicecall.ports import Account

TWILIO_HOSTS = {
    "us1": "https://api.twilio.com",
    "ie1": "https://api.dublin.ie1.twilio.com",
    "au1": "https://api.sydney.au1.twilio.com",
}
"""Twilio, "Global infrastructure: regions": credentials belong to one region."""
TELNYX = "https://api.telnyx.com/v2"
PLIVO = "https://api.plivo.com/v1"


def account_of(config: Config, *, mock_secret: str) -> Account:
    """The account of the configured carrier, whose presence the configuration's rules have checked.

    Secrets by carrier: mock ``webhook``; twilio ``account_sid``, ``auth_token``; telnyx ``api_key``,
    ``connection_id``, ``public_key``; plivo ``auth_id``, ``auth_token``, and ``signatures`` (v3, v2 or auto).
    """
    match config.provider:
        case "mock":
            return Account(api_url=config.mock.api_url, secrets={"webhook": mock_secret})
        case "twilio":
            twilio = config.twilio
            secrets = {"account_sid": twilio.account_sid or "", "auth_token": _reveal(twilio.auth_token)}
            return Account(api_url=twilio.api_url or TWILIO_HOSTS[twilio.region], secrets=secrets)
        case "telnyx":
            telnyx = config.telnyx
            secrets = {
                "api_key": _reveal(telnyx.api_key),
                "connection_id": telnyx.connection_id or "",
                "public_key": telnyx.public_key or "",
            }
            return Account(api_url=telnyx.api_url or TELNYX, secrets=secrets)
        case "plivo":
            plivo = config.plivo
            secrets = {
                "auth_id": plivo.auth_id or "",
                "auth_token": _reveal(plivo.auth_token),
                "signatures": plivo.signatures,
            }
            return Account(api_url=plivo.api_url or PLIVO, secrets=secrets)


def _reveal(secret: Secret | None) -> str:
    return secret.reveal() if secret else ""
