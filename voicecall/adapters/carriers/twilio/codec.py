"""Twilio as one value."""

from __future__ import annotations

from attrs import frozen

from voicecall.adapters.carriers.twilio import inbound, outbound, signature
from voicecall.adapters.carriers.twilio.media import TwilioMedia
from voicecall.events import AnyEffect, AnyEvent, EffectId, Instant
from voicecall.ports import (
    Account,
    Capability,
    Exchange,
    Heard,
    HttpRequest,
    Leg,
    MediaCodec,
    Owed,
    Reply,
)


@frozen(kw_only=True)
class TwilioCarrier:
    """``account.secrets``: ``account_sid`` and ``auth_token``, which opens the API and proves webhooks.

    The signature of a media socket's handshake proves less than its ticket, and sources disagree on what it covers, so
    it is not asked for (``docs/webhooks.md``, "Media sockets").
    """

    name: str = "twilio"
    capabilities: frozenset[Capability] = frozenset(Capability) - {Capability.SPEAK_BESIDE}
    required_headers: tuple[tuple[str, ...], ...] = ((signature.SIGNATURE,),)

    def verify(self, request: HttpRequest, *, account: Account, now: Instant) -> None:
        signature.verify(request, token=account.secrets.get("auth_token", ""))

    def learn(self, request: HttpRequest, account: Account) -> Account:
        return account

    def decode(self, request: HttpRequest) -> tuple[Heard, ...]:
        return inbound.decode(request)

    def reply(self, owed: Owed, leg: Leg | None, *, flow: bool = False) -> Reply:
        return outbound.reply(owed, leg, flow=flow)

    def encode(self, effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
        return outbound.encode(effect_id, effect, leg)

    def interpret(
        self, effect_id: EffectId, effect: AnyEffect, exchanges: tuple[Exchange, ...], leg: Leg
    ) -> AnyEvent | HttpRequest:
        return outbound.interpret(effect_id, effect, exchanges, leg)

    def media(self) -> MediaCodec:
        return TwilioMedia()
