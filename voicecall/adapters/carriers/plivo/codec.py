"""Plivo as one value."""

from __future__ import annotations

from attrs import evolve, frozen

from voicecall.adapters.carriers.plivo import inbound, outbound, signature
from voicecall.adapters.carriers.plivo.media import PlivoMedia
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
class PlivoCarrier:
    """``account.secrets``: ``auth_id`` and ``auth_token`` open the API and prove webhooks; ``signatures`` says which
    count (``v3``, ``v2``, or ``auto``: V2 until the account has once sent a V3)."""

    name: str = "plivo"
    capabilities: frozenset[Capability] = frozenset(Capability) - {Capability.PERSON_DETECTION}
    required_headers: tuple[tuple[str, ...], ...] = (
        *((name, signature.V3_NONCE) for name in signature.V3),
        *((name, signature.V2_NONCE) for name in signature.V2),
    )

    def verify(self, request: HttpRequest, *, account: Account, now: Instant) -> None:
        secrets = account.secrets
        signature.verify(request, token=secrets.get("auth_token", ""), accepted=secrets.get("signatures", "auto"))

    def learn(self, request: HttpRequest, account: Account) -> Account:
        if account.secrets.get("signatures", "auto") != "auto" or not signature.has_v3(request):
            return account
        return evolve(account, secrets={**account.secrets, "signatures": "v3"})

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
        return PlivoMedia()
