"""Four lanes, four ordering rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio
from attrs import define, field

from tests.actors.props import Thinker, Wire, ok
from tests.actors.stage import Stage, play
from voicecall.actors.lanes import Lanes
from voicecall.core.replay import replay
from voicecall.core.requests import EndCall, PressDigits, Say
from voicecall.core.state import CallState
from voicecall.events import AnyEffect, CallId, EffectId, Patience
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Exchange, HttpRequest, Leg, Line, Turn

Story = Callable[[Stage, CallId], Awaitable[None]]
Fact = TypeVar("Fact")


def in_a_call(
    story: Story,
    *,
    wire: Wire | None = None,
    thinker: Thinker | None = None,
    patience: Patience | None = None,
    **more: Any,
) -> None:
    """A story that begins when the greeting has been heard."""

    async def whole(stage: Stage) -> None:
        call = await stage.place(agent=patience or Patience())
        await stage.answer(call)
        await story(stage, call)

    play(whole, wire=wire, thinker=thinker, **more)


async def facts(stage: Stage, call: CallId, kind: type[Fact]) -> list[Fact]:
    return [entry.event for entry in await stage.entries(call) if isinstance(entry.event, kind)]


async def hears(stage: Stage, call: CallId, text: str) -> None:
    """The caller says something final."""
    stage.speaker.tell(call, fact.CallerSaid(text=text))
    await trio.sleep(0.05)


# --- control ---------------------------------------------------------------------------------------------------------


@define
class Slow(Wire):
    """A carrier that takes a second for everything, and counts how much it is asked at once."""

    at_once: int = 0
    most: int = 0
    named: list[tuple[str, str]] = field(factory=list)

    def encode(self, effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
        self.named.append((type(effect).kind, leg.vendor_call_id))
        return super().encode(effect_id, effect, leg)

    async def fetch(self, request: HttpRequest) -> Exchange:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await trio.sleep(1)
        self.at_once -= 1
        return await super().fetch(request)


def test_the_control_lane_does_one_thing_after_the_other() -> None:
    wire = Slow()

    async def story(stage: Stage, call: CallId) -> None:
        for digit in "123":
            await stage.supervisor.request(call, PressDigits(digits=digit))
        await stage.supervisor.request(call, EndCall())
        await trio.sleep(10)
        assert [kind for kind, _ in wire.sent] == ["dial", "send_digits", "send_digits", "send_digits", "hangup"]
        assert wire.most == 1

    in_a_call(story, wire=wire)


def test_an_effect_begins_when_it_is_known_what_the_one_before_brought() -> None:
    wire = Slow()

    async def story(stage: Stage) -> None:
        call = await stage.place()  # the dial is under way, the carrier has not named the call
        await stage.supervisor.request(call, EndCall())
        await trio.sleep(5)
        assert wire.named == [("dial", ""), ("hangup", f"v-{call}")]

    play(story, wire=wire)


def test_a_codec_that_fails_costs_its_effect_and_not_the_call() -> None:
    @define
    class Broken(Wire):
        def encode(self, effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
            if type(effect).kind == "send_digits":
                raise KeyError("no such thing")
            return super().encode(effect_id, effect, leg)

    async def story(stage: Stage, call: CallId) -> None:
        await stage.supervisor.request(call, PressDigits(digits="1"))
        await trio.sleep(1)
        (failed,) = await facts(stage, call, fact.EffectFailed)
        assert failed.reason.startswith("wire's codec failed: KeyError at")
        assert len(await facts(stage, call, fact.ActorStarted)) == 1

    in_a_call(story, wire=Broken())


def test_a_lane_that_is_started_in_the_last_moment_begins_nothing() -> None:
    wire = Slow()

    async def story(stage: Stage) -> None:
        call = await stage.place()
        asked = len(wire.named)
        state = replay(await stage.entries(call)).ledger.state
        async with trio.open_nursery() as nursery:
            lanes = Lanes(
                world=stage.world, call_id=call, post=lambda event: None, state=lambda: state, nursery=nursery
            )
            lanes.dispatch(EffectId("9.0"), do.Hangup())
            lanes.dispatch(EffectId("9.1"), do.AskAgent(turn=1, text="?"))
            nursery.cancel_scope.cancel()
        assert (len(wire.named), stage.thinker.asked) == (asked, [])

    play(story, wire=wire)


# --- media -----------------------------------------------------------------------------------------------------------


def test_utterances_keep_their_order_and_a_stop_overtakes_those_that_wait() -> None:
    async def story(stage: Stage, call: CallId) -> None:
        stage.speaker.hold = True
        for text in ("One.", "Two.", "Three."):
            await stage.supervisor.request(call, Say(text=text))
        assert stage.speaker.said == ["Hello.", "One.", "Two.", "Three."]
        stage.speaker.tell(call, fact.CallerStarted())
        await trio.sleep(0.05)
        assert stage.speaker.held == {}
        cut = [one.utterance for one in await facts(stage, call, fact.PlaybackFinished) if one.interrupted]
        assert cut == [2, 3, 4]

    in_a_call(story)


def test_what_cannot_be_said_is_a_fact() -> None:
    async def story(stage: Stage, call: CallId) -> None:
        stage.speaker.streams.clear()  # the socket is gone, the news is under way
        await stage.supervisor.request(call, Say(text="Anybody there?"))
        await trio.sleep(0.05)
        (failed,) = await facts(stage, call, fact.EffectFailed)
        assert failed.reason == "no media stream is open"

    in_a_call(story)


# --- agent -----------------------------------------------------------------------------------------------------------


def test_a_reply_is_spoken_clause_by_clause_while_it_is_still_being_thought() -> None:
    async def story(stage: Stage, call: CallId) -> None:
        await hears(stage, call, "Is Thursday free?")
        await trio.sleep(0.2)
        assert stage.speaker.said == ["Hello.", "I see."]
        await trio.sleep(1)
        assert stage.speaker.said == ["Hello.", "I see.", "Tell me more."]
        replied = await facts(stage, call, fact.AgentReplied)
        assert [(one.turn, one.index, one.text) for one in replied] == [(1, 0, "I see."), (1, 1, "Tell me more.")]
        (asked_at,) = [one.at for one in await stage.entries(call) if isinstance(one.event, fact.CallerSaid)]
        assert [one.first_text_at - asked_at for one in replied] == [100, 100]
        (turn,) = stage.thinker.asked
        assert (turn.number, turn.text, turn.peer) == (1, "Is Thursday free?", "+15550001000")
        assert turn.history == (Line(speaker="agent", text="Hello."),)

    in_a_call(story)


def test_the_newest_turn_wins_and_the_older_one_is_cancelled_and_settled() -> None:
    async def story(stage: Stage, call: CallId) -> None:
        await hears(stage, call, "Is Thursday free?")
        await hears(stage, call, "Or Friday?")
        await trio.sleep(2)
        assert [turn.text for turn in stage.thinker.asked] == ["Is Thursday free?", "Or Friday?"]
        assert stage.thinker.abandoned == 1
        finished = await facts(stage, call, fact.AgentFinished)
        assert [(one.turn, one.reason) for one in finished] == [(1, "superseded"), (2, "done")]
        assert {one.turn for one in await facts(stage, call, fact.AgentReplied)} == {2}

    in_a_call(story)


def test_a_newer_turn_knows_what_was_heard_of_the_reply_that_it_cuts_off_and_not_its_own_words() -> None:
    async def story(stage: Stage, call: CallId) -> None:
        stage.speaker.hold = True
        await hears(stage, call, "Is Thursday free?")
        await trio.sleep(0.2)
        assert stage.speaker.said[-1] == "I see."
        await hears(stage, call, "Or Friday?")
        await trio.sleep(1)
        assert stage.speaker.stopped == [2]
        first, second = stage.thinker.asked
        assert (first.text, [line.text for line in first.history]) == ("Is Thursday free?", ["Hello."])
        assert second.text == "Or Friday?"
        assert [line.text for line in second.history] == ["Hello.", "Is Thursday free?", "I"]

    in_a_call(story)


def test_an_agent_that_fails_is_a_fact_and_the_person_hears_an_apology() -> None:
    async def story(stage: Stage, call: CallId) -> None:
        await hears(stage, call, "Hello?")
        await trio.sleep(1)
        (finished,) = await facts(stage, call, fact.AgentFinished)
        assert (finished.reason, finished.detail) == ("failed", "RuntimeError: out of thoughts")
        assert stage.speaker.said[-1] == "I am sorry, something went wrong on my side."

    in_a_call(story, thinker=Thinker(fault=RuntimeError("out of thoughts")))


def test_an_agent_has_so_much_time_for_a_turn() -> None:
    async def story(stage: Stage, call: CallId) -> None:
        await hears(stage, call, "Hello?")
        await trio.sleep(0.1)
        assert stage.thinker.abandoned == 0
        await trio.sleep(stage.world.reply_timeout_ms(CallId("c"), "") / 1000)
        finished = await facts(stage, call, fact.AgentFinished)
        assert (finished[0].reason, finished[0].detail) == ("failed", "no complete reply within 30 s")

    in_a_call(story, thinker=Thinker(pause_s=1_000.0), patience=Patience(hangup_ms=60_000))


def test_only_what_is_for_the_voice_becomes_a_clause() -> None:
    async def story(stage: Stage, call: CallId) -> None:
        await hears(stage, call, "Hello?")
        await trio.sleep(2)
        replies = await facts(stage, call, fact.AgentReplied)
        assert [(one.index, one.text) for one in replies] == [(0, "It is ten."), (1, "Or eleven")]

    pieces = ("<thi", "nk>Which time?</think>", "It is **ten", "**.\n", "- Or `eleven", "`*")
    in_a_call(story, thinker=Thinker(pieces=pieces))


def test_earlier_calls_are_looked_up_once_and_their_loss_costs_no_reply() -> None:
    looked: list[str] = []
    before = (Line(speaker="caller", text="I was here before."),)

    async def earlier(call_id: CallId, state: CallState) -> tuple[Line, ...]:
        looked.append(state.peer)
        return before

    async def lost(call_id: CallId, state: CallState) -> tuple[Line, ...]:
        raise OSError("no disk")

    asked: list[Turn] = []

    async def story(stage: Stage, call: CallId) -> None:
        for text in ("Hello?", "And now?"):
            await hears(stage, call, text)
            await trio.sleep(5)
        asked.extend(stage.thinker.asked)
        assert [one.reason for one in await facts(stage, call, fact.AgentFinished)] == ["done"] * 2

    in_a_call(story, earlier=earlier)
    in_a_call(story, earlier=lost)
    assert [turn.earlier for turn in asked] == [before, before, (), ()]
    assert len(looked) == 1


def test_the_agent_knows_who_is_on_the_line_and_which_number_of_ours_it_is() -> None:
    async def story(stage: Stage, call: CallId) -> None:
        await hears(stage, call, "Hello?")
        await trio.sleep(1)
        (turn,) = stage.thinker.asked
        row = stage.directory.row(call)
        assert row is not None
        assert (turn.direction, turn.peer, turn.ours) == ("outbound", row.callee, row.caller)

    in_a_call(story)


def test_nobody_thinks_about_a_call_that_has_ended() -> None:
    async def story(stage: Stage, call: CallId) -> None:
        await hears(stage, call, "Hello?")
        await stage.hear(call, fact.CallEnded(reason="hangup-user"), "ended")
        await trio.sleep(1)
        assert stage.thinker.abandoned == 1
        (finished,) = await facts(stage, call, fact.AgentFinished)
        assert finished.reason == "superseded"
        assert stage.supervisor.actors == 0

    in_a_call(story, thinker=Thinker(pause_s=5.0))


# --- clock -----------------------------------------------------------------------------------------------------------


def test_timers_run_side_by_side_and_what_they_conclude_is_a_fact() -> None:
    wire = Wire(answers={"hangup": [ok(status=503)] * 100})

    async def story(stage: Stage, call: CallId) -> None:
        await stage.supervisor.request(call, EndCall())
        await trio.sleep(30)
        (ended,) = await facts(stage, call, fact.CallEnded)
        assert (ended.reason, ended.vendor_code) == ("hangup-bot", "no word from the carrier")

    in_a_call(story, wire=wire)
