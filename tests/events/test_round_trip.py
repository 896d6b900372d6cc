"""What is written is what is read, whatever it is and whoever wrote it."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given

from voicecall.events import AnyEffect, AnyEvent, Entry, Instant, Mode, Policy
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.schema import EFFECTS, EVENTS, SCHEMA, decode_entry, encode_entry, event_from_plain, to_plain
from voicecall.testing.strategies import effects, entries, events, of, policies

NOW = Instant(1_767_225_600_412)


def an_entry(event: AnyEvent, *decided: AnyEffect) -> Entry:
    return Entry(seq=7, at=NOW, writer="w2", event=event, effects=decided)


@given(entries())
def test_every_entry_survives_being_written_and_read(entry: Entry) -> None:
    body = encode_entry(entry)
    assert b"\n" not in body
    assert decode_entry(body) == entry
    assert encode_entry(decode_entry(body)) == body


@given(events())
def test_every_event_survives_as_plain_data(event: AnyEvent) -> None:
    assert event_from_plain(json.loads(json.dumps(to_plain(event)))) == event


@given(effects())
def test_every_effect_survives_beside_any_event(effect: AnyEffect) -> None:
    assert decode_entry(encode_entry(an_entry(fact.CallRinging(), effect))).effects == (effect,)


@given(policies())
def test_a_policy_comes_back_with_its_types(policy: Policy) -> None:
    placed = fact.CallPlaced(carrier="mock", caller="", callee="", policy=policy, rules=1)
    again = event_from_plain(to_plain(placed))
    assert isinstance(again, fact.CallPlaced)
    assert again.policy == policy
    assert isinstance(again.policy.mode, Mode)


@pytest.mark.parametrize("cls", [cls for cls in get_args(AnyEvent) if cls is not fact.Unknown])
def test_every_kind_of_fact_is_drawn_and_tagged(cls: Any) -> None:
    @given(of(cls))
    def check(event: Any) -> None:
        plain = to_plain(event)
        assert plain["type"] == cls.kind
        assert EVENTS[plain["type"]] is cls
        assert event_from_plain(plain) == event

    check()


@pytest.mark.parametrize("cls", [cls for cls in get_args(AnyEffect) if cls is not do.UnknownEffect])
def test_every_kind_of_effect_is_drawn_and_tagged(cls: Any) -> None:
    @given(of(cls))
    def check(effect: Any) -> None:
        assert EFFECTS[to_plain(effect)["type"]] is cls
        assert decode_entry(encode_entry(an_entry(fact.CallRinging(), effect))).effects == (effect,)

    check()


def test_an_entry_looks_like_the_line_in_the_design() -> None:
    said = fact.CallerSaid(text="is Thursday free?", confidence=0.93, started_ms=8_120, ended_ms=9_480)
    entry = Entry(
        seq=7,
        at=NOW,
        writer="w2",
        key="telnyx:0ccc7b54",
        event=said,
        effects=(
            do.AskAgent(turn=2, text="is Thursday free?"),
            do.StartTimer(name="silence", due=Instant(NOW + 2_000)),
        ),
    )
    assert json.loads(encode_entry(entry)) == {
        "v": SCHEMA,
        "seq": 7,
        "at": 1767225600412,
        "writer": "w2",
        "key": "telnyx:0ccc7b54",
        "event": {
            "type": "caller.said",
            "text": "is Thursday free?",
            "confidence": 0.93,
            "started_ms": 8120,
            "ended_ms": 9480,
            "told_at": 0,
        },
        "effects": [
            {"type": "ask_agent", "turn": 2, "text": "is Thursday free?"},
            {"type": "start_timer", "name": "silence", "due": 1767225602412},
        ],
    }


def test_what_is_not_there_is_not_written_but_every_field_of_a_fact_is() -> None:
    assert json.loads(encode_entry(an_entry(fact.CallRinging()))) == {
        "v": SCHEMA,
        "seq": 7,
        "at": NOW,
        "writer": "w2",
        "event": {"type": "call.ringing", "vendor_call_id": ""},
    }
    unproven = Entry(seq=1, at=NOW, writer="w", event=fact.CallRinging(), evidence="sha256:0", verified=False)
    plain = json.loads(encode_entry(unproven))
    assert (plain["evidence"], plain["verified"]) == ("sha256:0", False)
