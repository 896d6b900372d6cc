"""Who tells of a call, and however often, means the same one."""

from __future__ import annotations

import uuid

from voicecall.actors.identity import inbound_call_id, outbound_call_id


def test_names_are_derived_and_therefore_the_same_tomorrow() -> None:
    # Written down once: a changed rule would make a second call of every repeated request.
    assert outbound_call_id("r1") == "85c1ca9e-00f4-5347-9640-7cb7ce42cff3"
    assert inbound_call_id("mock", "v1") == "4ce634d6-c1cf-592d-8d65-f6c60faaa3d1"


def test_different_things_have_different_names() -> None:
    names = {
        outbound_call_id("r1"),
        outbound_call_id("r2"),
        inbound_call_id("mock", "v1"),
        inbound_call_id("mock", "v2"),
        inbound_call_id("other", "v1"),
    }
    assert len(names) == 5
    assert {uuid.UUID(name).version for name in names} == {5}
