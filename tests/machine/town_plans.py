"""Plans for a whole town: a network, the people in it, and a voicecall that is restarted while they talk."""

from __future__ import annotations

from typing import Any, Literal

from attrs import frozen
from hypothesis import strategies as st

from voicecall.events import Mode

Plain = dict[str, Any]


@frozen
class Call:
    """We call somebody who follows a script."""

    script: tuple[Any, ...]
    mode: Mode


@frozen
class CalledBy:
    """Somebody who follows a script calls us."""

    script: tuple[Any, ...]


@frozen
class Tell:
    """Whoever drives a call wants something of it."""

    call: int
    what: Literal["say", "ask", "digits", "end"]


@frozen
class Sleep:
    """Time passes."""

    ms: int


@frozen
class Restart:
    """The process is killed and, a while later, started again, perhaps with its wall clock set back."""

    down_ms: int
    set_back_ms: int


@frozen
class Weather:
    """What the way of webhooks, the way to the network and the journal do with the next few things."""

    where: Literal["webhooks", "api", "journal"]
    what: Literal["lost", "answer lost", "twice", "slow"]
    times: int


Step = Call | CalledBy | Tell | Sleep | Restart | Weather

WORDS = st.sampled_from(["Hello?", "Is Thursday free?", "I would like to know how that works, please.", "Yes."])
TALK: st.SearchStrategy[Any] = st.one_of(
    st.builds(lambda text: {"do": "say", "text": text}, WORDS),
    st.builds(lambda text, ms: {"do": "interrupt", "text": text, "afterMs": ms}, WORDS, st.sampled_from([200, 1_200])),
    st.just({"do": "hear"}),
    st.just({"do": "hear", "limitMs": 4_000}),
    st.builds(lambda ms: {"do": "wait", "ms": ms}, st.sampled_from([300, 2_000, 12_000])),
    st.builds(lambda keys: {"do": "press", "digits": keys}, st.sampled_from(["1", "23#"])),
)
LAST = st.sampled_from(["hangUp", "staySilent"])
PICKUP = st.sampled_from(["answer", "answer", "answer", "answer", "neverAnswer", "busy", "reject", "voicemail"])


def _script(first: str, talk: list[Any], last: str) -> tuple[Any, ...]:
    return (first, *talk, last) if first in ("answer", "voicemail") else (first,)


def _calling(talk: list[Any], last: str) -> tuple[Any, ...]:
    return (*talk, last)


SCRIPTS = st.builds(_script, PICKUP, st.lists(TALK, min_size=1, max_size=6), LAST)
CALLERS = st.builds(_calling, st.lists(TALK, min_size=1, max_size=5), LAST)
CALLS = st.builds(Call, SCRIPTS, st.sampled_from([Mode.CONVERSATION, Mode.CONVERSATION, Mode.NOTIFY]))
SLEEPS = st.builds(Sleep, st.sampled_from([3, 40, 900, 2_600, 5_000, 9_000, 20_000]))
TELLS = st.builds(Tell, st.integers(0, 2), st.sampled_from(["say", "ask", "digits", "end"]))
RESTARTS = st.builds(Restart, st.sampled_from([0, 300, 4_000, 20_000]), st.sampled_from([0, 0, 90_000]))
WEATHERS = st.builds(
    Weather,
    st.sampled_from(["webhooks", "api", "journal"]),
    st.sampled_from(["lost", "answer lost", "twice", "slow"]),
    st.sampled_from([1, 2, 5]),
)


def _calm(first: Step, rest: list[Step]) -> list[Step]:
    return [first, *rest]


CALM: st.SearchStrategy[list[Step]] = st.builds(
    _calm, CALLS | st.builds(CalledBy, CALLERS), st.lists(SLEEPS | TELLS, max_size=4)
)
"""Nothing goes wrong but what people do."""


def _polite(answers: bool, texts: list[str]) -> list[Step]:
    talk = [step for text in texts for step in ({"do": "hear"}, {"do": "say", "text": text})]
    script = (*talk, {"do": "hear"}, "hangUp")
    return [Call(("answer", *script), Mode.CONVERSATION) if answers else CalledBy(script)]


POLITE: st.SearchStrategy[list[Step]] = st.builds(_polite, st.booleans(), st.lists(WORDS, min_size=1, max_size=5))
"""Somebody who lets us finish, says something, and waits for an answer to it."""
STEPS: st.SearchStrategy[Step] = st.one_of(CALLS, st.builds(CalledBy, CALLERS), TELLS, SLEEPS, RESTARTS, WEATHERS)
STORMY: st.SearchStrategy[list[Step]] = st.builds(_calm, CALLS, st.lists(STEPS, min_size=4, max_size=14))
"""Everything may go wrong, and the process dies in the middle of it."""
