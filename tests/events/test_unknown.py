"""What a newer version wrote is kept, whatever it means."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from voicecall.events import OnRestart
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.effects import UnknownEffect
from voicecall.events.facts import Unknown
from voicecall.events.schema import EFFECTS, EVENTS, decode_entry, encode_entry
from voicecall.testing.strategies import unknown

LINE: dict[str, Any] = {
    "v": 1,
    "seq": 3,
    "at": 1767225600412,
    "writer": "w9",
    "event": {"type": "call.transferred", "to": "sales", "legs": [{"id": "a"}, {"id": "b", "cost": None}]},
    "effects": [{"type": "hangup", "reason": "timeout"}, {"type": "bill", "cents": 12.5}],
}


def test_unknown_tags_are_kept_word_for_word() -> None:
    entry = decode_entry(json.dumps(LINE).encode())
    assert entry.event == Unknown(data=LINE["event"])
    assert entry.effects == (do.Hangup(reason="timeout"), UnknownEffect(data=LINE["effects"][1]))
    assert json.loads(encode_entry(entry)) == LINE


@given(unknown(Unknown, EVENTS))
def test_any_unknown_event_means_the_same_after_it_was_written_again(event: Unknown) -> None:
    body = json.dumps({**LINE, "event": event.data}).encode()
    assert json.loads(encode_entry(decode_entry(body)))["event"] == event.data


@given(unknown(UnknownEffect, EFFECTS))
def test_any_unknown_effect_means_the_same_after_it_was_written_again(effect: UnknownEffect) -> None:
    body = json.dumps({**LINE, "effects": [effect.data]}).encode()
    assert json.loads(encode_entry(decode_entry(body)))["effects"] == [effect.data]


def test_an_event_whose_tag_is_missing_or_no_text_is_unknown_too() -> None:
    for data in ({}, {"type": 5}, {"type": None, "text": "x"}):
        assert decode_entry(json.dumps({**LINE, "event": data}).encode()).event == Unknown(data=data)


def test_an_unknown_effect_is_given_up_after_a_restart() -> None:
    assert UnknownEffect().on_restart is OnRestart.ABANDON


def test_a_new_field_of_a_known_fact_does_not_keep_us_from_reading_it() -> None:
    body = json.dumps({**LINE, "event": {"type": "call.ringing", "vendor_call_id": "v1", "early_media": True}}).encode()
    assert decode_entry(body).event == fact.CallRinging(vendor_call_id="v1")


def test_a_missing_field_with_a_default_has_its_default() -> None:
    body = json.dumps({**LINE, "event": {"type": "caller.said", "text": "Hi"}}).encode()
    assert decode_entry(body).event == fact.CallerSaid(text="Hi", confidence=1.0)
