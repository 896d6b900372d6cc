"""Telnyx as one value."""

from __future__ import annotations

from attrs import frozen

from voicecall.adapters.carriers.telnyx import answers, inbound, outbound, signature
from voicecall.adapters.carriers.telnyx.media import TelnyxMedia
from voicecall.events import AnyEffect, AnyEvent, EffectId, Instant
from voicecall.ports import (
    Account,
    Capability,
    Exchange,
    Heard,
    HttpRequest,
    HttpResponse,
    Leg,
    MediaCodec,
    Owed,
    Reply,
)


@frozen(kw_only=True)
class TelnyxCarrier:
    """``account.secrets``: ``api_key`` opens the API, ``connection_id`` names the application, ``public_key`` proves
    webhooks. There are no documents: an answer to a webhook carries nothing."""

    name: str = "telnyx"
    capabilities: frozenset[Capability] = frozenset(Capability)
    required_headers: tuple[tuple[str, ...], ...] = ((signature.SIGNATURE, signature.TIMESTAMP),)

    def verify(self, request: HttpRequest, *, account: Account, now: Instant) -> None:
        signature.verify(request, public_key=account.secrets.get("public_key", ""), now=now)

    def learn(self, request: HttpRequest, account: Account) -> Account:
        return account

    def decode(self, request: HttpRequest) -> tuple[Heard, ...]:
        return inbound.decode(request)

    def reply(self, owed: Owed, leg: Leg | None, *, flow: bool = False) -> Reply:
        return Reply(response=HttpResponse(status=200, headers={"content-type": "application/json"}, body=b"{}"))

    def encode(self, effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
        return outbound.encode(effect_id, effect, leg)

    def interpret(
        self, effect_id: EffectId, effect: AnyEffect, exchanges: tuple[Exchange, ...], leg: Leg
    ) -> AnyEvent | HttpRequest:
        return answers.interpret(effect_id, effect, exchanges, leg)

    def media(self) -> MediaCodec:
        return TelnyxMedia()
