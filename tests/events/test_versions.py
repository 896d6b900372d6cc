"""Lines that an older version wrote are brought up to date; those of a newer one are refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from voicecall.events import facts as fact
from voicecall.events import schema
from voicecall.events.schema import SCHEMA, BadEntry, decode_entry, encode_entry

Plain = dict[str, Any]


def body(version: Any, event: Plain) -> bytes:
    return json.dumps({"v": version, "seq": 1, "at": 5, "writer": "w1", "event": event}).encode()


@pytest.mark.parametrize("version", [SCHEMA + 1, 99])
def test_a_newer_version_is_refused_by_name(version: int) -> None:
    expected = rf"v: expected a schema version from 1 to {SCHEMA}, got {version}; a newer voicecall wrote it"
    with pytest.raises(BadEntry, match=expected):
        decode_entry(body(version, {"type": "call.ringing"}))


@pytest.mark.parametrize("version", [0, -1, None, "1", True, 1.0])
def test_what_is_no_version_is_refused_without_guessing_who_wrote_it(version: Any) -> None:
    with pytest.raises(BadEntry) as refused:
        decode_entry(body(version, {"type": "call.ringing"}))
    assert str(refused.value) == f"v: expected a schema version from 1 to {SCHEMA}, got {version!r}"


def test_an_older_line_is_read_as_todays_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    def words_became_text(plain: Plain) -> Plain:
        event = dict(plain["event"])
        if event["type"] == "caller.said":
            event["text"] = " ".join(event.pop("words"))
        return {**plain, "event": event}

    def the_tag_was_renamed(plain: Plain) -> Plain:
        event = plain["event"]
        return {**plain, "event": {**event, "type": {"phone.rang": "call.ringing"}.get(event["type"], event["type"])}}

    monkeypatch.setattr(schema, "SCHEMA", SCHEMA + 2)
    monkeypatch.setitem(schema.UPCASTS, SCHEMA, words_became_text)
    monkeypatch.setitem(schema.UPCASTS, SCHEMA + 1, the_tag_was_renamed)

    said = decode_entry(body(SCHEMA, {"type": "caller.said", "words": ["is", "Thursday", "free?"]}))
    assert said.event == fact.CallerSaid(text="is Thursday free?")
    assert decode_entry(body(SCHEMA + 1, {"type": "phone.rang"})).event == fact.CallRinging()
    assert decode_entry(body(SCHEMA + 2, {"type": "call.ringing"})).event == fact.CallRinging()
    assert json.loads(encode_entry(said))["v"] == SCHEMA + 2
