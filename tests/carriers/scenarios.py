"""One table of calls for every carrier: what people do, and the facts that a whole call comes to, whatever the wire.

``play`` runs a scenario in memory: the real calls, codec, gate and media plane against the carrier's simulator, on a
clock that jumps. The same scenario has the same ``Told`` on every carrier, with media streaming and without.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio
import trio.testing
from attrs import evolve, field, frozen

from voicecall.actors.identity import inbound_call_id
from voicecall.actors.supervisor import Accepted
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.core.requests import EndCall, PressDigits, Wish
from voicecall.events import CallId, Entry, Mode
from voicecall.events import facts as fact
from voicecall.ports import Exchange, Fetch, HttpRequest
from voicecall.projections.transcript import Spoken, transcript
from voicecall.testing.faults import FaultScript
from voicecall.testing.happenings import Offer
from voicecall.testing.memory_system import OURS, WEBHOOK_URL, MemorySystem, open_memory_system
from voicecall.testing.script import (
    Answer,
    Busy,
    HangUp,
    Hear,
    Interrupt,
    NeverAnswer,
    Notice,
    Press,
    Reject,
    Say,
    Script,
    StaySilent,
    Step,
    Unreachable,
    Voicemail,
    Wait,
)

THEM = "+15551112222"
MESSAGE = "Hello, this is voicecall, calling about Thursday."
LONG = "I will tell you all of it, from the beginning to the very end, so please take your time and listen to me."
TALKATIVE = (
    "You have reached the office. We are closed until Monday morning at nine. " + "Please leave your message. " * 6
)
QUESTION = "Sorry, is Thursday free?"
REPLIES = ("I see, thank you for that.", "Very well, that is written down.", "Goodbye then.")
QUIET_S = 5
"""Longer than any webhook of a fault script is kept back."""
LONGEST_S = 600
"""Of the call's clock."""


@frozen(kw_only=True)
class Told:
    """What a call came to. ``said`` has whole remarks in order, ours as heard; ``cut`` those of ours that were cut.

    ``ended`` is the network's own view: why, and by whom (``api`` is us, also by a document); ``keys`` what the person
    heard of our keys.
    """

    reason: str
    said: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    ended: tuple[str, str]
    keys: str = ""


@frozen(kw_only=True)
class Stage:
    """Both ends of the calls of one scenario."""

    system: MemorySystem

    async def call(self, *steps: Step, message: str = MESSAGE, mode: Mode = Mode.CONVERSATION) -> CallId:
        """Call somebody who does this."""
        self.system.network.board.people[THEM] = Script(steps=steps)
        return await self.system.place(THEM, message, mode=mode)

    async def ring_us(self, *steps: Step, status_url: str = WEBHOOK_URL) -> CallId:
        """Somebody calls us and does this."""
        board = self.system.network.board
        script = Script(steps=steps)
        offer = Offer(caller=THEM, callee=OURS, webhook_url=WEBHOOK_URL, status_url=status_url, script=script)
        name = board.dialect.offer(offer).party.vendor_call_id
        return inbound_call_id(self.system.config.provider, name)

    async def ask(self, call_id: CallId, wish: Wish) -> None:
        """Ask something of the call."""
        answer = await self.system.calls.supervisor.request(call_id, wish)
        assert isinstance(answer, Accepted), answer

    async def until(self, call_id: CallId, kind: type[Any], number: int = 1) -> Entry:
        """The n-th fact of this kind."""
        seen = 0

        def holds(entry: Entry) -> bool:
            nonlocal seen
            seen += isinstance(entry.event, kind)
            return seen >= number

        return await self.system.until(call_id, holds)

    async def told(self, call_id: CallId, *, since: type[Any] = fact.ActorStarted) -> Told:
        """What the call came to, once it is over at both ends; of what was said, what came after a kind of fact."""
        ended = (await self.system.ended(call_id)).event
        assert isinstance(ended, fact.CallEnded)
        report = await self._settled()
        (call,) = report["calls"]
        entries = await self.system.entries(call_id)
        begun = next((entry.at for entry in entries if isinstance(entry.event, since)), 0)
        spoken = [one for one in transcript(entries) if one.at >= begun]
        return Told(
            reason=await self._reason(call_id),
            said=_joined([one for one in spoken if not one.interrupted]),
            cut=tuple(one.said for one in spoken if one.interrupted and one.heard),
            ended=(call["ended"]["why"], call["ended"]["by"].replace("document", "api")),
            keys=call["keysHeard"],
        )

    async def _settled(self) -> dict[str, Any]:
        """What the network says when its calls are over and no webhook has come for a while."""
        board = self.system.network.board
        settling = True
        while settling or board.report()["living"] or board.report()["mediaSocketsOpen"]:
            with trio.move_on_after(QUIET_S) as quiet:
                await board.tally.pulse.wait()
            settling = not quiet.cancelled_caught
        return board.report()

    async def _reason(self, call_id: CallId) -> str:
        replayed = await self.system.replayed(call_id)
        assert replayed.divergences == ()
        return replayed.ledger.state.end_reason


def _joined(spoken: list[Spoken]) -> tuple[str, ...]:
    """Remarks as ``bot:`` and ``user:``; a reply that was said in pieces is one."""
    remarks: list[tuple[str, str]] = []
    for one in spoken:
        text = one.heard if one.speaker == "bot" else one.said
        if remarks and remarks[-1][0] == one.speaker == "bot":
            remarks[-1] = ("bot", f"{remarks[-1][1]} {text}")
        elif text:
            remarks.append((one.speaker, text))
    return tuple(f"{speaker}: {text}" for speaker, text in remarks)


Play = Callable[[Stage], Awaitable[Told]]


@frozen(kw_only=True)
class Scenario:
    """``expected`` holds on every carrier. ``lose_dial``: the answer to the dial never arrives."""

    name: str
    play: Play
    expected: Told
    settings: Mapping[str, Any] = field(factory=dict[str, Any])
    lose_dial: bool = False

    def __str__(self) -> str:
        return self.name


# --- what happens ----------------------------------------------------------------------------------------------------


def placed(*steps: Step, message: str = MESSAGE, mode: Mode = Mode.CONVERSATION) -> Play:
    """We call, and wait for the end."""

    async def play(stage: Stage) -> Told:
        return await stage.told(await stage.call(*steps, message=message, mode=mode))

    return play


def answered_by_a_machine(*steps: Step, mode: Mode = Mode.CONVERSATION, known: bool = True) -> Play:
    """We call a machine. What it says counts for nothing: only where its sound comes to us is it heard at all. Nor does
    what we said before we knew: how much that is depends on how soon the carrier tells."""

    async def play(stage: Stage) -> Told:
        call_id = await stage.call(*steps, mode=mode)
        if known:
            await stage.until(call_id, fact.MachineDetected)
        told = await stage.told(call_id, since=fact.MachineDetected)
        return evolve(told, said=tuple(one for one in told.said if one.startswith("bot:")), cut=())

    return play


def offered(*steps: Step) -> Play:
    """Somebody calls us, and we wait for the end."""

    async def play(stage: Stage) -> Told:
        return await stage.told(await stage.ring_us(*steps))

    return play


async def agent_hangs_up(stage: Stage) -> Told:
    call_id = await stage.call(Answer(), Hear(), Say(text="Hello, who is this?"), StaySilent())
    await stage.until(call_id, fact.PlaybackFinished, 2)
    await stage.ask(call_id, EndCall())
    return await stage.told(call_id)


async def hang_up_while_ringing(stage: Stage) -> Told:
    call_id = await stage.call(NeverAnswer())
    await stage.until(call_id, fact.DialAccepted)
    await trio.sleep(3)
    await stage.ask(call_id, EndCall())
    return await stage.told(call_id)


async def we_press_keys(stage: Stage) -> Told:
    call_id = await stage.call(Answer(), StaySilent())
    await stage.until(call_id, fact.PlaybackFinished)
    await stage.ask(call_id, PressDigits(digits="12w#"))
    await trio.sleep(5)
    await stage.ask(call_id, EndCall())
    return await stage.told(call_id)


FRIENDLY = (
    *(Hear(), Say(text="Hello, this is Alex.")),
    *(Hear(), Say(text="That sounds good to me.")),
    *(Hear(), Say(text="Thank you, goodbye.")),
    *(Hear(), HangUp()),
)
CONVERSATION = (
    f"user: Hello, this is Alex.|bot: {REPLIES[0]}|user: That sounds good to me.|bot: {REPLIES[1]}"
    f"|user: Thank you, goodbye.|bot: {REPLIES[2]}"
).split("|")
GREETING = "Hello from voicecall."
USER, BOT = ("hangup", "person"), ("hangup", "api")

SCENARIOS = (
    Scenario(
        name="a conversation that the person ends",
        play=placed(Answer(), *FRIENDLY),
        expected=Told(reason="hangup-user", said=(f"bot: {MESSAGE}", *CONVERSATION), ended=USER),
    ),
    Scenario(name="busy", play=placed(Busy()), expected=Told(reason="busy", ended=("busy", "person"))),
    Scenario(name="declined", play=placed(Reject()), expected=Told(reason="busy", ended=("declined", "person"))),
    Scenario(
        name="nobody answers",
        play=placed(NeverAnswer()),
        expected=Told(reason="no-answer", ended=("no-answer", "network")),
        settings={"ringTimeoutMs": 20_000},
    ),
    Scenario(
        name="nobody lives there",
        play=placed(Unreachable()),
        expected=Told(reason="failed", ended=("unreachable", "network")),
    ),
    Scenario(
        name="a message for a machine",
        play=answered_by_a_machine(Voicemail(quiet_ms=20_000), mode=Mode.NOTIFY),
        expected=Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT),
    ),
    Scenario(
        name="a machine that does not beep",
        play=answered_by_a_machine(Voicemail(beep=False, quiet_ms=30_000), mode=Mode.NOTIFY),
        expected=Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT),
    ),
    Scenario(
        name="a machine that talks for longer than we do",
        play=answered_by_a_machine(Voicemail(greeting=TALKATIVE, quiet_ms=20_000), mode=Mode.NOTIFY),
        expected=Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT),
    ),
    Scenario(
        name="no conversation with a machine",
        play=answered_by_a_machine(Voicemail()),
        expected=Told(reason="voicemail", ended=BOT),
    ),
    Scenario(
        name="a machine is treated like a person",
        play=answered_by_a_machine(Voicemail(quiet_ms=20_000), mode=Mode.NOTIFY, known=False),
        expected=Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT),
        settings={"outbound": {"onMachine": "ignore"}},
    ),
    Scenario(
        name="a message to a person",
        play=placed(Answer(), StaySilent(), mode=Mode.NOTIFY),
        expected=Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT),
    ),
    Scenario(
        name="we end a conversation",
        play=agent_hangs_up,
        expected=Told(
            reason="hangup-bot",
            said=(f"bot: {MESSAGE}", "user: Hello, who is this?", f"bot: {REPLIES[0]}"),
            ended=BOT,
        ),
    ),
    Scenario(
        name="we hang up while it rings",
        play=hang_up_while_ringing,
        expected=Told(reason="hangup-bot", ended=("canceled", "api")),
    ),
    Scenario(
        name="the person presses keys",
        play=placed(Answer(), Hear(), Press(digits="12#"), Hear(), Wait(ms=500), HangUp()),
        expected=Told(
            reason="hangup-user", said=(f"bot: {MESSAGE}", "user: [keys 12#]", f"bot: {REPLIES[0]}"), ended=USER
        ),
    ),
    Scenario(
        name="we press keys",
        play=we_press_keys,
        expected=Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT, keys="12w#"),
    ),
    Scenario(
        name="the person interrupts us",
        play=placed(
            Answer(), Interrupt(text="Sorry, is Thursday free?", after_ms=2_000), Hear(), HangUp(), message=LONG
        ),
        expected=Told(reason="hangup-user", said=(f"user: {QUESTION}", f"bot: {REPLIES[0]}"), cut=(LONG,), ended=USER),
    ),
    Scenario(
        name="somebody calls us",
        play=offered(*FRIENDLY),
        expected=Told(reason="hangup-user", said=(f"bot: {GREETING}", *CONVERSATION), ended=USER),
    ),
    Scenario(
        name="somebody calls us and hangs up on the greeting",
        play=offered(Notice(), Wait(ms=600), HangUp()),
        expected=Told(reason="hangup-user", cut=(GREETING,), ended=USER),
    ),
    Scenario(
        name="nobody may call us",
        play=offered(StaySilent()),
        expected=Told(reason="rejected", ended=("rejected", "api")),
        settings={"inboundPolicy": "disabled"},
    ),
    Scenario(
        name="the answer to the dial is lost",
        play=placed(Answer(), *FRIENDLY),
        expected=Told(reason="hangup-user", said=(f"bot: {MESSAGE}", *CONVERSATION), ended=USER),
        lose_dial=True,
    ),
)
"""The table."""


# --- playing ---------------------------------------------------------------------------------------------------------


def play(scenario: Scenario, *, carrier: str, streaming: bool, faults: FaultScript | None = None) -> Told:
    """Run one scenario. Nothing may be left over, and no webhook may have been refused or given up."""

    async def main() -> Told:
        settings = {
            "inboundGreeting": GREETING,
            **scenario.settings,
            "streaming": {"enabled": streaming},
        }
        faulty_api = losing_dials if scenario.lose_dial else _as_it_is
        with trio.fail_after(LONGEST_S):
            async with open_memory_system(
                carrier=carrier, settings=settings, agent=ScriptedAgent(REPLIES), faulty_api=faulty_api
            ) as system:
                system.network.board.faults.play(faults or FaultScript())
                told = await scenario.play(Stage(system=system))
                webhooks = system.network.board.report()["webhooks"]
                assert (webhooks["refused"], webhooks["givenUp"]) == (0, 0), webhooks
                return told

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def _as_it_is(fetch: Fetch) -> Fetch:
    return fetch


def losing_dials(fetch: Fetch) -> Fetch:
    """The first request to the carrier is carried out, but its answer is lost."""
    lost = False

    async def lossy(request: HttpRequest) -> Exchange:
        nonlocal lost
        exchange = await fetch(request)
        if lost:
            return exchange
        lost = True
        return Exchange(request=request, error="ReadTimeout: the answer was lost")

    return lossy
