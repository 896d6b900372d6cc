"""The vocabulary itself: names, lanes, restart rules."""

from __future__ import annotations

import re
from typing import get_args

import attrs
import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import given

from voicecall.events import AnyEffect, AnyEvent, Entry, Instant, Lane, OnRestart, Policy, effect_id, effects_of
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.testing.strategies import effects, events


def test_facts_are_a_dotted_noun_and_past_verb_and_effects_an_imperative() -> None:
    facts = [cls.kind for cls in get_args(AnyEvent) if cls is not fact.Unknown]
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+", kind) for kind in facts)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", cls.kind) for cls in get_args(AnyEffect))


def test_what_settles_an_effect_says_which() -> None:
    settling = {cls.kind for cls in get_args(AnyEvent) if "settles" in attrs.fields_dict(cls)}
    assert settling == {
        "call.ended", "playback.finished", "agent.finished", "dial.accepted", "call.reconciled", "timer.fired",
        "effect.succeeded", "effect.failed",
    }  # fmt: skip


@given(events() | effects())
def test_what_happened_cannot_be_changed(value: object) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(value, next(iter(attrs.fields_dict(type(value))), "text"), "something else")


def test_restart_rules_are_those_of_the_architecture() -> None:
    rules = {cls.kind: (cls.lane, cls.on_restart) for cls in get_args(AnyEffect)}
    again = {kind for kind, (_, rule) in rules.items() if rule is OnRestart.RETRY}
    assert again == {"answer", "reject", "hangup", "reconcile", "ask_agent", "conclude"}
    assert {kind for kind, (_, rule) in rules.items() if rule is OnRestart.REARM} == {"start_timer"}
    assert {kind for kind, (lane, _) in rules.items() if lane is Lane.MEDIA} == {"speak", "stop_speaking", "listen"}


def test_effects_are_named_by_entry_and_place() -> None:
    entry = Entry(seq=12, at=Instant(5), writer="w1", event=fact.CallRinging(), effects=(do.Answer(), do.Hangup()))
    assert effects_of(entry) == ((effect_id(12, 0), do.Answer()), (effect_id(12, 1), do.Hangup()))
    assert effect_id(12, 1) == "12.1"


def test_a_policy_never_holds_a_secret() -> None:
    words = {word for name in attrs.fields_dict(Policy) for word in name.split("_")}
    assert words & {"key", "secret", "token", "password", "auth"} == set()
