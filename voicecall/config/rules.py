"""Conditions over several keys, with the reference's own words for those that it has."""

from __future__ import annotations

from collections.abc import Iterator

from voicecall.config.problems import PREFIX, Problem
from voicecall.config.root import Config

_FUNNEL_PORTS = (443, 8443, 10_000)


def check(config: Config) -> tuple[Problem, ...]:
    """What keeps an enabled configuration from working; a disabled one is always fine."""
    if not config.enabled:
        return ()
    return (*_numbers(config), *_credentials(config), *_realtime(config), *_streaming(config), *_funnel(config))


def _numbers(config: Config) -> Iterator[Problem]:
    if config.from_number is None and config.provider != "mock":
        env = " (or set TWILIO_FROM_NUMBER env)" if config.provider == "twilio" else ""
        yield _theirs("fromNumber", "absent", f"fromNumber is required{env}")


def _credentials(config: Config) -> Iterator[Problem]:
    needed: tuple[tuple[str, object, str], ...]
    match config.provider:
        case "telnyx":
            telnyx = config.telnyx
            needed = (
                ("telnyx.apiKey", telnyx.api_key, "TELNYX_API_KEY"),
                ("telnyx.connectionId", telnyx.connection_id, "TELNYX_CONNECTION_ID"),
                ("telnyx.publicKey", telnyx.public_key or config.skip_signature_verification, "TELNYX_PUBLIC_KEY"),
            )
        case "twilio":
            needed = (
                ("twilio.accountSid", config.twilio.account_sid, "TWILIO_ACCOUNT_SID"),
                ("twilio.authToken", config.twilio.auth_token, "TWILIO_AUTH_TOKEN"),
            )
        case "plivo":
            needed = (
                ("plivo.authId", config.plivo.auth_id, "PLIVO_AUTH_ID"),
                ("plivo.authToken", config.plivo.auth_token, "PLIVO_AUTH_TOKEN"),
            )
        case "mock":
            needed = ()
    for path, value, env in needed:
        if not value:
            yield _theirs(path, "absent", f"{path} is required (or set {env} env)")


def _realtime(config: Config) -> Iterator[Problem]:
    if not config.realtime.enabled:
        return
    if config.inbound_policy == "disabled":
        yield _theirs(
            "inboundPolicy", '"disabled"', 'inboundPolicy must not be "disabled" when realtime.enabled is true'
        )
    if config.streaming.enabled:
        yield _theirs("realtime.enabled", "true", f"realtime.enabled and {PREFIX}streaming.enabled cannot both be true")
    if config.provider == "plivo":
        yield _theirs(
            "provider", '"plivo"', 'provider must be "twilio", "telnyx", or "mock" when realtime.enabled is true'
        )


def _streaming(config: Config) -> Iterator[Problem]:
    # The simulated network streams too: without it nothing could be tried before an account is opened.
    if config.streaming.enabled and config.provider not in ("twilio", "mock"):
        yield _theirs("provider", f'"{config.provider}"', 'provider must be "twilio" when streaming.enabled is true')


def _funnel(config: Config) -> Iterator[Problem]:
    port = config.tailscale.port
    if config.tailscale.mode == "funnel" and port not in _FUNNEL_PORTS:
        yield Problem(
            path="tailscale.port",
            value=str(port),
            message=f'tailscale.port: got {port}: expected 443, 8443 or 10000 when tailscale.mode is "funnel"',
        )


def _theirs(path: str, value: str, words: str) -> Problem:
    return Problem(path=path, value=value, message=PREFIX + words)
