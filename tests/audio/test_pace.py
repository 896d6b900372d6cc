"""How evenly frames leave: one for every visit, whenever the utterance began and however much the visits wobble."""

from __future__ import annotations

from math import sin

import pytest
import trio
import trio.testing
from attrs import define, field

from tests.audio.kit import codec
from voicecall.adapters.speech.scripted import ScriptedSynthesizer, ScriptedTranscriber
from voicecall.audio.listening import Listening
from voicecall.audio.measure import Lag
from voicecall.audio.outbox import Outbox
from voicecall.audio.session import FRAME_S, LEAD_S, Session
from voicecall.audio.voicing import Voiced
from voicecall.events import CallId, EffectId
from voicecall.events.effects import Speak
from voicecall.ports import MediaStart


@define
class Wire:
    """A link that counts the frames of each moment."""

    descriptor: int = -1
    closed: bool = False
    reason: str = ""
    sent: list[int] = field(factory=list[int])

    def receive(self) -> list[bytes]:
        return []

    def send(self, *messages: bytes) -> None:
        self.sent[-1] += sum(b'"media"' in message for message in messages)

    queue = send

    def fetch(self) -> None: ...

    def flush(self) -> None: ...

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = True


def frames_of(visits: list[float], *, begins: float) -> list[int]:
    """How many frames leave when an utterance begins, and at each visit. Times in seconds."""
    wire = Wire()

    async def main() -> None:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        async with trio.open_nursery() as nursery:
            session = Session(
                call_id=CallId("c1"),
                link=wire,
                codec=codec,
                start=MediaStart(stream_id="s", vendor_call_id="", ticket="t"),
                outbox=Outbox(post=lambda event: None),
                synthesizer=ScriptedSynthesizer(),
                lag=Lag(),
                listening=Listening(call_id=CallId("c1"), transcriber=ScriptedTranscriber(), post=lambda event: None),
                voicing=Voiced(),
                spawn=nursery.start_soon,
            )
            zero = trio.current_time()
            session.begin(zero)
            clock.jump(begins)
            wire.sent.append(0)
            session.speak(EffectId("1.0"), Speak(utterance=1, text="One thing after the other is told. " * 30))
            await trio.testing.wait_all_tasks_blocked()
            for visit in visits:
                wire.sent.append(0)
                session.serve(zero + visit)
                await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock())
    return wire.sent


@pytest.mark.parametrize("phase_ms", range(0, 20, 2))
def test_every_visit_sends_one_frame(phase_ms: int) -> None:
    begins = 0.5 + phase_ms / 1000
    visits = [0.52 + FRAME_S * number + 0.004 * sin(7 * number) for number in range(200)]
    first, *sent = frames_of([at for at in visits if at > begins], begins=begins)
    assert first == round(LEAD_S / FRAME_S) + 1
    assert sent[0] in (0, 1)
    assert set(sent[1:]) == {1}


def test_a_late_visit_makes_up_for_what_it_missed_and_no_more() -> None:
    visits = [0.52 + FRAME_S * number for number in range(20)]
    del visits[10:12]
    _, *sent = frames_of(visits, begins=0.51)
    assert sent[1:] == [1] * 9 + [3] + [1] * 7
