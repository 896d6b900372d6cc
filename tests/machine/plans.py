"""Plans: what may befall a few calls on real actors, in memory, on a clock that jumps.

A plan is a list of steps, so a failing one prints as a short story. Steps do not wait for what they start: how long the
world goes on before the next one is a step of its own, and a crash may come at any instant in between.
"""

from __future__ import annotations

from typing import Any, Literal

from attrs import frozen
from hypothesis import strategies as st

from voicecall.core.requests import Ask, EndCall, PressDigits, Say
from voicecall.events import AnyEvent, Mode, Policy
from voicecall.events import facts as fact

CALLS = ("a", "b")
"""Two outbound calls, by the ids of their requests."""
CALLER = "c"
"""And somebody who calls us."""


@frozen
class Place:
    """Somebody asks for a call (again, if there is one)."""

    call: str
    policy: Policy


@frozen
class Offered:
    """The carrier offers an inbound call, in its own words each time but one."""

    key: str


@frozen
class Hear:
    """A webhook."""

    call: str
    event: AnyEvent
    key: str


@frozen
class Connect:
    """The carrier opens a media stream."""

    call: str
    ticket: str


@frozen
class Wish:
    """A request about a call."""

    call: str
    wish: Say | Ask | PressDigits | EndCall
    request_id: str


@frozen
class Sound:
    """What the media plane has to tell, or what becomes of what it plays."""

    call: str
    what: Literal["says", "starts", "lost", "plays", "cuts", "hold"]


@frozen
class Answers:
    """What the carrier makes of the next such effects."""

    kind: str
    answers: tuple[Literal["ok", "later", "no", "silence", "refused", "gone", "answered"], ...]


@frozen
class Fault:
    """The journal fails: before the write, after it, by never returning, or by being late."""

    when: Literal["before", "after", "never", "late"]
    appends: int


@frozen
class Wait:
    """The world goes on."""

    ms: int


@frozen
class Crash:
    """The process is gone; another one starts a while later, perhaps with its wall clock set back."""

    down_ms: int
    set_back_ms: int


Step = Place | Offered | Hear | Connect | Wish | Sound | Answers | Fault | Wait | Crash

POLICIES = st.builds(
    Policy,
    mode=st.sampled_from([Mode.CONVERSATION, Mode.CONVERSATION, Mode.NOTIFY]),
    greeting=st.sampled_from(["Hello.", ""]),
    max_duration_ms=st.sampled_from([60_000, 300_000]),
    stale_ms=st.sampled_from([0, 120_000]),
    keys=st.sampled_from(["", "", "", "1w2,"]),
    resume_ms=st.sampled_from([0, 2_000]),
)
EVENTS: st.SearchStrategy[AnyEvent] = st.one_of(
    st.builds(fact.CallRinging),
    st.builds(fact.CallAnswered, by=st.sampled_from(["human", "machine"])),
    st.builds(fact.CallEnded, reason=st.sampled_from(["completed", "busy"])),
    st.builds(fact.DigitsPressed, digits=st.just("1")),
    st.builds(fact.VendorReported, status=st.just("queued")),
)
ANYBODY = st.sampled_from(["a", "a", "a", "a", "b", "c"])
WAITS = st.builds(Wait, st.sampled_from([0, 1, 4, 6, 20, 700, 4_000, 20_000]))
HEARS = st.builds(Hear, ANYBODY, EVENTS, st.sampled_from(["k1", "k2", "k3", "k4", "k5", "k6", "k7"]))
WISHES = st.builds(
    Wish,
    ANYBODY,
    st.sampled_from([Say(text="Hold on."), Say(text="Wait."), Ask(text="And?"), PressDigits(digits="1"), EndCall()]),
    st.sampled_from(["", "q1", "q2"]),
)
SOUNDS = st.builds(
    Sound, ANYBODY, st.sampled_from(["says", "says", "says", "starts", "lost", "plays", "plays", "cuts", "hold"])
)
ANSWER = st.sampled_from(["ok", "later", "no", "silence", "refused", "gone", "answered"])
OCCASIONS: st.SearchStrategy[Step] = st.one_of(
    st.builds(Place, st.sampled_from(CALLS), POLICIES),
    st.builds(Offered, st.sampled_from(["o1", "o2"])),
    st.builds(Connect, ANYBODY, st.sampled_from(["t1", "t2", "t3"])),
    st.builds(
        Answers,
        st.sampled_from(["dial", "hangup", "open_media", "reconcile", "answer"]),
        st.lists(ANSWER, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(Fault, st.sampled_from(["before", "after", "never", "late"]), st.sampled_from([1, 1, 2, 7, 12])),
    st.builds(Crash, st.sampled_from([0, 50, 30_000]), st.sampled_from([0, 0, 5_000, 3_600_000])),
)


def weighted(*choices: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """One of several, some more often than others."""
    table = [strategy for weight, strategy in choices for _ in range(weight)]
    return st.integers(0, len(table) - 1).flatmap(lambda number: table[number])


STEPS: st.SearchStrategy[Step] = weighted((5, SOUNDS), (5, WAITS), (3, OCCASIONS), (2, HEARS), (2, WISHES))


def _placed(policy: Policy) -> list[Step]:
    return [Place("a", policy)]


def _connected(policy: Policy, wait_ms: int) -> list[Step]:
    answered = Hear("a", fact.CallAnswered(by="human"), "k0")
    return [Place("a", policy), Wait(50), answered, Connect("a", "t0"), Wait(wait_ms)]


def _cut_short(policy: Policy, wait_ms: int, down_ms: int) -> list[Step]:
    return [Place("a", policy), Wait(wait_ms), Crash(down_ms, 0)]


def _offered(wait_ms: int) -> list[Step]:
    return [Offered("o1"), Wait(wait_ms), Connect("c", "t0")]


def _plan(opening: list[Step], rest: list[Step]) -> list[Step]:
    return [*opening, *rest]


CONNECTED: st.SearchStrategy[list[Step]] = st.builds(_connected, POLICIES, st.sampled_from([0, 6, 20, 1_000]))
CUT_SHORT: st.SearchStrategy[list[Step]] = st.builds(_cut_short, POLICIES, st.integers(4, 24), st.sampled_from([0, 50]))
OPENINGS: st.SearchStrategy[list[Step]] = weighted(
    (6, CONNECTED),
    (1, st.builds(_placed, POLICIES)),
    (1, CUT_SHORT),
    (1, st.builds(_offered, st.sampled_from([6, 50]))),
)
PLANS: st.SearchStrategy[list[Step]] = st.builds(_plan, OPENINGS, st.lists(STEPS, min_size=8, max_size=24))
"""Anything."""
FAULTS = st.builds(Fault, st.sampled_from(["before", "after", "never", "late"]), st.sampled_from([1, 2]))
FAULTY_PLANS: st.SearchStrategy[list[Step]] = st.builds(
    _plan, CONNECTED, st.lists(weighted((2, FAULTS), (3, SOUNDS), (2, WAITS), (1, HEARS)), min_size=6, max_size=16)
)
"""A call on a journal that often fails."""
CUT_SHORT_PLANS: st.SearchStrategy[list[Step]] = st.builds(_plan, CUT_SHORT, st.lists(STEPS, max_size=6))
"""A call whose process dies before the carrier has answered its dial."""
