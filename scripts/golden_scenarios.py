"""Calls that are worth remembering: each is a story in a memory town, and its journal becomes golden."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

import trio

from journal import MemoryJournal
from voicecall.actors.supervisor import inbound_call_id
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.adapters.speech.scripted import ScriptedSynthesizer
from voicecall.config import Config, parse
from voicecall.core.requests import Ask, EndCall, PressDigits, Say
from voicecall.events import CallId, Entry, Mode
from voicecall.events import facts as fact
from voicecall.ports import AudioTap, CallerSpeech, Exchange, Fetch, HttpRequest, HttpResponse, Turn
from voicecall.testing.happenings import Offer
from voicecall.testing.memory_system import WEBHOOK_URL, MemorySystem, MemoryTown, open_memory_town
from voicecall.testing.script import load_script

US, STRANGER = "+15550000000", "+15550002000"
FRIENDLY, LISTENER, NEVER, BUSY, DECLINES, MACHINE, SAYS_ONE_THING, INTERRUPTS, PRESSES = (
    f"+1555000100{number}" for number in range(1, 10)
)
HEARS = {"do": "hear", "quietMs": 7_000, "limitMs": 30_000}
"""Waits through a filler for what comes after it."""
LONG = ("Gladly. It is about the table on Thursday, the one by the window, and about whether ten still suits you.",)

Play = Callable[[MemoryTown], Awaitable[None]]


def config(**keys: object) -> Config:
    """The configuration of these stories, with what a story changes."""
    return parse({"provider": "mock", "inboundPolicy": "open", "maxConcurrentCalls": 4, **keys}, {})


async def notify(town: MemoryTown) -> None:
    """One message, and a hang-up after it was heard."""
    async with town.serve() as system:
        await system.ended(await system.place(LISTENER, "Your table is booked for Thursday.", mode=Mode.NOTIFY))


async def conversation(town: MemoryTown) -> None:
    """Two turns with a friendly person, who hangs up."""
    async with town.serve() as system:
        await system.ended(await system.place(FRIENDLY))


async def barge_in(town: MemoryTown) -> None:
    """The person interrupts a long answer."""
    async with town.serve(agent=ScriptedAgent((*LONG, "Yes, Thursday is free.", "Goodbye."))) as system:
        await system.ended(await system.place(INTERRUPTS))


async def inbound(town: MemoryTown) -> None:
    """Somebody calls us and is greeted and answered."""
    async with town.serve() as system:
        await system.ended(_offered(town))


async def rejected(town: MemoryTown) -> None:
    """Somebody calls us whom the policy does not let in."""
    async with town.serve(config=config(inboundPolicy="disabled")) as system:
        await system.ended(_offered(town))


async def no_answer(town: MemoryTown) -> None:
    """Nobody picks up."""
    async with town.serve() as system:
        await system.ended(await system.place(NEVER))


async def busy(town: MemoryTown) -> None:
    """The line is engaged."""
    async with town.serve() as system:
        await system.ended(await system.place(BUSY))


async def declined(town: MemoryTown) -> None:
    """The callee declines."""
    async with town.serve() as system:
        await system.ended(await system.place(DECLINES))


async def dial_refused(town: MemoryTown) -> None:
    """The carrier does not want to ring this number."""
    async with town.serve() as system:
        await system.ended(await system.place("+19005550100"))


async def voicemail(town: MemoryTown) -> None:
    """A machine answers and records the message."""
    async with town.serve() as system:
        await system.ended(await system.place(MACHINE, "Please call us back.", mode=Mode.NOTIFY))


async def keys(town: MemoryTown) -> None:
    """The person presses keys; they are one remark."""
    async with town.serve() as system:
        await system.ended(await system.place(PRESSES))


async def asks(town: MemoryTown) -> None:
    """``continue``: answered in words, then answered with keys, then nobody answers in time."""
    steps = [
        *("answer", {"do": "hear"}, {"do": "hear"}, {"do": "say", "text": "Three, please."}),
        *({"do": "hear"}, {"do": "press", "digits": "12"}, "staySilent"),
    ]
    town.network.board.people[STRANGER] = load_script(steps)
    async with town.serve(config=config(transcriptTimeoutMs=5_000)) as system:
        call = await system.place(STRANGER)
        await _listening(system, call)
        await _ask(system, call, Ask(text="How many persons?"), fact.CallerSaid)
        await _ask(system, call, Ask(text="Which table?"), fact.DigitsPressed)
        await trio.sleep(2)
        await _ask(system, call, Ask(text="Are you sure?"), fact.PlaybackFinished)
        await trio.sleep(6)
        await system.calls.supervisor.request(call, EndCall())
        await system.ended(call)


async def operator(town: MemoryTown) -> None:
    """Somebody here speaks, sends keys and hangs up."""
    async with town.serve() as system:
        call = await system.place(LISTENER)
        await _listening(system, call)
        await system.calls.supervisor.request(call, Say(text="One more thing."))
        await system.calls.supervisor.request(call, PressDigits(digits="1w2"))
        await trio.sleep(3)
        await system.calls.supervisor.request(call, EndCall())
        await system.ended(call)


async def max_duration(town: MemoryTown) -> None:
    """The call lasts as long as it may."""
    async with town.serve(config=config(maxDurationSeconds=20)) as system:
        await system.ended(await system.place(LISTENER))


async def silence(town: MemoryTown) -> None:
    """The agent says nothing: filler, apology, hang-up."""
    async with town.serve(agent=_Mute()) as system:
        await system.ended(await system.place(SAYS_ONE_THING))


async def unheard(town: MemoryTown) -> None:
    """Nobody understands what the person says: they are asked to say it again, twice, and then the call ends."""
    words = ("Hello?", "Is anybody there?", "I give up.")
    says = (step for text in words for step in ({"do": "say", "text": text}, HEARS))
    town.network.board.people[SAYS_ONE_THING] = load_script(["answer", {"do": "hear"}, *says, "staySilent"])
    async with town.serve(transcriber=_Dull()) as system:
        await system.ended(await system.place(SAYS_ONE_THING))


async def agent_fails(town: MemoryTown) -> None:
    """The agent raises: the person hears an apology, and goes on."""
    async with town.serve(agent=_Mute(fault=RuntimeError("no model"))) as system:
        await system.ended(await system.place(FRIENDLY))


async def speech_fails(town: MemoryTown) -> None:
    """An answer cannot be synthesized: it is asked for again."""
    replies = ("This sentence is unspeakable.", "Thursday is free.", "Goodbye.")
    async with town.serve(agent=ScriptedAgent(replies), synthesizer=ScriptedSynthesizer(fault="unspeakable")) as system:
        await system.ended(await system.place(FRIENDLY))


async def media_lost(town: MemoryTown) -> None:
    """The media stream breaks in the middle and is opened again."""
    async with town.serve() as system:
        call = await system.place(LISTENER)
        await _listening(system, call)
        town.network.links[-1].cut()
        await trio.sleep(10)
        await system.calls.supervisor.request(call, EndCall())
        await system.ended(call)


async def restart(town: MemoryTown) -> None:
    """Our process dies in the middle of an answer and comes back two seconds later."""
    async with town.serve(agent=ScriptedAgent(LONG)) as system:
        call = await system.place(FRIENDLY)
        await system.until(call, lambda entry: _is(entry, fact.AgentReplied))
        await trio.sleep(1)
    await trio.sleep(2)
    async with town.serve() as system:
        await system.ended(call)


async def restart_ringing(town: MemoryTown) -> None:
    """Our process dies while it rings and comes back with its clock a minute behind."""
    async with town.serve() as system:
        call = await system.place(FRIENDLY)
        await system.until(call, lambda entry: _is(entry, fact.CallRinging))
    await trio.sleep(0.5)
    async with town.serve(set_back_ms=60_000) as system:
        await system.ended(call)


async def dial_in_doubt_answered(town: MemoryTown) -> None:
    """The dial's answer and the callbacks are lost; the carrier says that somebody has been waiting."""
    async with town.serve(faulty_api=_lose_the_dials_answer) as system:
        await system.ended(await system.place(LISTENER, "Hello, and sorry for the wait.", mode=Mode.NOTIFY))


async def dial_in_doubt_unknown(town: MemoryTown) -> None:
    """The dial never arrived, and nobody can tell: the carrier knows no such call."""
    async with town.serve(faulty_api=_lose_the_dial) as system:
        await system.ended(await system.place(LISTENER))


async def dial_in_doubt_late(town: MemoryTown) -> None:
    """The carrier knows no such call when it is asked, and then rings it after all: it is hung up."""
    async with town.serve(faulty_api=_lose_the_dials_answer_and_the_call) as system:
        await system.ended(await system.place(LISTENER))
        await trio.sleep(20)


async def quarantine(town: MemoryTown) -> None:
    """The call's actor fails until it is given up: one last hang-up, and an end on record."""
    async with town.serve() as system:
        call = await system.place(LISTENER)
        await _listening(system, call)
        cast("MemoryJournal", town.journal).fail_before(6)
        await system.calls.supervisor.request(call, Say(text="Hello?"))
        await system.ended(call)


SCENARIOS: dict[str, Play] = {
    play.__name__: play
    for play in (
        notify, conversation, barge_in, inbound, rejected, no_answer, busy, declined, dial_refused, voicemail, keys,
        asks, operator, max_duration, silence, unheard, agent_fails, speech_fails, media_lost, restart, restart_ringing,
        dial_in_doubt_answered, dial_in_doubt_unknown, dial_in_doubt_late, quarantine,
    )
}  # fmt: skip
"""Name → story. The first lines of the docstrings are what the journals show."""


@asynccontextmanager
async def town_of(name: str) -> AsyncGenerator[MemoryTown]:
    """The town for a scenario: where callbacks are lost, they are lost until the carrier is asked."""
    faulty = _lose_for_50_s if name.startswith("dial_in_doubt") else _lose_nothing
    async with open_memory_town(faulty=faulty) as town:
        yield town


class _Mute:
    """An agent that never says a word, or fails at once."""

    def __init__(self, fault: Exception | None = None) -> None:
        self._fault = fault

    @asynccontextmanager
    async def reply(self, turn: Turn) -> AsyncGenerator[AsyncIterator[str]]:
        """See ``voicecall.ports.Agent``."""
        yield self._nothing()

    async def _nothing(self) -> AsyncIterator[str]:
        if self._fault is not None:
            raise self._fault
        await trio.sleep_forever()
        yield ""


class _Dull:
    """Listens, and understands nothing."""

    @asynccontextmanager
    async def listen(self, tap: AudioTap) -> AsyncGenerator[AsyncIterator[CallerSpeech]]:
        """See ``voicecall.ports.Transcriber``."""
        yield self._nothing(tap)

    async def _nothing(self, tap: AudioTap) -> AsyncIterator[CallerSpeech]:
        with suppress(trio.EndOfChannel):
            while True:
                await tap.drain()
        return
        yield fact.CallerSaid(text="")


def _offered(town: MemoryTown) -> CallId:
    call = town.network.board.dialect.offer(Offer(caller=STRANGER, callee=US, webhook_url=WEBHOOK_URL))
    return inbound_call_id("mock", call.party.vendor_call_id)


async def _listening(system: MemorySystem, call: CallId) -> None:
    await system.until(call, lambda entry: _is(entry, fact.PlaybackFinished))


async def _ask(system: MemorySystem, call: CallId, wish: Ask, answer: type[object]) -> None:
    accepted = await system.calls.supervisor.request(call, wish)
    seq = int(getattr(accepted, "seq", 0))
    await system.until(call, lambda entry: entry.seq > seq and _is(entry, answer))


def _is(entry: Entry, kind: type[object]) -> bool:
    return isinstance(entry.event, kind)


def _lose_nothing(fetch: Fetch) -> Fetch:
    return fetch


def _lose_for_50_s(fetch: Fetch) -> Fetch:
    async def faulty(request: HttpRequest) -> Exchange:
        if trio.current_time() < 50:
            return Exchange(request=request, error="lost")
        return await fetch(request)

    return faulty


def _lose_the_dials_answer(fetch: Fetch) -> Fetch:
    async def faulty(request: HttpRequest) -> Exchange:
        exchange = await fetch(request)
        lost = request.url.endswith("/calls") and request.method == "POST"
        return Exchange(request=request, error="timed out") if lost else exchange

    return faulty


def _lose_the_dials_answer_and_the_call(fetch: Fetch) -> Fetch:
    dial = _lose_the_dials_answer(fetch)

    async def faulty(request: HttpRequest) -> Exchange:
        if "/calls?" in request.url:
            return Exchange(request=request, response=HttpResponse(status=200, body=b'{"calls":[]}'))
        return await dial(request)

    return faulty


def _lose_the_dial(fetch: Fetch) -> Fetch:
    async def faulty(request: HttpRequest) -> Exchange:
        lost = request.url.endswith("/calls") and request.method == "POST"
        return Exchange(request=request, error="timed out") if lost else await fetch(request)

    return faulty
