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

from tests.carriers.stage import MESSAGE, Stage
from tests.carriers.told import BOT, KEYED, OFFERED, TALKED, TOLD, USER, Told
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.core.requests import EndCall, PressDigits
from voicecall.events import Mode
from voicecall.events import facts as fact
from voicecall.ports import Exchange, Fetch, HttpRequest
from voicecall.testing.faults import FaultScript, load_faults
from voicecall.testing.memory_system import open_memory_system
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
    StaySilent,
    Step,
    Unreachable,
    Voicemail,
    Wait,
)

LONG = "I will tell you all of it, from the beginning to the very end, so please take your time and listen to me."
TALKATIVE = (
    "You have reached the office. We are closed until Monday morning at nine. " + "Please leave your message. " * 6
)
QUESTION = "Sorry, is Thursday free?"
REPLIES = ("I see, thank you for that.", "Very well, that is written down.", "Goodbye then.")
PATIENT_MS = 3_000
"""Of a person who has interrupted us, and does not take the end of what they interrupted for the answer."""
LONGEST_S = 600
"""Of the call's clock."""


def _unruly(seed: int, chance: float) -> FaultScript:
    """Every webhook, or some, duplicated, delayed and reordered."""
    rules: list[dict[str, Any]] = [{"do": "duplicate"}, {"do": "delay", "ms": 300}, {"do": "reorder"}]
    return load_faults({"seed": seed, "webhooks": [{**rule, "chance": chance} for rule in rules]})


UNRULY = {
    "every webhook": _unruly(0, 1.0),
    **{f"about half of the webhooks, seed {seed}": _unruly(seed, 0.5) for seed in (3, 5, 12, 28)},
}
"""What a call must come to the same under."""

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
        said = tuple(one for one in told.said if one.startswith("bot:"))
        return evolve(told, said=said, cut=(), facts=told.facts - HEARD)

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
NOBODY = frozenset({"dial", "call.placed", "call.ended"})
MACHINE = TOLD | {"machine.detected", "hangup"}
HEARD = frozenset({"caller.said", "ask_agent", "agent.replied"})

SCENARIOS = (
    Scenario(
        name="a conversation that the person ends",
        play=placed(Answer(), *FRIENDLY),
        expected=Told(reason="hangup-user", said=(f"bot: {MESSAGE}", *CONVERSATION), ended=USER),
    ),
    Scenario(name="busy", play=placed(Busy()), expected=Told(reason="busy", ended=("busy", "person"), facts=NOBODY)),
    Scenario(
        name="declined", play=placed(Reject()), expected=Told(reason="busy", ended=("declined", "person"), facts=NOBODY)
    ),
    Scenario(
        name="nobody answers",
        play=placed(NeverAnswer()),
        expected=Told(reason="no-answer", ended=("no-answer", "network"), facts=NOBODY),
        settings={"ringTimeoutMs": 20_000},
    ),
    Scenario(
        name="nobody lives there",
        play=placed(Unreachable()),
        expected=Told(reason="failed", ended=("unreachable", "network"), facts=NOBODY),
    ),
    Scenario(
        name="a message for a machine",
        play=answered_by_a_machine(Voicemail(quiet_ms=20_000), mode=Mode.NOTIFY),
        expected=Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT, facts=MACHINE),
    ),
    Scenario(
        name="a machine that does not beep",
        play=answered_by_a_machine(Voicemail(beep=False, quiet_ms=30_000), mode=Mode.NOTIFY),
        expected=Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT, facts=MACHINE),
    ),
    Scenario(
        name="a machine that talks for longer than we do",
        play=answered_by_a_machine(Voicemail(greeting=TALKATIVE, quiet_ms=20_000), mode=Mode.NOTIFY),
        expected=Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT, facts=MACHINE),
    ),
    Scenario(
        name="no conversation with a machine",
        play=answered_by_a_machine(Voicemail()),
        expected=Told(reason="voicemail", ended=BOT, facts=MACHINE),
    ),
    Scenario(
        name="a machine is treated like a person",
        play=answered_by_a_machine(Voicemail(quiet_ms=20_000), mode=Mode.NOTIFY, known=False),
        expected=Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT, facts=TOLD | {"hangup"}),
        settings={"outbound": {"onMachine": "ignore"}},
    ),
    Scenario(
        name="a message to a person",
        play=placed(Answer(), StaySilent(), mode=Mode.NOTIFY),
        expected=Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT, facts=TOLD | {"hangup"}),
    ),
    Scenario(
        name="we end a conversation",
        play=agent_hangs_up,
        expected=Told(
            reason="hangup-bot",
            said=(f"bot: {MESSAGE}", "user: Hello, who is this?", f"bot: {REPLIES[0]}"),
            ended=BOT,
            facts=TALKED | {"hangup"},
        ),
    ),
    Scenario(
        name="we hang up while it rings",
        play=hang_up_while_ringing,
        expected=Told(reason="hangup-bot", ended=("canceled", "api"), facts=NOBODY | {"hangup"}),
    ),
    Scenario(
        name="the person presses keys",
        play=placed(Answer(), Hear(), Press(digits="12#"), Hear(), Wait(ms=500), HangUp()),
        expected=Told(
            reason="hangup-user",
            said=(f"bot: {MESSAGE}", "user: [keys 12#]", f"bot: {REPLIES[0]}"),
            ended=USER,
            facts=KEYED,
        ),
    ),
    Scenario(
        name="we press keys",
        play=we_press_keys,
        expected=Told(
            reason="hangup-bot",
            said=(f"bot: {MESSAGE}",),
            ended=BOT,
            keys="12w#",
            facts=TOLD | {"send_digits", "hangup"},
        ),
    ),
    Scenario(
        name="the person interrupts us",
        play=placed(
            Answer(), Interrupt(text=QUESTION, after_ms=2_000), Hear(quiet_ms=PATIENT_MS), HangUp(), message=LONG
        ),
        expected=Told(reason="hangup-user", said=(f"user: {QUESTION}", f"bot: {REPLIES[0]}"), cut=(LONG,), ended=USER),
    ),
    Scenario(
        name="somebody calls us",
        play=offered(*FRIENDLY),
        expected=Told(reason="hangup-user", said=(f"bot: {GREETING}", *CONVERSATION), ended=USER, facts=OFFERED),
    ),
    Scenario(
        name="somebody calls us and hangs up on the greeting",
        play=offered(Notice(), Wait(ms=600), HangUp()),
        expected=Told(reason="hangup-user", cut=(GREETING,), ended=USER, facts=OFFERED - HEARD),
    ),
    Scenario(
        name="nobody may call us",
        play=offered(StaySilent()),
        expected=Told(
            reason="rejected", ended=("rejected", "api"), facts=frozenset({"call.offered", "reject", "call.ended"})
        ),
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
                assert system.calls.gate.refused.newest_last == (), "each was about the call"
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
