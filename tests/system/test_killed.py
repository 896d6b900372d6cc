"""A server that is killed at the worst moments: nothing durable is lost, nobody is rung twice, the call goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from attrs import frozen

from journal import Line
from tests.system.relay import Moment, Relay, open_relay
from tests.system.street import PATIENCE_S, Street, open_street
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry
from voicecall.rpc.client import NoServer


@frozen
class Scene:
    """``relay`` is between the server and the network's API."""

    street: Street
    relay: Relay


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The network waits a minute for a server that is gone: on this clock, as long as one takes to start on any day."""
    folder = tmp_path_factory.mktemp("street")
    with open_street(folder, serving=False, rate=7) as street, open_relay(street.network.ready["url"]) as relay:
        street.config.write_text(street.config.read_text().replace(street.network.ready["url"], relay.url))
        street.serve()
        yield Scene(street, relay)


@pytest.fixture
def street(scene: Scene) -> Street:
    return scene.street


HEAR = {"do": "hear", "limitMs": 300_000}
GREETED = (HEAR, {"do": "say", "text": "Tell me more, please."}, HEAR)
GOODBYE = ({"do": "say", "text": "I see. Goodbye."}, {"do": "hear", "limitMs": 5_000}, "hangUp")


def restart(
    street: Street, call_id: str, kind: type[object], *, until: Callable[[], bool] = lambda: True
) -> list[Line]:
    """Kill the server once a fact of this kind is durable, and start it again once ``until`` holds; the lines that
    were durable."""
    assert street.server is not None
    durable = street.told(call_id, kind)
    street.server.kill()
    kept = street.lines()
    assert kept[: len(durable)] == durable
    while not until():
        pass
    street.serve()
    return kept


def continued(street: Street, call_id: str, kept: list[Line]) -> None:
    """What must be true when the call is over."""
    assert street.lines()[: len(kept)] == kept
    seen = street.seen(call_id)
    assert (seen["dials"], seen["reason"]) == (1, "hangup-user")
    writers = {entry.writer for entry in street.entries(call_id)}
    assert len(writers) == len(street.events(call_id, fact.ActorStarted)) >= 2  # a slow disk may cost one more
    assert street.record(call_id)["endReason"] == "hangup-user"
    street.check(call_id)


def test_in_the_middle_of_a_conversation(street: Street) -> None:
    """The person is speaking; the words are lost with the sound, and so is the answer that they wait for.

    The server is not back before they have said it all: the rest of a sentence is not understood, which is apologized
    for.
    """
    question = {"do": "say", "text": "Tell me everything about it, and please do take all the time that you need."}
    call_id = street.call(street.people("+15551110001", "answer", HEAR, question, HEAR, *GOODBYE))
    street.saw(call_id, fact.PlaybackFinished)
    name = street.record(call_id)["providerCallId"]
    kept = restart(street, call_id, fact.CallerStarted, until=lambda: len(street.seen_as(name)["said"]) == 1)
    street.over(call_id)
    continued(street, call_id, kept)
    assert {one.alive for one in street.events(call_id, fact.CallReconciled)} == {True}
    assert street.seen(call_id)["mediaSockets"] == 2
    spoken = [one["text"] for one in street.record(call_id)["transcript"]]
    assert spoken[:3] == ["Hello, this is voicecall.", "I am back. Sorry about the pause.", "I see. Goodbye."]
    assert spoken[3] == "Thank you for taking the call."


def test_while_it_rings(street: Street) -> None:
    call_id = street.call(street.people("+15551110002", {"do": "answer", "rings": 3}, *GREETED, *GOODBYE))
    kept = restart(street, call_id, fact.CallRinging)
    street.over(call_id)
    continued(street, call_id, kept)
    assert street.record(call_id)["transcript"][0]["text"] == "Hello, this is voicecall."


def test_the_person_hangs_up_while_nobody_serves(street: Street) -> None:
    call_id = street.call(street.people("+15551110003", "answer", "hear", {"do": "wait", "ms": 1_000}, "hangUp"))
    street.saw(call_id, fact.PlaybackFinished)
    assert street.server is not None
    street.server.kill()
    while street.api("GET", "/_network/report")["living"]:
        pass
    street.serve()
    street.over(call_id)
    assert street.record(call_id)["endReason"] == "hangup-user"
    assert street.seen(call_id)["dials"] == 1
    street.check(call_id)


def placed(street: Street, number: str) -> str:
    """The call to this number, from the journal: nobody was told of it."""
    entries = ((line.stream, decode_entry(line.body).event) for line in street.lines())
    (stream,) = {one for one, event in entries if isinstance(event, fact.CallPlaced) and event.callee == number}
    return stream.removeprefix("call/")


@pytest.mark.parametrize(("moment", "dials", "reason"), [("before", 0, "failed"), ("after", 1, "hangup-user")])
def test_right_when_it_dials(scene: Scene, moment: Moment, dials: int, reason: str) -> None:
    """The dial may or may not have left us, so it is not repeated and the carrier is asked what became of it."""
    street, relay = scene.street, scene.relay
    number = street.people(f"+1555111001{dials}", "answer", *GREETED, *GOODBYE)
    before = street.api("GET", "/_network/report")["dials"]
    assert street.server is not None
    interrupted = relay.interrupt(street.server.kill, moment)
    with suppress(NoServer):  # the answer may come before the dial, or never
        street.call(number)
    assert interrupted.wait(PATIENCE_S)
    call_id = placed(street, number)
    street.serve()
    street.over(call_id)
    assert street.api("GET", "/_network/report")["dials"] - before == dials
    (failed,) = [one for one in street.events(call_id, fact.EffectFailed) if one.in_doubt]
    assert failed.reason == "restart"
    assert street.record(call_id)["endReason"] == reason
