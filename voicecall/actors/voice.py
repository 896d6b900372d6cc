"""The carrier's own voice and ear: a lane for calls without a media stream, or without a voice of ours.

In order, one utterance at a time: the next one begins when the carrier has said that it is done with the one before,
because a carrier that works off instructions drops what it is saying when it gets new ones. What waits here may ride on
the answer to a flow request instead (``take``); it is carried out once, whichever comes first.

Beside a media stream not every carrier tells that it is done; then it is taken to be after the time that it needs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Container

import trio

from voicecall.actors.replying import by_carrier
from voicecall.core.speech import is_unwanted
from voicecall.core.state import CallState, Phase
from voicecall.events import AnyEffect, AnyEvent, EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Owed, Post

SAID_MS_PER_CHARACTER = 75
SAID_MS = 500
"""After so long, and so much a character, an utterance whose end nobody tells is over."""

Perform = Callable[[EffectId, AnyEffect], Awaitable[AnyEvent]]
"""Asks the carrier; what came of it, which is posted too."""


class CarrierVoice:
    """``perform`` is the control lane's way of asking the carrier for something."""

    def __init__(self, *, state: Callable[[], CallState], post: Post, perform: Perform, nursery: trio.Nursery) -> None:
        self._state = state
        self._post = post
        self._perform = perform
        self._nursery = nursery
        self._queue: deque[tuple[EffectId, AnyEffect]] = deque()
        self._running = False
        self._moved = trio.Event()
        self.busy = False

    @property
    def waiting(self) -> Owed:
        """What the carrier has not been asked for yet."""
        return tuple(self._queue)

    def put(self, effect_id: EffectId, effect: AnyEffect) -> None:
        """One durable effect. Stopping overtakes what waits to be said."""
        if isinstance(effect, do.StopSpeaking):
            self._drop(effect.utterance)
            self._queue.appendleft((effect_id, effect))
        else:
            self._queue.append((effect_id, effect))
        if not self._running:
            self._running = True
            self._nursery.start_soon(self._run)
        self.folded()

    def take(self, owed: Owed) -> None:
        """These ride on an answer. What one of them stops is not said any more."""
        for _, effect in owed:
            if isinstance(effect, do.StopSpeaking):
                self._drop(effect.utterance)
        self._leave({effect_id for effect_id, _ in owed})

    def _leave(self, effect_ids: Container[EffectId]) -> None:
        self._queue = deque(one for one in self._queue if one[0] not in effect_ids)

    def folded(self) -> None:
        """The state has moved on."""
        self._moved.set()
        self._moved = trio.Event()

    def quiet(self) -> None:
        """The call is over, and with it what was being said: not every carrier tells that."""
        self._silenced(self._state().utterance)

    def _silenced(self, up_to: int) -> None:
        """What was being said is over: a carrier that has other instructions now may say no more of it."""
        begun = {one.number for one in self._state().saying if one.started and one.number <= up_to}
        for effect_id, effect in self._state().owed:
            if isinstance(effect, do.Speak) and by_carrier(self._state(), effect) and effect.utterance in begun:
                self._cut(effect_id, effect)

    def _drop(self, up_to: int) -> None:
        for effect_id, effect in tuple(self._queue):
            if isinstance(effect, do.Speak) and effect.utterance <= up_to:
                self._cut(effect_id, effect)
                self._leave((effect_id,))

    def _cut(self, effect_id: EffectId, effect: do.Speak) -> None:
        self._post(
            fact.PlaybackFinished(
                settles=effect_id, utterance=effect.utterance, heard_ms=0, interrupted=True, told="carrier"
            )
        )

    async def _run(self) -> None:
        while self._queue:
            if not self._may_begin(self._queue[0][1]):
                await self._moved.wait()
                continue
            effect_id, effect = self._queue.popleft()
            if isinstance(effect, do.Speak) and is_unwanted(self._state(), effect):
                self._cut(effect_id, effect)
                continue
            self.busy = True
            outcome = await self._perform(effect_id, effect)
            if isinstance(effect, do.StopSpeaking) and isinstance(outcome, fact.EffectSucceeded):
                self._silenced(effect.utterance)
            if isinstance(effect, do.Speak) and isinstance(outcome, fact.PlaybackStarted) and self._state().streams:
                self._nursery.start_soon(self._end, effect_id, effect)
            while not self._known(effect_id, effect):
                await self._moved.wait()
            self.busy = False
        self._running = False

    def _may_begin(self, effect: AnyEffect) -> bool:
        """Nothing is said to an unanswered telephone; a new utterance, or keys, would cut one that is being said."""
        state = self._state()
        if state.phase in (Phase.ENDING, Phase.ENDED):
            return True  # ``perform`` settles it as too late
        if state.phase is not Phase.LIVE:
            return False
        if not isinstance(effect, do.Speak) or not state.policy.streaming:
            return isinstance(effect, do.StopSpeaking) or not any(one.started for one in state.saying)
        return not any(one.started or one.number < effect.utterance for one in state.saying)

    async def _end(self, effect_id: EffectId, effect: do.Speak) -> None:
        await trio.sleep((SAID_MS + SAID_MS_PER_CHARACTER * len(effect.text)) / 1000)
        if self._state().owes(effect_id) is not None:
            number = effect.utterance
            self._post(fact.PlaybackFinished(settles=effect_id, utterance=number, heard_ms=0, told="carrier"))

    def _known(self, effect_id: EffectId, effect: AnyEffect) -> bool:
        """Whether what came of it is part of the state: done, failed, or being said."""
        state = self._state()
        if state.owes(effect_id) is None:
            return True
        number = effect.utterance if isinstance(effect, do.Speak) else 0
        return any(one.started for one in state.saying if one.number == number)
