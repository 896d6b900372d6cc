"""Runs documents of instructions against a call, as carriers do whose account answers webhooks with XML.

One document at a time, one verb after the other. A new document ordered over the API (``go``, ``perform``) cuts the
running verb, and the media stream that it waits for. A document that comes to its end hangs up; so does a question that
gets no usable answer, from the fallback neither. The verbs are values (``verbs.py``); what they are called and how a
question is asked is the vendor's (``Documents``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import trio

from voicecall.testing.dialect import Call, Webhook
from voicecall.testing.gathering import Gathering
from voicecall.testing.happenings import Ending
from voicecall.testing.patience import BadFragment, bare
from voicecall.testing.verbs import (
    Ask,
    BadDocument,
    Connect,
    Documents,
    Gather,
    Gathered,
    HangUp,
    Pause,
    Redirect,
    Redirected,
    Reject,
    Say,
    SendKeys,
    Streamed,
    Understood,
    Verb,
)

KEY_S = 0.25
WAITS_S = {"w": 0.5, "W": 1.0}
"""What a key takes, and what the letters for waiting mean (at Twilio and Plivo)."""


class DocumentRunner:
    """One call's instructions. ``run`` belongs into ``call.spawn``; before the first order it waits."""

    def __init__(self, call: Call, documents: Documents) -> None:
        self._call = call
        self._documents = documents
        self._order: Ask | tuple[Verb, ...] | None = None
        self._ordered = trio.Event()
        self._running = trio.CancelScope()

    def go(self, ask: Ask) -> None:
        """Ask for a document and run it, instead of whatever runs."""
        self._replace(ask)

    def perform(self, verbs: tuple[Verb, ...]) -> None:
        """Run this document, instead of whatever runs."""
        self._replace(verbs)

    def _replace(self, order: Ask | tuple[Verb, ...]) -> None:
        self._order = order
        self._running.cancel()
        self._ordered.set()

    async def run(self) -> None:
        """Run what is ordered, until the call is over."""
        while True:
            await self._ordered.wait()
            order, self._order, self._ordered = self._order, None, trio.Event()
            assert order is not None
            with trio.CancelScope() as self._running:
                await self._follow(order)

    async def _follow(self, order: Ask | tuple[Verb, ...]) -> None:
        """One document after the other, until there is none and the call is over."""
        following: Ask | tuple[Verb, ...] | None = order
        while following is not None:
            verbs = following if isinstance(following, tuple) else await self._ask(following)
            if verbs is None:
                return
            following = await self._perform(verbs)
        self._call.end(Ending(why="completed", by="document"))

    # --- questions ---------------------------------------------------------------------------------------------------

    async def _ask(self, ask: Ask) -> tuple[Verb, ...] | None:
        """The document that answers; None when there is none, and the call is over."""
        verbs, why = await self._fetch(lambda: self._documents.request(ask))
        if verbs is None:
            self._call.note(f"no instructions: {why}")
            first = why
            verbs, why = await self._fetch(lambda: self._documents.fallback(ask, first))
        if verbs is None:
            self._call.note(f"no instructions: {why}")
            self._call.end(Ending(why="error", by="network"))
        return verbs

    async def _fetch(self, request: Callable[[], Webhook | None]) -> tuple[tuple[Verb, ...] | None, str]:
        """A document, or why there is none."""
        try:
            webhook = request()
        except BadFragment as error:
            return None, str(error)
        if webhook is None:
            return None, "there is nobody else to ask"
        exchange = await self._call.exchange(webhook)
        if exchange.response is None or not 200 <= exchange.response.status < 300:
            status = exchange.response.status if exchange.response else 0
            return None, f"{webhook.kind}: {exchange.error or f'status {status}'}"
        try:
            return self._documents.read(exchange.response, bare(webhook.url)), ""
        except BadDocument as error:
            return None, f"{webhook.kind}: {error}"

    # --- verbs -------------------------------------------------------------------------------------------------------

    async def _perform(self, verbs: tuple[Verb, ...]) -> Ask | None:
        """Verb by verb; the question that replaces the document, or None at its end."""
        for verb in verbs:
            if isinstance(verb, Reject):
                self._reject(verb)
                return await trio.sleep_forever()
            if self._documents.answers(verb):
                self._call.pick_up()
            ask = await self._do(verb)
            if ask is not None:
                return ask
        return None

    def _reject(self, verb: Reject) -> None:
        if self._call.answered:
            self._call.note("too late to reject")
            self._call.end(Ending(why="hangup", by="document"))
        else:
            self._call.end(Ending(why="busy" if verb.busy else "rejected", by="document"))

    async def _do(self, verb: Say | Pause | SendKeys | Gather | Connect | Redirect | HangUp) -> Ask | None:
        match verb:
            case Say():
                await say(self._call, verb)
            case Pause():
                await trio.sleep(verb.seconds)
            case SendKeys():
                await self._send_keys(verb)
            case Gather():
                return await self._gather(verb)
            case Connect():
                return await self._connect(verb)
            case Redirect():
                return Redirected(target=verb.target)
            case HangUp():
                await self._hang_up(verb)
            case _:
                assert_never(verb)
        return None

    async def _send_keys(self, verb: SendKeys) -> None:
        self._call.send_keys(verb.digits)
        if verb.wait:
            await trio.sleep(sum(WAITS_S.get(key, KEY_S) for key in verb.digits))

    async def _hang_up(self, verb: HangUp) -> None:
        async def later() -> None:
            await trio.sleep(verb.after_s)
            self._call.end(Ending(why="hangup", by="document"))

        if verb.after_s:
            self._call.spawn(later)
        else:
            await later()

    async def _gather(self, verb: Gather) -> Ask | None:
        gathering = Gathering(verb, lambda text, number: self._tell(verb, text, number))
        with self._call.listening(gathering):
            gathered = await gathering.run(lambda prompt: say(self._call, prompt))
        if gathered.kind == "nothing" and not verb.when_empty:
            return None
        if verb.follow:
            return gathered
        self._report(gathered)
        return None

    def _tell(self, verb: Gather, text: str, number: int) -> None:
        if verb.partial is not None:
            self._report(Understood(target=verb.partial, text=text, number=number))

    def _report(self, told: Gathered | Understood) -> None:
        try:
            self._call.post(self._documents.request(told))
        except BadFragment as error:
            self._call.note(str(error))

    async def _connect(self, verb: Connect) -> Ask | None:
        if not self._call.open_stream(verb.order):
            self._call.note("there is a media stream already")
            return None
        if not verb.wait:
            return None
        try:
            how = await self._call.stream_over()
        except trio.Cancelled:
            if self._call.streaming == verb.order.stream_id:
                self._call.close_stream()
            raise
        if verb.action is None:
            return None
        return Streamed(target=verb.action, stream_id=verb.order.stream_id, how=how)


async def say(call: Call, verb: Say | Pause) -> None:
    """A prompt: words of the carrier's own voice, as often as ordered, or silence."""
    if isinstance(verb, Pause):
        await trio.sleep(verb.seconds)
        return
    times = 0
    while not verb.loop or times < verb.loop:
        await call.say(verb.text)
        times += 1
