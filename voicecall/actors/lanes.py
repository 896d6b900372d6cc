"""Where effects are carried out: four lanes, four ordering rules.

*control* strictly in order: the next effect starts when the outcome of the one before is part of the state, so that it
knows what that one brought (a carrier's name for the call, say). *media* in order, "stop" overtakes. *agent* newest
wins, an older turn is cancelled and settled as superseded. *clock* all at once. A lane carries an effect out and posts
facts; exactly one of them is its outcome. An idle call has no lane task: they live as long as there is something to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

import structlog
import trio

from voicecall.actors import control
from voicecall.actors.clauses import Clauses
from voicecall.actors.replying import by_carrier
from voicecall.actors.voice import CarrierVoice
from voicecall.actors.world import World
from voicecall.core.speech import is_unwanted
from voicecall.core.spoken import SpokenText
from voicecall.core.state import CallState, Phase, Remark
from voicecall.events import AnyEffect, AnyEvent, CallId, EffectId, Instant, Lane
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.base import EPOCH
from voicecall.fault import Caught, describe, words
from voicecall.ports import Line, Post, Turn

CUT_OFF_S = 0.1
"""How long a turn waits for the end of what it cuts off: sound is settled at once, and then only journaled."""

log = structlog.get_logger(__name__)


class Lanes:
    """The lanes of one incarnation of one call; its tasks live in ``nursery`` and die with it.

    ``ahead_ms`` is how far the call's time is ahead of the wall clock (see ``actors/call.py``).
    """

    def __init__(
        self,
        *,
        world: World,
        call_id: CallId,
        post: Post,
        state: Callable[[], CallState],
        nursery: trio.Nursery,
        ahead_ms: int = 0,
    ) -> None:
        self._world = world
        self._call_id = call_id
        self._post = post
        self._state = state
        self._nursery = nursery
        self._ahead_ms = ahead_ms
        self._control: deque[tuple[EffectId, AnyEffect]] = deque()
        self._controlling = False
        self._folded = trio.Event()
        self._thinking = trio.CancelScope()
        self._earlier: tuple[Line, ...] | None = None
        self.voice = CarrierVoice(state=state, post=post, perform=self._ask_carrier, nursery=nursery)

    def dispatch(self, effect_id: EffectId, effect: AnyEffect) -> None:
        """Hand one durable effect to its lane."""
        if by_carrier(self._state(), effect):
            if isinstance(effect, do.StopSpeaking):
                # What our own voice has begun to say may still be playing.
                self._world.sound.stop(self._call_id, effect.utterance)
            self.voice.put(effect_id, effect)
            return
        match type(effect).lane:
            case Lane.CONTROL:
                self._control.append((effect_id, effect))
                if not self._controlling:
                    self._controlling = True
                    self._nursery.start_soon(self._run_control)
            case Lane.MEDIA:
                self._dispatch_media(effect_id, effect)
            case Lane.AGENT:
                self._thinking.cancel()
                self._thinking = trio.CancelScope()
                if isinstance(effect, do.AskAgent):
                    self._nursery.start_soon(self._run_agent, effect_id, effect, self._thinking)
            case Lane.CLOCK:
                self._dispatch_clock(effect_id, effect)

    def folded(self) -> None:
        """The state has moved on."""
        self.voice.folded()
        self._folded.set()
        self._folded = trio.Event()

    def quiet(self) -> None:
        """The call is over: stop thinking. Sound is closed by the plane, the control lane finishes by itself."""
        self._thinking.cancel()
        self.voice.quiet()

    async def _run_control(self) -> None:
        while self._control:
            await trio.lowlevel.checkpoint_if_cancelled()  # a task that was started just before the end begins nothing
            effect_id, effect = self._control.popleft()
            await self._ask_carrier(effect_id, effect)
            while self._state().owes(effect_id) is not None:
                await self._folded.wait()
        self._controlling = False

    async def _ask_carrier(self, effect_id: EffectId, effect: AnyEffect) -> AnyEvent:
        return await control.perform(
            effect_id,
            effect,
            carrier=self._world.carriers[self._state().carrier],
            leg=lambda: self._world.leg(self._call_id, self._state(), nonce=effect_id, at=self._world.wall()),
            fetch=self._world.fetch,
            post=self._post,
            ended=lambda: self._is_over(effect),
        )

    def _is_over(self, effect: AnyEffect) -> bool:
        """Whether nothing is to be tried any more; a hang-up is, while the carrier has not said that the call ended."""
        state = self._state()
        if isinstance(effect, do.Speak) and is_unwanted(state, effect):
            return True
        return state.phase is Phase.ENDED and not (state.concluded and isinstance(effect, do.Hangup))

    def _dispatch_media(self, effect_id: EffectId, effect: AnyEffect) -> None:
        sound = self._world.sound
        match effect:
            case do.Speak():
                sound.speak(self._call_id, effect_id, effect)
            case do.StopSpeaking():
                sound.stop(self._call_id, effect.utterance)
                self._post(fact.EffectSucceeded(settles=effect_id))
            case do.Listen():
                sound.listen(self._call_id, effect_id)
            case _:
                self._post(fact.EffectFailed(settles=effect_id, reason="unknown to the media lane"))

    def _dispatch_clock(self, effect_id: EffectId, effect: AnyEffect) -> None:
        match effect:
            case do.StartTimer():
                fired = fact.TimerFired(settles=effect_id, name=effect.name, due=effect.due)
                self._world.alarm.set(Instant(effect.due - self._ahead_ms), lambda: self._post(fired))
            case do.Conclude():
                ended = fact.CallEnded(reason=effect.reason, vendor_code=effect.vendor_code, settles=effect_id)
                self._post(ended)
            case _:
                self._post(fact.EffectFailed(settles=effect_id, reason="unknown to the clock lane"))

    async def _run_agent(self, effect_id: EffectId, effect: do.AskAgent, scope: trio.CancelScope) -> None:
        reason: Literal["done", "superseded", "failed"] = "done"
        detail = ""
        await trio.lowlevel.checkpoint_if_cancelled()
        state = self._state()
        dialed = state.callee if state.direction == "inbound" else ""
        limit_s = self._world.reply_timeout_ms(self._call_id, dialed) / 1000
        with scope:
            with Caught() as caught, trio.fail_after(limit_s) as patience:
                await self._think(effect)
            if caught.error is not None:
                late = patience.cancelled_caught
                reason, detail = "failed", f"no complete reply within {limit_s:g} s" if late else words(caught.error)
        if scope.cancelled_caught:
            reason = "superseded"
        self._post(fact.AgentFinished(settles=effect_id, turn=effect.turn, reason=reason, detail=detail))

    async def _recall(self, state: CallState) -> tuple[Line, ...]:
        """What was said in earlier calls, looked up once; an agent that cannot know it thinks without."""
        if self._earlier is None:
            earlier: tuple[Line, ...] = ()
            with Caught() as caught:
                earlier = await self._world.earlier(self._call_id, state)
            if caught.error is not None:
                log.warning("earlier calls could not be read", call=self._call_id, error=describe(caught.error))
            self._earlier = earlier
        return self._earlier

    async def _cut_off(self) -> CallState:
        """The state once it is known what was heard of the reply that this turn cuts off."""
        with trio.move_on_after(CUT_OFF_S):
            while self._state().policy.streaming and any(one.stopped for one in self._state().saying):
                await self._folded.wait()
        return self._state()

    async def _think(self, effect: do.AskAgent) -> None:
        state = await self._cut_off()
        remarks = _besides(state.remarks, effect.text)
        turn = Turn(
            call_id=self._call_id,
            number=effect.turn,
            text=effect.text,
            history=tuple(Line(speaker=one.speaker, text=one.text) for one in remarks),
            earlier=await self._recall(state),
            direction=state.direction,
            peer=state.peer,
            ours=state.callee if state.direction == "inbound" else state.caller,
            session=state.policy.session,
            requester=state.policy.requester,
        )
        spoken, clauses = SpokenText(), Clauses()
        index, begun = 0, EPOCH
        async with self._world.agent.reply(turn) as pieces:
            async for piece in pieces:
                begun = begun or Instant(self._world.wall() + self._ahead_ms)
                for text in clauses.feed(spoken.feed(piece)):
                    self._post(fact.AgentReplied(turn=effect.turn, index=index, text=text, first_text_at=begun))
                    index += 1
        for text in (*clauses.feed(spoken.rest()), *clauses.rest()):
            self._post(fact.AgentReplied(turn=effect.turn, index=index, text=text, first_text_at=begun))
            index += 1


def _besides(remarks: tuple[Remark, ...], text: str) -> tuple[Remark, ...]:
    """What was said besides the words that are answered; some of it may have been heard after them."""
    asked = Remark(speaker="caller", text=text)
    place = next((place for place in reversed(range(len(remarks))) if remarks[place] == asked), len(remarks))
    return remarks[:place] + remarks[place + 1 :]
