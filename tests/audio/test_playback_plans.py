"""Any order of things that can happen to a playback keeps its promises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicecall.audio.playback import FRAME_MS, MARK_MS, Finished, Frame, Playback

Step = tuple[str, int]
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("speak"), st.integers(0, 1)),
        st.tuples(st.just("feed"), st.integers(1, 4_000)),
        st.tuples(st.just("close"), st.integers(0, 1)),
        st.tuples(st.just("send"), st.integers(1, 60)),
        st.tuples(st.just("echo"), st.integers(1, 10)),
        st.tuples(st.just("clear"), st.integers(0, 3)),
        st.tuples(st.just("give up"), st.just(0)),
    ),
    min_size=20,
    max_size=60,
)


class Line:
    """A playback, and a carrier that plays what it gets and echoes its marks in order, as far as it is told to."""

    def __init__(self) -> None:
        self.playback = Playback()
        self.spoken = 0
        self.open: list[int] = []
        self.finished: list[Finished] = []
        self.under_way: list[str] = []
        self.heard: dict[int, int] = {}
        self.since_mark: dict[int, int] = {}

    def do(self, step: Step) -> None:
        what, how = step
        match what:
            case "speak":
                self.speak(interruptible=bool(how))
            case "feed" if self.open:
                self.playback.feed(self.open[0], b"\x20" * how)
            case "close" if self.open:
                self.note(self.playback.close(self.open.pop(0), broken=bool(how)))
            case "send":
                self.send(how)
            case "echo":
                self.echo(how)
            case "clear":
                self.clear(None if how == 0 else self.spoken - how)
            case "give up" if self.playback.unacknowledged:
                self.note(self.playback.give_up(self.playback.unacknowledged, interrupted=False))
            case _:
                pass

    def speak(self, *, interruptible: bool) -> None:
        self.spoken += 1
        self.open.append(self.spoken)
        self.playback.enqueue(self.spoken, interruptible=interruptible)

    def clear(self, up_to: int | None) -> None:
        if cleared := self.playback.clear(up_to):
            self.note(cleared)
            self.under_way.clear()

    def send(self, times: int) -> None:
        for _ in range(times):
            frame = self.playback.next_frame()
            if frame is not None:
                self.check(frame)
            elif mark := self.playback.close_mark(self.playback.unacknowledged):
                self.under_way.append(mark)

    def check(self, frame: Frame) -> None:
        assert len(frame.payload) == 160
        current = self.playback.playing if not frame.starts else frame.starts
        self.since_mark[current] = self.since_mark.get(current, 0) + FRAME_MS
        assert self.since_mark[current] <= MARK_MS
        if frame.mark:
            self.since_mark.clear()
            self.under_way.append(frame.mark)

    def echo(self, times: int) -> None:
        for mark in self.under_way[:times]:
            utterance, offset = map(int, mark.split(":"))
            self.heard[utterance] = offset
            self.note(self.playback.acknowledge(mark))
        del self.under_way[:times]

    def note(self, finished: list[Finished]) -> None:
        for one in finished:
            assert one.utterance not in [other.utterance for other in self.finished], "finished twice"
            assert one.heard_ms == self.heard.get(one.utterance, 0), "only an echo proves that something was heard"
            assert one.heard_ms <= one.sent_ms
            self.open = [other for other in self.open if other != one.utterance]
        self.finished += finished


@given(steps)
def test_every_utterance_is_finished_once_and_only_what_was_echoed_was_heard(plan: list[Step]) -> None:
    line = Line()
    for step in plan:
        line.do(step)
    for utterance in tuple(line.open):
        line.note(line.playback.close(utterance))
    for _ in range(1_000):
        if not line.playback.busy:
            break
        line.send(1)
        line.echo(1)
    assert sorted(one.utterance for one in line.finished) == list(range(1, line.spoken + 1))
    assert not line.playback.ready
