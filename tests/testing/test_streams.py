"""Media streams as a vendor orders them: who ends them, what is told, the framing, and the verb that waits."""

from __future__ import annotations

import pytest
import trio

from tests.testing.desk import HOME, Desk, play
from tests.testing.paper import PaperControl
from voicecall.testing.happenings import StreamEnded, StreamStarted
from voicecall.testing.media import NotConnected
from voicecall.testing.memory_network import LinkEnd
from voicecall.testing.voice import say

MEDIA = "ws://127.0.0.1:3334/media"
QUIET = ["answer", "staySilent"]
TICK = 0.25


def lines(end: LinkEnd) -> list[str]:
    return [one.decode() for one in end.receive()]


def told(control: PaperControl) -> list[StreamStarted | StreamEnded]:
    return [one for one in control.heard if isinstance(one, StreamStarted | StreamEnded)]


def sound(text: str) -> bytes:
    return b"sound " + say(text).hex().encode()


async def streaming(desk: Desk, script: object = QUIET) -> tuple[PaperControl, str, LinkEnd]:
    control = await desk.dial(script)
    await trio.sleep(2.2)
    path = f"/{control.call.party.vendor_call_id}"
    assert (await desk.ask(f"{path}/open_stream", url=MEDIA, name="s1"))["done"]
    await trio.sleep(TICK)
    return control, path, desk.links[-1][1]


def test_a_stream_carries_the_vendors_words_both_ways() -> None:
    steps = ["answer", {"do": "wait", "ms": 4_000}, {"do": "say", "text": "Hi."}, {"do": "press", "digits": "5"}]

    async def story(desk: Desk) -> None:
        control, _, end = await streaming(desk, [*steps, "staySilent"])
        handshake, _ = desk.links[0]
        assert (handshake.method, handshake.url, handshake.headers) == ("GET", MEDIA, {"x-paper": "yes"})
        for message in (sound("Hello."), b"mark one", b"ignore it", b"press 42", b"nonsense"):
            end.send(message)
        await trio.sleep(9)
        said = [one.split(" ") for one in lines(end)]
        assert [one for one in said if one[0] != "sound"] == [
            ["open", "s1"],
            ["error"],
            ["played", "one"],
            ["key", "5"],
        ]
        frames = [(int(at), bytes.fromhex(frame)) for word, at, frame in (one for one in said if one[0] == "sound")]
        assert b"".join(frame for _, frame in frames).startswith(say("Hi."))
        assert [at - frames[0][0] for at, _ in frames] == [20 * index for index in range(len(frames))]
        assert frames[0][0] == pytest.approx(4_000 - 2_200 + 2_000, abs=150)
        call = control.call
        assert (call.keys, call.phone.marks.received, call.ear.heard_ms > 200) == ("42", 1, True)
        assert "media message: there is no nonsense" in [one.what for one in call.timeline]

    play(story)


def test_clearing_tells_which_marks_were_waiting() -> None:
    async def story(desk: Desk) -> None:
        control, _, end = await streaming(desk)
        for message in (sound("A long sentence about nothing."), b"mark a", sound("And more."), b"mark b"):
            end.send(message)
        await trio.sleep(1)
        end.send(b"clear")
        await trio.sleep(1)
        assert lines(end)[1:] == ["cleared a b"]
        assert (control.call.phone.clears, control.call.phone.dropped_ms > 1_000) == (1, True)

    play(story)


@pytest.mark.parametrize(
    ("how", "last"), [("stopped", "stop asked"), ("closed", "open s1"), ("lost", "open s1"), ("hangup", "stop hangup")]
)
def test_each_end_of_a_stream_is_told_once_and_the_next_can_begin(how: str, last: str) -> None:
    async def story(desk: Desk) -> None:
        control, path, end = await streaming(desk)
        assert not (await desk.ask(f"{path}/open_stream", url=MEDIA, name="second"))["done"]
        match how:
            case "stopped":
                assert (await desk.ask(f"{path}/close_stream"))["done"]
            case "closed":
                end.close()
            case "lost":
                end.cut()
            case _:
                await desk.ask(f"{path}/end")
        # A new stream may begin at once, while the old one still says good-bye.
        again = await desk.ask(f"{path}/open_stream", url=MEDIA, name="s2")
        await trio.sleep(1)
        assert again["done"] is (how != "hangup")
        ended = StreamEnded(stream_id="s1", url=MEDIA, how="stopped" if how == "hangup" else how)
        assert told(control)[:2] == [StreamStarted(stream_id="s1", url=MEDIA), ended]
        assert (lines(end)[-1], end.closed) == (last, True)
        if again["done"]:
            assert not desk.links[1][1].closed
            desk.links[1][1].send(sound("Still there?"))
            await trio.sleep(1)
            assert control.call.ear.heard_ms > 300

    play(story)


def test_a_stream_that_cannot_be_opened_is_refused_and_the_call_goes_on() -> None:
    async def story(desk: Desk) -> None:
        def refuse(*_: object) -> None:
            raise NotConnected("403 go away")

        desk.links = type("Closed", (list,), {"append": refuse})()  # nobody takes a stream here
        control = await desk.dial(QUIET)
        await trio.sleep(2.2)
        await desk.ask(f"/{control.call.party.vendor_call_id}/open_stream", url=MEDIA, name="s1")
        await trio.sleep(1)
        assert told(control) == [StreamEnded(stream_id="s1", url=MEDIA, how="refused", detail="403 go away")]
        assert not control.call.over

    play(story)


# --- by document -----------------------------------------------------------------------------------------------------


def test_a_document_waits_for_its_stream_and_then_asks_or_goes_on() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(QUIET, flow=f"{HOME}/answer")
        await trio.sleep(5)
        assert desk.paths() == ["/answer"]
        desk.links[0][1].close()
        await trio.sleep(1)
        assert desk.told("/go_on") == [{**desk.told("/go_on")[0], "asks": "Streamed", "how": "closed"}]
        desk.links[1][1].cut()
        call = await desk.over()
        assert (call["keysHeard"], call["reason"], call["mediaSockets"]) == ("7", "completed", 2)

    again = f"<Stream url='{MEDIA}/second'/><Keys digits='7'/>"
    play(story, answer=f"<Stream url='{MEDIA}/first' action='/go_on'/><Keys digits='9'/>", go_on=again)


def test_a_document_that_does_not_wait_for_its_stream_goes_on_at_once() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(QUIET, flow=f"{HOME}/answer")
        call = await desk.over()
        assert [one["text"] for one in call["carrierSaid"]] == ["And now?"]
        assert (call["mediaSockets"], call["reason"]) == (1, "completed")
        assert lines(desk.links[0][1])[-1] == "stop completed"

    play(story, answer=f"<Stream url='{MEDIA}/s' wait='false'/><Say>And now?</Say>")


def test_a_new_document_closes_the_stream_that_the_old_one_waits_for() -> None:
    async def story(desk: Desk) -> None:
        control = await desk.dial(QUIET, flow=f"{HOME}/answer")
        await trio.sleep(5)
        (_, end) = desk.links[0]
        await desk.ask(f"/{control.call.party.vendor_call_id}/document", url=f"{HOME}/go_on")
        await trio.sleep(0.5)
        assert (lines(end)[-1], end.closed) == ("stop asked", True)
        await trio.sleep(3)
        assert control.call.over
        assert [one.how for one in told(control) if isinstance(one, StreamEnded)] == ["stopped"]
        assert control.call.keys == "3"

    play(story, answer=f"<Stream url='{MEDIA}/s' action='/never'/>", go_on="<Keys digits='3'/>")
