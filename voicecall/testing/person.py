"""The simulated person: reacts to a ringing phone, then follows the script; afterwards listens until the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, assert_never

import trio
from attrs import define

from voicecall.testing import voice
from voicecall.testing.ear import Ear
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

Voice = Callable[[str], bytes]
"""Text to μ-law at 8 kHz. Must not block for long."""
PARTIAL_AT = 0.5
"""Where in an utterance its partial transcript is reported."""
BREATH_S = 1.0
"""Between picking up and speaking. Words that come before the other side has opened a media stream are lost."""


class Handset(Protocol):
    """What a person can do with a telephone."""

    @property
    def ear(self) -> Ear: ...

    def begin_speech(self) -> None:
        """The person opens the mouth."""
        ...

    async def utter(self, sound: bytes) -> None:
        """Send sound; returns when it is out."""
        ...

    def press(self, digit: str) -> None:
        """Press one key."""
        ...

    def recognize(self, text: str, *, final: bool, started: float, ended: float) -> None:
        """What a carrier that recognizes speech itself recognized; instants are trio's time in seconds.

        On a media stream nobody tells: there the sound itself holds the words.
        """
        ...

    def said(self, text: str, started: float) -> None:
        """For the report: the person has said ``text``, beginning at ``started``."""
        ...

    def note(self, what: str) -> None:
        """For the report's timeline."""
        ...

    def ring(self) -> None: ...

    def pick_up(self) -> None: ...

    def hang_up(self, why: Literal["hangup", "busy", "declined", "unreachable"]) -> None:
        """End the call, or never take it."""
        ...

    def greeting_ended(self, *, beep: bool) -> None:
        """A machine has said what it says to everybody."""
        ...


@define
class Person:
    """One person in one call."""

    script: Script
    handset: Handset
    voice: Voice
    _heard_ms: int = 0
    """What the ear had heard when the person last spoke, pressed keys or had heard somebody out: the rest is new."""

    async def take_call(self) -> bool:
        """React to the ringing phone; False when the call will never be answered by the person."""
        step = self.script.pickup
        match step:
            case Busy() | Unreachable():
                self.handset.hang_up("busy" if isinstance(step, Busy) else "unreachable")
                return False
            case NeverAnswer():
                await self._rings(None)
                return False
            case Reject():
                await self._rings(step.rings)
                self.handset.hang_up("declined")
                return False
            case Answer() | Voicemail():
                await self._rings(step.rings)
                self.handset.pick_up()
                return True
            case _:
                assert_never(step)

    async def _rings(self, times: int | None) -> None:
        self.handset.ring()
        if times is None:
            await trio.sleep_forever()
        else:
            await trio.sleep(times * self.script.ring_ms / 1000)

    async def talk(self) -> None:
        """Follow the script from the moment the call is answered; does not return before the call is over."""
        self._listen_from_now()
        if isinstance(self.script.pickup, Voicemail):
            await self._record(self.script.pickup)
        elif isinstance(next(iter(self.script.talk), None), Say):
            await trio.sleep(BREATH_S)
        for step in self.script.talk:
            await self._do(step)
        await trio.sleep_forever()

    async def _do(self, step: Step) -> None:
        match step:
            case Say():
                await self._say(step.text)
            case Interrupt():
                await self._hear_some(step.after_ms, limit_ms=step.limit_ms)
                await self._say(step.text)
            case Press():
                for digit in step.digits:
                    self.handset.press(digit)
                    await trio.sleep(step.gap_ms / 1000)
                self._listen_from_now()
            case HangUp():
                await self._hang_up()
            case Notice() | Hear() | Wait() | StaySilent():
                await self._attend(step)
            case Answer() | NeverAnswer() | Busy() | Reject() | Unreachable() | Voicemail():
                pass  # Only a first step can be one of these, and that was the ringing phone.
            case _:
                assert_never(step)

    async def _attend(self, step: Notice | Hear | Wait | StaySilent) -> None:
        match step:
            case Notice():
                await self._hear_some(1, limit_ms=step.limit_ms)
            case Hear():
                await self._hear_out(step.quiet_ms, limit_ms=step.limit_ms)
                self._listen_from_now()
            case Wait():
                await trio.sleep(step.ms / 1000)
            case StaySilent():
                await trio.sleep_forever()
            case _:
                assert_never(step)

    async def _say(self, text: str) -> None:
        """Real sound, and what the carrier's recognizer makes of it: a partial half way, the final text soon after."""
        sound = self.voice(text)
        started, length_s = trio.current_time(), len(sound) / 8_000
        self.handset.begin_speech()
        words = text.split()
        half = " ".join(words[: len(words) // 2])
        async with trio.open_nursery() as nursery:
            if half:
                nursery.start_soon(self._report_half, half, started, length_s * PARTIAL_AT)
            await self.handset.utter(sound)
            nursery.cancel_scope.cancel()
        ended = trio.current_time()
        self.handset.ear.expect()
        self.handset.said(text, started)
        self._listen_from_now()
        await trio.sleep(self.script.recognition_ms / 1000)
        self.handset.recognize(text, final=True, started=started, ended=ended)

    async def _report_half(self, text: str, started: float, after_s: float) -> None:
        await trio.sleep(after_s)
        self.handset.recognize(text, final=False, started=started, ended=trio.current_time())

    def _listen_from_now(self) -> None:
        self._heard_ms = self.handset.ear.heard_ms

    async def _hear_some(self, ms: int, *, limit_ms: int) -> bool:
        """Until ``ms`` of the other side were heard, or what there is of it has been over for a second."""
        ear = self.handset.ear
        with trio.move_on_after(limit_ms / 1000):
            while ear.heard_ms - self._heard_ms < ms:
                pulse = ear.pulse
                if ear.heard_ms > self._heard_ms:
                    with trio.move_on_at(max(ear.last_heard, trio.current_time()) + 1.0) as over:
                        await pulse.wait()
                    if over.cancelled_caught:
                        return True
                else:
                    await pulse.wait()
            return True
        self.handset.note(f"heard nothing for {limit_ms} ms")
        return False

    async def _hear_out(self, quiet_ms: int, *, limit_ms: int) -> None:
        """Until the other side has spoken and been quiet for ``quiet_ms``."""
        ear = self.handset.ear
        if not await self._hear_some(1, limit_ms=limit_ms):
            return
        while (due := ear.last_heard + quiet_ms / 1000) > trio.current_time():
            with trio.move_on_at(due):
                await ear.pulse.wait()

    async def _record(self, step: Voicemail) -> None:
        """A machine: greeting, perhaps a beep, then whatever is said, then it hangs up."""
        await trio.sleep(BREATH_S)
        await self._say(step.greeting)
        if step.beep:
            await self.handset.utter(voice.beep())
            self.handset.note("beep")
        self.handset.greeting_ended(beep=step.beep)
        self._listen_from_now()
        with trio.move_on_after(step.limit_ms / 1000):
            await self._hear_out(step.quiet_ms, limit_ms=step.quiet_ms)
        await self._hang_up()

    async def _hang_up(self) -> None:
        """Whoever has hung up does nothing more, whatever the script says."""
        self.handset.hang_up("hangup")
        await trio.lowlevel.checkpoint_if_cancelled()
