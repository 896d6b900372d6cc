"""ElevenLabs' ear over real sockets: what a caller says arrives once, whatever happens to the sessions."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import define, field

from tests.adapters.speech.elevenlabs.kit import config, run
from voicecall.adapters.speech.elevenlabs.failures import ElevenLabsFailed, Misconfigured
from voicecall.adapters.speech.elevenlabs.transcriber import open_transcriber
from voicecall.audio.tap import Tap
from voicecall.config import parse
from voicecall.events.facts import CallerHeard, CallerSaid
from voicecall.ports import CallerSpeech
from voicecall.testing.vendors.elevenlabs import ElevenLabs, Fault
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.voice import SILENCE, say

STEP_MS = 100
QUESTION = "Is there any way that you could come on Thursday instead?"
PAUSE_MS = 1_400
EXACT_MS = 300
"""Where no piece of sound was late, times are so exact. ``test_hearing.py`` tells of exact ones."""


@define
class Caller:
    """Somebody who talks into a tap, and what the transcriber makes of it."""

    vendor: ElevenLabs
    tap: Tap = field(factory=Tap)
    told: list[tuple[float, CallerSpeech]] = field(factory=list[tuple[float, CallerSpeech]])
    opened: float = field(factory=trio.current_time)
    next_step: float = 0.0
    late_ms: float = 0.0
    """The most that a piece of sound was late: on a fast clock, a busy machine's milliseconds are many."""
    heard: trio.Event = field(factory=trio.Event)
    spoke: list[tuple[float, float]] = field(factory=list[tuple[float, float]])
    """When it began to say something and when it had said it, in ms since the media opened."""

    async def hear(self, sound: bytes) -> None:
        """Sound in pieces of 100 ms, each when it is over."""
        self.next_step = max(self.next_step, trio.current_time())
        for start in range(0, len(sound), 8 * STEP_MS):
            self.next_step += STEP_MS / 1000
            await trio.sleep_until(self.next_step)
            self.late_ms = max(self.late_ms, (trio.current_time() - self.next_step) * 1000)
            self.tap.pour(sound[start : start + 8 * STEP_MS])

    async def say(self, text: str) -> None:
        """A remark, and then nothing."""
        self.next_step = max(self.next_step, trio.current_time())
        began = (self.next_step - self.opened) * 1000
        self.spoke.append((began, began + len(say(text)) / 8))
        await self.hear(say(text) + quiet(PAUSE_MS))

    def check_times(self) -> None:
        """Everything that was said is where it was said."""
        near = EXACT_MS + self.late_ms
        assert [one.started_ms for one in self.said] == pytest.approx([start for start, _ in self.spoke], abs=near)
        assert [one.ended_ms for one in self.said] == pytest.approx([end for _, end in self.spoke], abs=near)

    @property
    def said(self) -> list[CallerSaid]:
        return [event for _, event in self.told if isinstance(event, CallerSaid)]

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.said]

    async def until(self, *texts: str) -> None:
        """Wait until exactly this was said."""
        while len(self.said) < len(texts):
            self.heard = trio.Event()
            await self.heard.wait()
        assert self.texts == list(texts)


def quiet(ms: int) -> bytes:
    return SILENCE * (8 * ms)


@asynccontextmanager
async def calling(vendor: ElevenLabs, *, renew_s: float = 1_200) -> AsyncGenerator[Caller]:
    """A caller with a transcriber on the line."""

    async def listen() -> None:
        async with open_transcriber(keys, renew_s=renew_s) as transcriber, transcriber.listen(caller.tap) as speech:
            async for event in speech:
                caller.told.append((trio.current_time(), event))
                caller.heard.set()

    async with open_vendor(vendor.app()) as url, trio.open_nursery() as nursery:
        keys = config(url).streaming.providers.elevenlabs
        caller = Caller(vendor)
        nursery.start_soon(listen)
        yield caller
        caller.tap.close()


def play(
    story: Callable[[Caller], Awaitable[None]], vendor: ElevenLabs | None = None, *, renew_s: float = 1_200
) -> None:
    """Tell a story about a caller."""

    async def main() -> None:
        async with calling(vendor or ElevenLabs(), renew_s=renew_s) as caller:
            await story(caller)

    run(main)


def faulty(*faults: Fault | None) -> ElevenLabs:
    return ElevenLabs(faults=deque(faults))


def test_remarks_are_told_once_each_with_their_times() -> None:
    async def story(caller: Caller) -> None:
        await caller.hear(quiet(1_000))
        await caller.say(QUESTION)
        await caller.say("Hello?")
        await caller.until(QUESTION, "Hello?")
        caller.check_times()
        assert caller.vendor.count("session") == 1

    play(story)


def test_partial_transcripts_grow_and_do_not_flood() -> None:
    async def story(caller: Caller) -> None:
        await caller.say(QUESTION)
        await caller.until(QUESTION)
        partials = [(at, event.text) for at, event in caller.told if isinstance(event, CallerHeard)]
        assert 3 <= len(partials) <= 8
        assert partials[-1][0] - partials[0][0] > 0.5 * (len(partials) - 1) - 0.25
        assert all(QUESTION.startswith(text.removesuffix(" ")) for _, text in partials)

    play(story)


def test_what_was_said_before_the_session_was_ready_is_heard() -> None:
    async def story(caller: Caller) -> None:
        await caller.say("Hello?")
        assert caller.texts == []
        await caller.until("Hello?")
        caller.check_times()

    vendor = ElevenLabs()
    vendor.start_s = 3
    play(story, vendor)


def test_a_carrier_that_sends_no_silence_is_heard_all_the_same() -> None:
    async def story(caller: Caller) -> None:
        await trio.sleep(10)
        began = (trio.current_time() - caller.opened) * 1000
        await caller.hear(say(QUESTION)[:-160])
        await trio.sleep(0.06)
        caller.tap.lull()
        await caller.until(QUESTION)
        assert caller.said[0].started_ms == pytest.approx(began, abs=EXACT_MS + caller.late_ms)
        await trio.sleep(5)
        sent = caller.vendor.count("audio")
        await trio.sleep(20)
        assert caller.vendor.count("audio") == sent

    play(story)


def test_last_words_are_heard_after_the_media_closed() -> None:
    async def main() -> None:
        async with calling(ElevenLabs()) as caller:
            await caller.hear(quiet(2_000) + say("Goodbye."))
        assert caller.texts == ["Goodbye."]

    # There is a second and a half for the vendor's answer.
    run(main, rate=4)


def test_a_quiet_caller_who_hangs_up_is_let_go_at_once() -> None:
    async def main() -> None:
        async with calling(ElevenLabs()) as caller:
            await caller.hear(quiet(2_000))
            closed = trio.current_time()
        assert caller.told == []
        assert trio.current_time() - closed < 1.4

    run(main)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="cut", after=2),
        Fault(kind="complain", after=2, code="transcriber_error", message="?"),
        Fault(kind="complain", after=2, code="session_time_limit_exceeded", message="enough"),
        Fault(kind="complain", after=2, code="queue_overflow", message="too fast"),
        Fault(kind="complain", after=2, code="something_new", message="?"),
        Fault(kind="refuse", status=429),
        Fault(kind="refuse", status=503),
        Fault(kind="complain", code="rate_limited", message="later"),
        Fault(kind="stall"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.code or fault.status}-{fault.after}",
)
def test_a_session_that_ends_in_the_middle_of_a_remark_costs_nothing_of_it(fault: Fault) -> None:
    async def story(caller: Caller) -> None:
        # The first session hears one remark well; what follows is said while sessions fail.
        await caller.say("Hello?")
        await caller.until("Hello?")
        await caller.hear(quiet(600) + say(QUESTION) + quiet(PAUSE_MS))
        await caller.until("Hello?", QUESTION)
        await caller.say("Hello?")
        await caller.until("Hello?", QUESTION, "Hello?")
        assert caller.vendor.count("session") >= 1
        started = [one.started_ms for one in caller.said]
        assert started == sorted(started)

    async def early(caller: Caller) -> None:
        await caller.say(QUESTION)
        await caller.until(QUESTION)

    if fault.after:
        # Two messages of the first session are the partials of the remark.
        play(early, faulty(fault))
    play(story, faulty(fault))


def test_a_session_that_does_not_listen_any_more_is_replaced() -> None:
    async def story(caller: Caller) -> None:
        for _ in range(2):
            await caller.say(QUESTION)
        await caller.until(QUESTION, QUESTION)
        assert caller.vendor.count("session") == 2

    play(story, faulty(Fault(kind="stall", after=2)))


def test_a_session_is_renewed_when_nobody_speaks_and_nothing_is_lost() -> None:
    async def story(caller: Caller) -> None:
        for _ in range(3):
            await caller.say(QUESTION)
        await caller.until(*[QUESTION] * 3)
        caller.check_times()
        assert 3 <= caller.vendor.count("session") <= 5

    play(story, renew_s=4)


def test_the_vendors_own_limit_is_met_without_loss() -> None:
    async def story(caller: Caller) -> None:
        for _ in range(4):
            await caller.say(QUESTION)
        await caller.until(*[QUESTION] * 4)
        caller.check_times()
        assert caller.vendor.count("session") >= 2

    vendor = ElevenLabs()
    vendor.session_s = 7.3
    play(story, vendor)


async def call_in_vain(vendor: ElevenLabs) -> None:
    async with calling(vendor) as caller:
        await caller.say("Hello?")
        await trio.sleep_forever()


@pytest.mark.parametrize(
    ("fault", "about"),
    [
        (
            Fault(kind="refuse", status=401, code="invalid_api_key", message="no"),
            "401 invalid_api_key: no .*check apiKey",
        ),
        (Fault(kind="complain", code="auth_error", message="no"), "auth_error: no .*check apiKey"),
        (Fault(kind="complain", code="quota_exceeded", message="0 left"), "quota_exceeded: 0 left .*used up"),
        (Fault(kind="complain", code="unaccepted_terms", message="sign"), "unaccepted_terms: sign .*elevenlabs.io"),
    ],
)
def test_what_no_next_session_would_cure_is_told_at_once(fault: Fault, about: str) -> None:
    async def story() -> None:
        with pytest.RaisesGroup(
            pytest.RaisesExc(ElevenLabsFailed, match=f"ElevenLabs: {about}"), flatten_subgroups=True
        ):
            await call_in_vain(faulty(fault))

    run(story)


def test_five_failures_in_a_row_are_told() -> None:
    async def story() -> None:
        vendor = faulty(*[Fault(kind="refuse", status=503, code="", message="")] * 6, None)
        with pytest.RaisesGroup(pytest.RaisesExc(ElevenLabsFailed, match="ElevenLabs: 503"), flatten_subgroups=True):
            await call_in_vain(vendor)
        assert list(vendor.faults) == [None]

    run(story)


def test_nobody_listens_without_a_key() -> None:
    async def story() -> None:
        with pytest.raises(Misconfigured, match=r"streaming\.providers\.elevenlabs\.apiKey is required"):
            async with open_transcriber(parse({}, {}).streaming.providers.elevenlabs):
                raise AssertionError("it opened")

    run(story)
