"""The first moments of a greeting, where they are protected."""

from __future__ import annotations

from tests.core.story import connected, conversing, kinds, spoken
from voicecall.events import facts as fact


def test_the_greeting_alone_carries_how_long_it_is_protected() -> None:
    call = connected(protect_greeting_ms=1_500)
    assert [one.protected_ms for one in call.state.saying] == [1_500]
    call = conversing(protect_greeting_ms=1_500)
    call.says("One?")
    assert spoken(call.replies("That was one.")) == ["That was one."]
    assert [one.protected_ms for one in call.state.saying] == [0]


def test_whoever_speaks_in_the_first_moments_does_not_take_back_the_greeting() -> None:
    call = connected(protect_greeting_ms=1_500)
    assert call.tell(fact.CallerStarted()) == ()
    call.starts(1)
    assert call.tell(fact.CallerStarted(), after_ms=1_499) == ()
    assert kinds(call.tell(fact.CallerStarted(), after_ms=1)) == ["stop_speaking"]
