"""Performs a plan on real actors, life after life, and looks at what is left when peace has come."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import trio
import trio.testing
from attrs import define, field

from tests.actors.props import Speaker, Thinker, Wire, lost, ok
from tests.actors.stage import START_AT, Stage, open_stage
from tests.machine.disk import SlowDisk
from tests.machine.invariants import check_finished, check_journal, hold
from tests.machine.plans import (
    CALLER,
    Answers,
    Connect,
    Crash,
    Fault,
    Hear,
    Offered,
    Place,
    Sound,
    Step,
    Wait,
    Wish,
)
from voicecall.actors.checkpoint import load_directory
from voicecall.actors.desk import BACKOFF_S
from voicecall.actors.identity import inbound_call_id, outbound_call_id
from voicecall.actors.supervisor import Accepted
from voicecall.actors.world import stream_of
from voicecall.core.requests import PlaceCall, Refused
from voicecall.events import AnyEffect, AnyEvent, CallId, EffectId, Entry, Instant
from voicecall.events import facts as fact
from voicecall.events.effects import Dial
from voicecall.events.schema import decode_entry
from voicecall.ports import Exchange, Heard, HttpRequest, Leg

PEACE_S = 7_200
MOST_STEPS = 50_000
VENDOR = "v-caller"


@define
class Life:
    """One process: what its media plane told its actors, and what those did after it was dead."""

    dead: bool = False
    crimes: list[str] = field(factory=list)
    told: list[tuple[CallId, AnyEvent]] = field(factory=list)

    def witness(self, what: str) -> None:
        if self.dead:
            self.crimes.append(what)


@define
class WatchedWire(Wire):
    """``dials`` counts how often each call's phone was made to ring."""

    life: Life = field(factory=Life)
    dials: Counter[CallId] = field(factory=Counter)

    def encode(self, effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
        self.life.witness(f"was to {type(effect).kind}")
        self.dials[leg.call_id] += isinstance(effect, Dial)
        return super().encode(effect_id, effect, leg)


@define
class WatchedSpeaker(Speaker):
    life: Life = field(factory=Life)

    def tell(self, call_id: CallId, event: AnyEvent) -> None:
        if call_id in self.posts:
            self.life.told.append((call_id, event))
        super().tell(call_id, event)

    def speak(self, call_id: Any, effect_id: Any, speak: Any) -> None:
        self.life.witness(f"said {speak.text}")
        super().speak(call_id, effect_id, speak)

    def listen(self, call_id: Any, effect_id: Any) -> None:
        self.life.witness("listened")
        super().listen(call_id, effect_id)


ANSWERS: dict[str, Callable[[], Exchange]] = {
    "ok": ok,
    "later": lambda: ok(status=503),
    "no": lambda: ok(status=400),
    "silence": lost,
    "refused": lambda: lost(sent=False),
    "gone": lambda: ok(b"gone"),
    "answered": lambda: ok(b"answered"),
}


@define
class Theatre:
    """What outlives a process: the disk, the carrier's memory, and what was acknowledged to whom."""

    journal: SlowDisk = field(factory=SlowDisk)
    dials: Counter[CallId] = field(factory=Counter)
    said: int = 0
    answers: dict[str, Any] = field(factory=dict)
    replies: dict[tuple[CallId, str], set[bytes]] = field(factory=dict)
    accepted: dict[tuple[CallId, str], set[int]] = field(factory=dict)
    lives: list[Life] = field(factory=list)
    epoch: float = field(factory=trio.current_time)

    async def perform(self, plan: list[Step]) -> None:
        """Every step of the plan, then peace, then a look at what is left."""
        steps, set_back_ms = deque(plan), 0
        while True:
            crash = await self._live(steps, set_back_ms)
            if crash is None:
                break
            await trio.sleep(crash.down_ms / 1000)
            set_back_ms += crash.set_back_ms
        await self._check()

    async def _live(self, steps: deque[Step], set_back_ms: int) -> Crash | None:
        """One process, to its crash or to the end of the plan and a long peace after it."""
        life = Life()
        self.lives.append(life)
        start_at = START_AT + round((trio.current_time() - self.epoch) * 1000) - set_back_ms
        wire = WatchedWire(dials=self.dials, answers=self.answers, life=life)
        crash: Crash | None = None
        with trio.CancelScope() as power:
            async with (
                open_stage(
                    self.journal, wire=wire, speaker=WatchedSpeaker(life=life), thinker=Thinker(), start_at=start_at
                ) as stage,
                trio.open_nursery() as errands,
            ):
                self._watch_alarm(stage, life)
                while steps and crash is None:
                    step = steps.popleft()
                    if isinstance(step, Crash):
                        crash, life.dead = step, True
                        self.journal.lose_what_is_late()
                        power.cancel()
                    await self._take(step, stage, errands)
                await self._make_peace(stage)
        return crash

    def _watch_alarm(self, stage: Stage, life: Life) -> None:
        alarm = stage.world.alarm
        set_alarm = alarm.set

        def watched(due: Instant, ring: Callable[[], None]) -> None:
            life.witness("set an alarm")
            set_alarm(due, ring)

        alarm.set = watched

    # --- steps -------------------------------------------------------------------------------------------------------

    async def _take(self, step: Step, stage: Stage, errands: trio.Nursery) -> None:
        match step:
            case Sound():
                self._sound(step, stage)
            case Answers():
                self.answers[step.kind] = [ANSWERS[one]() for one in step.answers]
            case Fault():
                self.journal.fault(step.when, step.appends)
            case Wait():
                await trio.sleep(step.ms / 1000)
            case Crash():
                await trio.lowlevel.checkpoint()
            case _:
                errands.start_soon(self._ask, step, stage)

    async def _ask(self, step: Place | Offered | Hear | Connect | Wish, stage: Stage) -> None:
        match step:
            case Place():
                await self._place(step, stage)
            case Offered():
                offer = Heard(key=step.key, offer=True, vendor_call_id=VENDOR, caller="+15550002000", callee="+1555")
                await self._hear(offer, call_id(CALLER), stage)
            case Hear():
                whose = call_id(step.call)
                await self._hear(Heard(key=step.key, event=step.event, call_id=whose), whose, stage)
            case Connect():
                await stage.open_media(call_id(step.call), step.ticket)
            case Wish():
                await self._wish(step, stage)

    async def _place(self, step: Place, stage: Stage) -> None:
        wish = PlaceCall(
            request_id=step.call, carrier="wire", caller="+15550000000", callee="+15550001000", policy=step.policy
        )
        self._acknowledged(f"request:{step.call}", call_id(step.call), await stage.supervisor.place(wish))

    async def _wish(self, step: Wish, stage: Stage) -> None:
        whose = call_id(step.call)
        accepted = await stage.supervisor.request(whose, step.wish, request_id=step.request_id)
        if step.request_id:
            self._acknowledged(f"request:{step.request_id}", whose, accepted)

    def _acknowledged(self, key: str, whose: CallId, result: Accepted | Refused) -> None:
        if isinstance(result, Accepted):
            hold(result.call_id == whose, "a request is answered by its own call", result)
            self.accepted.setdefault((whose, key), set()).add(result.seq)

    async def _hear(self, heard: Heard, whose: CallId, stage: Stage) -> None:
        response = await stage.supervisor.receive("wire", (heard,))
        if response.status == 200 and response.body:
            self.replies.setdefault((whose, heard.key), set()).add(response.body)

    def _sound(self, step: Sound, stage: Stage) -> None:
        whose, speaker = call_id(step.call), stage.speaker
        if whose not in speaker.streams:
            return
        held = [name for call, name in speaker.held if call == whose]
        match step.what:
            case "says":
                self.said += 1
                speaker.tell(whose, fact.CallerStarted(offset_ms=self.said))
                speaker.tell(whose, fact.CallerSaid(text=f"Is Thursday free, {self.said}?"))
            case "starts":
                self.said += 1
                speaker.tell(whose, fact.CallerStarted(offset_ms=self.said))
            case "lost":
                speaker.lose(whose)
            case "plays" | "cuts" if held:
                speaker.finish(whose, held[0], interrupted=step.what == "cuts")
            case "hold":
                speaker.hold = not speaker.hold
            case _:
                pass

    # --- the end -----------------------------------------------------------------------------------------------------

    async def _make_peace(self, stage: Stage) -> None:
        """Nothing fails any more; time alone must bring everything to its end."""
        self.journal.mend()
        self.answers.clear()
        stage.speaker.hold = False
        for whose, effect_id in tuple(stage.speaker.held):
            stage.speaker.finish(whose, effect_id)
        await trio.sleep(PEACE_S)
        hold(stage.supervisor.actors == 0, "every actor sleeps in the end", stage.supervisor.actors)
        hold(stage.supervisor.live_calls == 0, "every place is free in the end", stage.supervisor.live_calls)
        again = await load_directory(self.journal)
        rows = [sorted(one.rows(), key=lambda row: row.call_id) for one in (stage.directory, again)]
        hold(rows[0] == rows[1], "the directory knows what the journal says", *rows)

    async def _check(self) -> None:
        hold(not any(life.crimes for life in self.lives), "the dead do nothing", self.lives)
        for whose in {call_id("a"), call_id("b"), call_id(CALLER)}:
            entries = await self._entries(whose)
            if any(isinstance(entry.event, fact.CallPlaced | fact.CallOffered) for entry in entries):
                check_finished(entries)
            else:
                check_journal(entries)
                hold(
                    not [one for one in entries if not isinstance(one.event, fact.ActorStarted)], "no phantom", entries
                )
            self._check_acknowledged(whose, entries)
            self._check_told(whose, entries)
        hold(max(self.dials.values(), default=0) <= 1, "nobody is rung twice", self.dials)

    def _check_told(self, whose: CallId, entries: list[Entry]) -> None:
        """What the plane told an actor is in the journal, once, unless the process crashed or the call was given up."""
        heard = Counter(entry.event for entry in entries)
        given_up = self.journal.failures[stream_of(whose)] > len(BACKOFF_S)
        told = {life.dead: Counter[AnyEvent]() for life in self.lives}
        for life in self.lives:
            told[life.dead].update(event for call, event in life.told if call == whose)
        for event, times in told.get(False, Counter()).items():
            if not getattr(event, "settles", "") and not given_up:
                hold(heard[event] >= times, "what an actor is told is in the journal", event, entries)
        for event in heard:
            if isinstance(event, fact.CallerSaid | fact.CallerStarted):
                hold(heard[event] == 1, "what is said once is heard once", event, entries)

    def _check_acknowledged(self, whose: CallId, entries: list[Entry]) -> None:
        seqs = {entry.key: entry.seq for entry in entries if entry.key}
        for (call, key), bodies in self.replies.items():
            if call == whose:
                hold(key in seqs, "what was acknowledged is in the journal", key, entries)
                hold(len(bodies) == 1, "the same webhook has the same answer", key, bodies)
        for (call, key), told in self.accepted.items():
            if call == whose:
                hold(told == {seqs.get(key)}, "an accepted request is the entry it was told", key, told, seqs)

    async def _entries(self, whose: CallId) -> list[Entry]:
        async with self.journal.read(stream_of(whose)) as lines:
            return [decode_entry(line.body) async for line in lines]


def call_id(name: str) -> CallId:
    """The id of a call in a plan."""
    return inbound_call_id("wire", VENDOR) if name == CALLER else outbound_call_id(name)


@define(eq=False)
class Treadmill(trio.abc.Instrument):
    """Stops a run that goes on and on without getting anywhere."""

    most: int
    steps: int = 0
    scope: trio.CancelScope = field(factory=trio.CancelScope)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps += 1
        if self.steps == self.most:
            self.scope.cancel()


def perform(plan: list[Step]) -> None:
    """One run of the plan."""
    treadmill = Treadmill(MOST_STEPS)

    async def main() -> None:
        with treadmill.scope:
            await Theatre().perform(plan)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0), instruments=[treadmill])
    hold(treadmill.steps < treadmill.most, "the world does not spin")
