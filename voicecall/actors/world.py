"""Everything a call's actor may touch, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from attrs import field, frozen

from journal.api import Journal, Readable
from voicecall.actors.alarm import Alarm
from voicecall.core import tickets
from voicecall.core.stance import after, stance
from voicecall.core.state import CallState
from voicecall.events import CallId, Entry, Instant
from voicecall.events.schema import decode_entry
from voicecall.ports import Account, Agent, Carrier, Fetch, Leg, Line, Sound

TICKET_LIFE_MS = 60_000
"""How long a media ticket may wait to be used."""


def nobody_else(carrier: str, call_id: CallId, vendor_call_id: str) -> bool:
    """No call is known to be another one's."""
    return False


async def nothing_earlier(call_id: CallId, state: CallState) -> tuple[Line, ...]:
    """Every call is the first one."""
    return ()


def always() -> bool:
    """The door can be reached, where nothing stands between it and the carriers."""
    return True


def usual_timeout_ms(call_id: CallId, dialed: str) -> int:
    """The limit of an agent turn, where no number has its own."""
    return 30_000


@frozen(kw_only=True)
class World:
    """``wall`` is the wall clock as trio sees it pass; ``incarnation`` gives a fresh writer name per actor start.

    ``webhook_url`` and ``media_url`` are functions because the port may be known only once the door is open.
    ``is_public`` says whether carriers reach it now.
    ``reply_timeout_ms`` bounds a whole agent turn of a call to that number of ours ("" when we called).
    ``earlier`` is what was said in earlier calls, as far as the agent may remember it.
    ``claimed`` says whether a carrier's call id belongs to another call than the given one. ``clock_rate`` is how fast
    trio's clock runs: the disk keeps its own pace.
    """

    journal: Journal
    wall: Callable[[], Instant]
    incarnation: Callable[[], str]
    alarm: Alarm
    carriers: Mapping[str, Carrier]
    accounts: Mapping[str, Account] = field(repr=False)
    fetch: Fetch
    sound: Sound
    agent: Agent
    ticket_key: bytes = field(repr=False)
    webhook_url: Callable[[], str]
    media_url: Callable[[], str]
    is_public: Callable[[], bool] = always
    claimed: Callable[[str, CallId, str], bool] = nobody_else
    version: str = ""
    earlier: Callable[[CallId, CallState], Awaitable[tuple[Line, ...]]] = nothing_earlier
    reply_timeout_ms: Callable[[CallId, str], int] = usual_timeout_ms
    clock_rate: float = 1.0

    def leg(self, call_id: CallId, state: CallState, *, nonce: str, at: Instant) -> Leg:
        """What a codec must know of this call. The same nonce and instant give the same ticket again."""
        ticket = tickets.mint(
            self.ticket_key,
            call_id=call_id,
            carrier=state.carrier,
            expires=Instant(at + TICKET_LIFE_MS),
            nonce=nonce,
        )
        return Leg(
            call_id=call_id,
            caller=state.caller,
            callee=state.callee,
            account=self.accounts[state.carrier],
            webhook_url=self.webhook_url(),
            media_url=self.media_url(),
            vendor_call_id=state.vendor_call_id,
            ticket=ticket,
            direction=state.direction,
            nonce=nonce,
            stance=stance(state),
            after=after(state),
            voice=state.policy.voice,
            placed_at=state.started_at,
            claimed=lambda vendor_call_id: self.claimed(state.carrier, call_id, vendor_call_id),
        )


def stream_of(call_id: CallId) -> str:
    """The journal stream of a call."""
    return f"call/{call_id}"


async def read_call(journal: Readable, call_id: CallId) -> list[Entry]:
    """Every entry of a call. Raises ``BadEntry`` and what reading the journal raises."""
    async with journal.read(stream_of(call_id)) as lines:
        return [decode_entry(line.body) async for line in lines]
