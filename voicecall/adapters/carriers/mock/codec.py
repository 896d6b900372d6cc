"""The mock carrier as one value."""

from __future__ import annotations

from attrs import frozen

from voicecall.adapters.carriers.mock import inbound, outbound
from voicecall.adapters.carriers.mock.media import MockMedia
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
class MockCarrier:
    """``account.secrets["webhook"]`` signs the webhooks and opens the network's API."""

    name: str = "mock"
    capabilities: frozenset[Capability] = frozenset(
        {
            Capability.INBOUND,
            Capability.STREAM,
            Capability.SEND_DIGITS,
            Capability.REJECT,
            Capability.RECONCILE,
            Capability.MACHINE_DETECTION,
            Capability.PERSON_DETECTION,
        }
    )
    required_headers: tuple[tuple[str, ...], ...] = ((inbound.SIGNATURE, inbound.TIMESTAMP),)

    def verify(self, request: HttpRequest, *, account: Account, now: Instant) -> None:
        inbound.verify(request, secret=account.secrets.get("webhook", ""), now=now)

    def learn(self, request: HttpRequest, account: Account) -> Account:
        return account

    def decode(self, request: HttpRequest) -> tuple[Heard, ...]:
        return inbound.decode(request)

    def reply(self, owed: Owed, leg: Leg | None, *, flow: bool = False) -> Reply:
        return outbound.reply(owed, leg)

    def encode(self, effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
        return outbound.encode(effect_id, effect, leg)

    def interpret(
        self, effect_id: EffectId, effect: AnyEffect, exchanges: tuple[Exchange, ...], leg: Leg
    ) -> AnyEvent | HttpRequest:
        return outbound.interpret(effect_id, effect, exchanges, leg)

    def media(self) -> MediaCodec:
        return MockMedia()
