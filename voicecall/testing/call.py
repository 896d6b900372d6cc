"""One call in the simulated network: its life, its phone, its person, and whoever it is told to.

Theory of operation
-------------------
Everything that happens to a call is told to its control, the vendor's side of it, at once and in order (``tell``). A
call is a few tasks in one nursery: the *outbox* delivers webhooks, the *line* runs the person, the phone, the carrier's
voice and whatever the control has spawned; a media stream has a task of its own. Ending the call is one synchronous
step: what is under way is told to be over, the stream says so, the control hears ``Ended``, the outbox is closed and
the line is cancelled. The nursery is done when the last webhook is settled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Literal

import trio
from attrs import define, field, frozen

from voicecall.events import Instant
from voicecall.ports import Exchange, HttpResponse
from voicecall.testing.carrier_voice import CarrierVoice
from voicecall.testing.detection import Detection
from voicecall.testing.dialect import CallControl, Listener, Webhook
from voicecall.testing.ear import Ear
from voicecall.testing.framing import MediaOrder
from voicecall.testing.happenings import (
    Answered,
    Ended,
    Ending,
    Happening,
    Initiated,
    KeyPressed,
    KeysWanted,
    Party,
    Plan,
    Ringing,
    Status,
    StreamStarted,
)
from voicecall.testing.listening import KeyCollector, Recognizer
from voicecall.testing.media import Connect
from voicecall.testing.outbox import Outbox
from voicecall.testing.person import Person, Voice
from voicecall.testing.phone import Phone
from voicecall.testing.script import Script
from voicecall.testing.streaming import How, StreamRun


@frozen(kw_only=True)
class Moment:
    """One line of a call's timeline; ``at_ms`` is since the call began."""

    at_ms: int
    what: str


@define
class Spoken:
    """Something the person said; offsets in ms since the call was answered."""

    text: str
    start_ms: int
    end_ms: int


@define(kw_only=True)
class NetworkCall:
    """See ``dialect.Call`` for what a dialect may do with it. ``outbox`` and ``control`` must be set before ``run``."""

    party: Party
    plan: Plan
    script: Script
    voice: Voice
    connect: Connect
    stream_lasts_s: Callable[[str], float | None]
    wall: Callable[[], Instant]
    step_ms: int
    sparse: bool
    outbox: Outbox = field(init=False)
    control: CallControl = field(init=False)
    status: Status = "initiated"
    answered: bool = False
    ending: Ending | None = None
    dials: int = 0
    keys: str = ""
    timeline: list[Moment] = field(factory=list[Moment])
    spoken: list[Spoken] = field(factory=list[Spoken])
    media_sockets: int = 0
    began_at: Instant = field(init=False)
    answered_at: Instant | None = None
    ended_at: Instant | None = None
    ear: Ear = field(factory=Ear)
    phone: Phone = field(init=False)
    person: Person = field(init=False)
    carrier_voice: CarrierVoice = field(init=False)
    recognizer: Recognizer = field(init=False)
    detection: Detection = field(init=False)
    stream: StreamRun | None = None
    _collector: KeyCollector | None = None
    _silent: bool = False
    _since: float = field(factory=trio.current_time)
    _picked_up: trio.Event = field(factory=trio.Event)
    _nursery: trio.Nursery | None = None
    _line: trio.CancelScope = field(factory=trio.CancelScope)
    _tasks: trio.Nursery | None = None
    _waiting: list[Callable[[], Awaitable[object]]] = field(factory=list[Callable[[], Awaitable[object]]])

    def __attrs_post_init__(self) -> None:
        self.began_at = self.wall()
        self.phone = Phone(step_ms=self.step_ms, sparse=self.sparse, ear=self.ear)
        self.person = Person(self.script, self, self.voice)
        self.carrier_voice = CarrierVoice(phone=self.phone, voice=self.voice, tell=self.tell)
        self.recognizer = Recognizer(self.tell)
        self.detection = Detection(script=self.script, plan=self.plan, tell=self.tell)

    # --- its life ----------------------------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        return self.status == "ended"

    def begin(self) -> None:
        """The call is there."""
        self.tell(Initiated())

    def ring(self) -> None:
        """The callee's phone rings."""
        if self.status == "initiated":
            self.status = "ringing"
            self.tell(Ringing())

    def pick_up(self) -> None:
        if self.answered or self.over:
            return
        self.status, self.answered, self.answered_at = "answered", True, self.wall()
        self.ear.since = trio.current_time()
        self._picked_up.set()
        self.tell(Answered())

    def end(self, ending: Ending) -> None:
        if self.over:
            return
        self.status, self.ending, self.ended_at = "ended", ending, self.wall()
        self.ear.end()
        self.carrier_voice.end()
        if self._collector is not None:
            self.tell(self._collector.result("ended"))
        if self.stream is not None:
            self.stream.stop(ending)
        self.tell(Ended(ending=ending))
        self._silent = True
        self.outbox.close()
        self._line.cancel()

    def tell(self, event: Happening) -> None:
        """Tell the control. Whoever is about to be canceled may still act once: nobody hears of it."""
        if not self._silent:
            self.control.hear(event)

    def post(self, webhook: Webhook, taken: Callable[[HttpResponse], None] | None = None) -> trio.Event:
        return self.outbox.post(webhook, taken)

    async def exchange(self, webhook: Webhook) -> Exchange:
        return await self.outbox.exchange(webhook)

    def spawn(self, task: Callable[[], Awaitable[object]]) -> None:
        if self._tasks is None:
            self._waiting.append(task)
        elif not self.over:
            self._tasks.start_soon(task)

    def note(self, what: str) -> None:
        self.timeline.append(Moment(at_ms=round((trio.current_time() - self._since) * 1000), what=what))

    # --- media streams -----------------------------------------------------------------------------------------------

    @property
    def streaming(self) -> str:
        return "" if self.stream is None or self.stream.over.is_set() else self.stream.order.stream_id

    def open_stream(self, order: MediaOrder) -> bool:
        if self.over or not self.answered or self.streaming or self._nursery is None:
            return False
        self.stream = StreamRun(
            order=order,
            phone=self.phone,
            connect=self.connect,
            lasts_s=self.stream_lasts_s,
            tell=self._tell_of_stream,
            press=self.send_keys,
            note=self.note,
        )
        self._nursery.start_soon(self.stream.run)
        return True

    def close_stream(self) -> bool:
        if not self.streaming or self.stream is None:
            return False
        self.stream.stop(None)
        return True

    async def stream_over(self) -> How:
        while self.stream is not None and not self.stream.over.is_set():
            await self.stream.over.wait()
        return self.stream.how if self.stream is not None else "refused"

    def _tell_of_stream(self, event: Happening) -> None:
        self.media_sockets += isinstance(event, StreamStarted)
        self.tell(event)

    # --- the carrier's voice and ears --------------------------------------------------------------------------------

    async def say(self, text: str) -> None:
        await self.carrier_voice.say(text)

    def speak(self, name: str, text: str) -> None:
        self.carrier_voice.speak(name, text)

    def stop_speaking(self, *, everything: bool = True) -> bool:
        return self.carrier_voice.stop(everything=everything)

    def listening(self, listener: Listener) -> AbstractContextManager[None]:
        return self.recognizer.listening(listener)

    def transcribe(self, mode: Literal["off", "final", "interim"]) -> None:
        self.recognizer.transcribe(mode)

    def gather_keys(self, wanted: KeysWanted) -> bool:
        if self._collector is not None:
            return False
        self._collector = collector = KeyCollector(wanted)

        async def collect() -> None:
            with self.listening(collector):
                result = await collector.run()
            self._collector = None
            self.tell(result)

        self.spawn(collect)
        return True

    def stop_gathering(self) -> bool:
        if self._collector is None:
            return False
        self._collector.stop()
        return True

    def send_keys(self, digits: str) -> None:
        self.keys += digits
        self.note(f"heard keys {digits}")

    # --- the person's handset ----------------------------------------------------------------------------------------

    def begin_speech(self) -> None:
        """The person opens the mouth."""
        self.ear.speaks()
        self.recognizer.speech_began()

    async def utter(self, sound: bytes) -> None:
        """Send the person's voice."""
        await self.phone.speak(sound)

    def press(self, digit: str) -> None:
        """The person presses a key."""
        self.note(f"pressed {digit}")
        on_stream = self.stream is not None and self.stream.key(digit)
        self.recognizer.key(digit)
        self.tell(KeyPressed(digit=digit, on_stream=on_stream))

    def recognize(self, text: str, *, final: bool, started: float, ended: float) -> None:
        """What the carrier's recognizer makes of the person's words."""
        self.recognizer.recognize(text, final=final, started=started, ended=ended)

    def said(self, text: str, started: float) -> None:
        """Keep what the person said for the report."""
        start, end = ((at - self.ear.since) * 1000 for at in (started, trio.current_time()))
        self.spoken.append(Spoken(text, round(start), round(end)))

    def hang_up(self, why: Literal["hangup", "busy", "declined", "unreachable"]) -> None:
        """The person ends the call, or never takes it."""
        self.end(Ending(why=why, by="network" if why == "unreachable" else "person"))

    def greeting_ended(self, *, beep: bool) -> None:
        """A machine has said what it says to everybody."""
        self.detection.greeting_ended(beep=beep)

    # --- tasks -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """The whole life of the call, after ``begin``."""
        async with trio.open_nursery() as self._nursery:
            await self._nursery.start(self.outbox.run)
            with self._line:
                async with trio.open_nursery() as self._tasks:
                    for task in (self._await_answer, *self._waiting):
                        self._tasks.start_soon(task)
                    if self.party.direction == "inbound" or await self.person.take_call():
                        await self._picked_up.wait()
                        self._tasks.start_soon(self.phone.run)
                        self._tasks.start_soon(self.carrier_voice.run)
                        self._tasks.start_soon(self.detection.run)
                        self._tasks.start_soon(self._limit)
                        await self.person.talk()

    async def _await_answer(self) -> None:
        with trio.move_on_after(self.plan.ring_timeout_s):
            await self._picked_up.wait()
            return
        inbound = self.party.direction == "inbound"
        self.end(Ending(why="canceled", by="person") if inbound else Ending(why="no-answer", by="network"))

    async def _limit(self) -> None:
        await trio.sleep(self.plan.time_limit_s)
        self.end(Ending(why="time-limit", by="network"))
