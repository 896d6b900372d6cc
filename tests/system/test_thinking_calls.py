"""Whole calls whose agent is a model behind real sockets: what is heard, and what happens when the model fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from attrs import frozen

from tests.adapters.agents.openai.kit import play, turn
from voicecall.adapters.agents.openai.asking import Api
from voicecall.config import Config, parse
from voicecall.events import Entry
from voicecall.events import facts as fact
from voicecall.events.policy import DEFAULT_POLICY
from voicecall.projections.transcript import transcript
from voicecall.system import open_system
from voicecall.testing.memory_system import MemorySystem, open_memory_town
from voicecall.testing.script import Answer as PickUp
from voicecall.testing.script import HangUp, Hear, Interrupt, Notice, Say, Script, Step
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_text import Answer, TextVendor
from voicecall.thinking import agent_of

SOMEBODY = "+15551112222"
GREETING = "Hello, this is voicecall."
RATE = 10
both = pytest.mark.parametrize("api", ["chat", "responses"])


@frozen
class Told:
    """What the journal says of a call, and what the model was asked."""

    entries: Sequence[Entry]
    vendor: TextVendor

    @property
    def remarks(self) -> list[tuple[str, str]]:
        """Who said what, as far as it was heard."""
        return [(one.speaker, one.heard) for one in transcript(self.entries)]

    @property
    def finished(self) -> list[tuple[str, str]]:
        """How the turns ended."""
        events = [entry.event for entry in self.entries if isinstance(entry.event, fact.AgentFinished)]
        return [(event.reason, event.detail) for event in events]

    def at(self, kind: type[object], number: int = 0) -> int:
        """When the nth fact of this kind was journaled, in milliseconds."""
        return [entry.at for entry in self.entries if isinstance(entry.event, kind)][number]


def _hear() -> Hear:
    """Listen until it is quiet for longer than a busy machine may leave a gap in the sound."""
    return Hear(quiet_ms=2_000)


def settings(url: str, api: Api = "chat", **more: Any) -> dict[str, Any]:
    openai = {"baseUrl": f"{url}/v1", "apiKey": "sk-simulated", "api": api}
    # Fillers would come on a busy machine, and only there.
    patience = {"agentMs": [60_000, 120_000, 180_000]}
    return {"agent": {"provider": "openai", "providers": {"openai": openai}}, "patience": patience, **more}


def call(vendor: TextVendor, *steps: Step, check: Callable[[Told], None], api: Api = "chat", **more: Any) -> None:
    """Call somebody who does this, and think with that."""

    async def story() -> None:
        async with open_vendor(vendor.app) as url, open_memory_town() as town:
            config = town.config(settings(url, api, **more))
            async with agent_of(config) as agent, town.serve(config=config, agent=agent) as system:
                with trio.fail_after(300):
                    check(Told(await _take(system, steps), vendor))

    play(story, rate=RATE)


async def _take(system: MemorySystem, steps: tuple[Step, ...]) -> list[Entry]:
    system.network.board.people[SOMEBODY] = Script(steps=steps)
    call_id = await system.place(SOMEBODY, GREETING)
    await system.ended(call_id)
    assert not (await system.replayed(call_id)).divergences
    return await system.entries(call_id)


@both
def test_a_conversation_is_as_the_model_meant_it_and_no_mark_of_it_is_heard(api: Api) -> None:
    vendor = TextVendor(
        Answer(text="<think>A table.</think>**Certainly.** For *when*?", reasoning="Hm."),
        Answer(text='```json\n{"spoken": "Ten it is.\\nSee you then."}\n```'),
    )

    def check(told: Told) -> None:
        assert told.remarks == [
            ("bot", GREETING),
            ("user", "I need a table."),
            ("bot", "Certainly."),
            ("bot", "For when?"),
            ("user", "At ten, please."),
            ("bot", "Ten it is."),
            ("bot", "See you then."),
        ]
        assert told.finished == [("done", ""), ("done", "")]
        bodies = [one.body["messages"][1:] if api == "chat" else one.body["input"] for one in told.vendor.asked]
        assert [[(one["role"], one["content"]) for one in body] for body in bodies] == [
            [("assistant", GREETING), ("user", "I need a table.")],
            [
                ("assistant", GREETING),
                ("user", "I need a table."),
                ("assistant", "Certainly. For when?"),
                ("user", "At ten, please."),
            ],
        ]

    steps = (PickUp(), _hear(), Say(text="I need a table."), _hear(), Say(text="At ten, please."), _hear(), HangUp())
    call(vendor, *steps, check=check, api=api)


@both
def test_the_first_clause_is_spoken_while_the_rest_is_still_being_thought(api: Api) -> None:
    vendor = TextVendor(Answer(text="One moment, please. I am looking it up. It is Thursday.", word_s=0.5))

    def check(told: Told) -> None:
        assert told.at(fact.PlaybackStarted, 1) < told.at(fact.AgentFinished)
        assert [remark for remark in told.remarks if remark[0] == "bot"][1:] == [
            ("bot", "One moment, please."),
            ("bot", "I am looking it up."),
            ("bot", "It is Thursday."),
        ]

    call(vendor, PickUp(), _hear(), Say(text="Which day?"), Hear(quiet_ms=5_000), HangUp(), check=check, api=api)


@both
def test_a_caller_who_interrupts_stops_the_model_and_it_believes_only_what_was_heard(api: Api) -> None:
    long = "Let me tell you all about it, " + "and about everything else that there is to say, " * 10
    vendor = TextVendor(Answer(text=long + "and so on.", word_s=0.1), Answer(text="As you wish."))

    def check(told: Told) -> None:
        first, second = told.vendor.asked
        assert first.ended == "abandoned"
        heard = [text for speaker, text in told.remarks if speaker == "bot"][1:-1]
        asked = second.body["messages"] if api == "chat" else second.body["input"]
        assert [(one["role"], one["content"]) for one in asked[-2:]] == [
            ("assistant", " ".join(heard)),
            ("user", "Stop, please."),
        ]
        assert long.startswith(" ".join(heard))
        assert 5 < len(" ".join(heard)) < len(long) / 2
        assert told.remarks[-1] == ("bot", "As you wish.")
        assert ("superseded", "") in told.finished

    steps = (
        PickUp(),
        _hear(),
        Say(text="Tell me."),
        Interrupt(text="Stop, please.", after_ms=2_000),
        _hear(),
        HangUp(),
    )
    call(vendor, *steps, check=check, api=api)


@pytest.mark.parametrize(
    ("scope", "remembered"),
    [("per-phone", [False, True, False]), ("main", [False, True, True]), ("per-call", [False] * 3)],
)
def test_a_model_remembers_earlier_calls_as_far_as_their_scope_goes(scope: str, remembered: list[bool]) -> None:
    vendor = TextVendor(Answer(text="Hello again."))
    script = Script(steps=(PickUp(), _hear(), Say(text="I am Alex."), _hear(), HangUp()))

    async def story() -> None:
        async with open_vendor(vendor.app) as url, open_memory_town() as town:
            config = town.config(settings(url, sessionScope=scope))
            async with agent_of(config) as agent, town.serve(config=config, agent=agent) as system:
                for callee in (SOMEBODY, SOMEBODY, "+15553334444"):
                    system.network.board.people[callee] = script
                    await system.ended(await system.place(callee, GREETING))

    play(story, rate=RATE)
    told = [asked.body["messages"][0]["content"].partition("earlier calls:\n")[2] for asked in vendor.asked]
    assert [bool(one) for one in told] == remembered
    assert told[1] in ("", f"You: {GREETING}\nCaller: I am Alex.\nYou: Hello again.")


FAULTS: dict[str, tuple[Answer, str]] = {
    "a wrong key": (
        Answer(status=401, code="invalid_api_key"),
        "401 Unauthorized: invalid_api_key; check agent.providers.openai.apiKey",
    ),
    "too many": (Answer(status=429, code="rate_limit_exceeded", message="Slow."), "429 Too Many Requests: rate_limit"),
    "their fault": (Answer(status=500), "500 Internal Server Error"),
    "an error in the middle": (Answer(text="Well then now what", breaks="error"), "server_error"),
    "no end": (Answer(text="Well then now what", breaks="end"), "the reply ended before it was complete"),
    "a lost connection": (Answer(text="Well then now what", word_s=1, breaks="cut"), "the connection was lost"),
    "no headers": (Answer(stalls="headers"), "no complete reply within 4 s"),
    "no first word": (Answer(text="Well then", stalls="first"), "no complete reply within 4 s"),
    "no end of the words": (Answer(text="Well then now what", stalls="middle"), "no complete reply within 4 s"),
}


@both
@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_fails_is_apologized_for_and_the_call_goes_on(api: Api, fault: str) -> None:
    answer, why = FAULTS[fault]

    def check(told: Told) -> None:
        (reason, detail), after = told.finished
        assert (reason, after) == ("failed", ("done", ""))
        assert why in detail
        spoken = [text for speaker, text in told.remarks if speaker == "bot"]
        assert spoken[0] == GREETING
        assert spoken[1:].count(DEFAULT_POLICY.apology) == 1
        assert spoken[-1] == "Here I am again."
        assert told.remarks[-2] == ("user", "Are you there?")
        if "stalls" in repr(answer) and answer.stalls:
            assert told.vendor.asked[0].ended == "abandoned"

    steps = (PickUp(), _hear(), Say(text="Well?"), Notice(), _hear(), Say(text="Are you there?"), _hear(), HangUp())
    vendor = TextVendor(answer, Answer(text="Here I am again."))
    call(vendor, *steps, check=check, api=api, responseTimeoutMs=4_000)


def test_a_whole_system_asks_the_model_and_leaves_nothing_open(tmp_path: Path) -> None:
    vendor = TextVendor(Answer(text="It is ten."))

    async def story() -> None:
        async with (
            open_vendor(vendor.app) as url,
            open_system(_any_port(parse(settings(url), {})), state=tmp_path / "state") as system,
            system.calls.world.agent.reply(turn()) as pieces,
        ):
            assert "".join([piece async for piece in pieces]).strip() == "It is ten."
        assert len(vendor.asked) == 1

    play(story)


def _any_port(config: Config) -> Config:
    return attrs.evolve(config, serve=attrs.evolve(config.serve, port=0))
