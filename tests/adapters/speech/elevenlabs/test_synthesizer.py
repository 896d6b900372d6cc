"""ElevenLabs' voice over real sockets: requests, contexts, barge-in, and everything that can go wrong."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
import trio

from tests.adapters.speech.elevenlabs.kit import config, joined, run, sound, thought, told, voice_of, words
from voicecall.adapters.speech.elevenlabs.failures import ElevenLabsFailed, Misconfigured
from voicecall.adapters.speech.elevenlabs.synthesizer import ElevenLabsSynthesizer, open_synthesizer
from voicecall.config import parse
from voicecall.ports import Wording
from voicecall.testing.vendors.elevenlabs import KEY, ElevenLabs, Fault, ends_ms
from voicecall.testing.voice import say

LONG = "This is a rather long answer that nobody wants to hear to its end."
WAYS = ("http", "websocket")
every_way = pytest.mark.parametrize("transport", WAYS)


def faulty(*faults: Fault | None, **more: float) -> ElevenLabs:
    return ElevenLabs(faults=deque(faults), **more)


async def failure(synthesizer: ElevenLabsSynthesizer, *clauses: str) -> tuple[ElevenLabsFailed, list[bytes]]:
    """How an utterance fails, and the sound that came before."""
    pieces: list[bytes] = []
    with pytest.raises(ElevenLabsFailed) as caught:
        await collect(synthesizer, pieces, *clauses)
    assert KEY not in str(caught.value)
    return caught.value, pieces


async def collect(synthesizer: ElevenLabsSynthesizer, into: list[bytes], *clauses: str) -> None:
    async with aclosing(told(*clauses)) as source, synthesizer.speak(source) as pieces:
        async for piece in pieces:
            if not isinstance(piece, Wording):
                into.append(piece)


def test_a_text_that_is_there_is_one_request_and_its_sound_says_it() -> None:
    async def story() -> None:
        vendor = ElevenLabs()
        async with voice_of(vendor) as synthesizer:
            assert synthesizer.describe() == "ElevenLabs eleven_multilingual_v2, voice pMsXgVXv3BLzUgSXRplE"
            assert await sound(synthesizer, told("Hello there.", "How  are\nyou?", " ")) == say(
                "Hello there. How are you?"
            )
            assert vendor.seen == [("request", "")]
            assert await sound(synthesizer, told()) == await sound(synthesizer, told("", "\n")) == b""
            assert len(vendor.seen) == 1

    run(story)


def test_a_text_that_is_being_thought_is_spoken_while_the_rest_of_it_is_thought() -> None:
    async def story() -> None:
        vendor = ElevenLabs()
        async with voice_of(vendor) as synthesizer:
            asked = trio.Event()

            async def thinking() -> AsyncGenerator[str]:
                yield "Let me see."
                await asked.wait()
                yield "It is Thursday."

            async with aclosing(thinking()) as clauses, synthesizer.speak(clauses) as pieces:
                assert isinstance(await anext(pieces), Wording)
                first = await anext(pieces)
                assert isinstance(first, bytes)
                # The second clause is thought of only when the first one can be heard.
                asked.set()
                assert words(first + await joined(pieces)) == ["Let me see.", "It is Thursday."]
            assert vendor.seen == [("socket", ""), ("begin", "u1"), ("finish", "u1"), ("final", "u1")]

    run(story)


@every_way
def test_the_voice_tells_when_each_character_has_ended_ahead_of_its_sound(transport: str) -> None:
    clauses = ("On Thursday, at 10:30... fine?", "Or not.")

    async def story() -> None:
        vendor = ElevenLabs()
        async with voice_of(vendor, transport=transport) as synthesizer:
            spelled: list[tuple[str, int]] = []
            given_ms = 0
            async with aclosing(thought(*clauses)) as source, synthesizer.speak(source) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Wording):
                        spelled += zip(piece.text, piece.ends_ms, strict=True)
                        assert all(end > given_ms for end in piece.ends_ms)
                    else:
                        given_ms += len(piece) // 8
            first_ms = len(say(clauses[0])) // 8
            assert spelled == [
                *zip(clauses[0], ends_ms(clauses[0]), strict=True),
                *((one, first_ms + end) for one, end in zip(clauses[1], ends_ms(clauses[1]), strict=True)),
            ]

    run(story)


def test_one_socket_serves_many_utterances_and_a_sixth_speaker_gets_another() -> None:
    async def story() -> None:
        vendor = ElevenLabs()
        async with voice_of(vendor, transport="websocket") as synthesizer:
            for text in ("One.", "Two."):
                assert words(await sound(synthesizer, told(text))) == [text]
            assert vendor.count("socket") == 1
            async with trio.open_nursery() as nursery:

                async def speak(number: int) -> None:
                    clauses = (f"Number {number}.", "And goodbye.")
                    assert words(await sound(synthesizer, thought(*clauses))) == list(clauses)

                for number in range(12):
                    nursery.start_soon(speak, number)
            assert vendor.count("final") == 14
            assert vendor.count("socket over") == 0

    run(story)


def test_whoever_stops_listening_has_it_ended_and_its_late_sound_goes_to_nobody() -> None:
    async def story() -> None:
        vendor = faulty(Fault(kind="late"), piece_s=0.1)
        async with voice_of(vendor, transport="websocket") as synthesizer:
            async with aclosing(thought(LONG, "More.", pause_s=60)) as clauses, synthesizer.speak(clauses) as pieces:
                assert await anext(pieces)
            # The next utterance shares the socket with the rest of the one before.
            assert words(await sound(synthesizer, told("Yes?"))) == ["Yes?"]
            await vendor.until("final", "u1")
            assert vendor.count("finish", "u1") == 1
            assert vendor.count("socket") == 1
            assert "More." not in vendor.spoken

    run(story)


def test_whoever_stops_listening_ends_the_request() -> None:
    async def story() -> None:
        vendor = ElevenLabs(piece_s=1)
        async with voice_of(vendor) as synthesizer:
            async with aclosing(told(LONG)) as clauses, synthesizer.speak(clauses) as pieces:
                assert await anext(pieces)
            assert vendor.spoken == []

    run(story)


def test_an_utterance_is_kept_while_the_next_clause_takes_its_time() -> None:
    async def story() -> None:
        vendor = ElevenLabs()
        async with voice_of(vendor) as synthesizer:
            assert words(await sound(synthesizer, thought("Wait.", "Here it is.", pause_s=40))) == [
                "Wait.",
                "Here it is.",
            ]
            assert vendor.count("keep", "u1") == 2

    run(story)


@pytest.mark.parametrize("model", ["eleven_v3", "eleven_v4_turbo"])
def test_models_without_websocket_speak_by_requests_that_know_what_was_said_before(model: str) -> None:
    async def story() -> None:
        vendor = ElevenLabs()
        async with voice_of(vendor, modelId=model) as synthesizer:
            assert words(await sound(synthesizer, thought("One.", "Two."))) == ["One.", "Two."]
            assert vendor.seen == [("request", ""), ("request", "One.")]

    run(story)


def test_what_cannot_work_is_refused_at_the_start_with_the_key_and_the_fix() -> None:
    async def story() -> None:
        keys = config("http://127.0.0.1:1", modelId="eleven_v3", transport="websocket").tts.providers.elevenlabs
        with pytest.raises(
            Misconfigured, match=r'tts\.providers\.elevenlabs\.modelId: eleven_v3 .* set transport to "http"'
        ):
            async with open_synthesizer(keys):
                raise AssertionError("it opened")
        with pytest.raises(Misconfigured, match=r"apiKey is required \(or set ELEVENLABS_API_KEY env\)"):
            async with open_synthesizer(parse({}, {}).tts.providers.elevenlabs):
                raise AssertionError("it opened")

    run(story)


@every_way
@pytest.mark.parametrize(
    ("fault", "about", "final"),
    [
        (
            Fault(kind="refuse", status=401, code="invalid_api_key", message=f"bad key {KEY}"),
            "401 .*check apiKey",
            True,
        ),
        (Fault(kind="refuse"), "429 .*too many requests at a time", False),
        (
            Fault(kind="complain", status=401, code="quota_exceeded", message="0 left"),
            ".*quota_exceeded: 0 left .*used up",
            True,
        ),
        (Fault(kind="refuse", status=500, code="", message=""), "500", False),
    ],
)
def test_a_refusal_names_its_cause_and_the_next_utterance_is_spoken(
    transport: str, fault: Fault, about: str, final: bool
) -> None:
    async def story() -> None:
        # A socket that broke before its first sound is tried again, unless the vendor would say the same.
        again = transport == "websocket" and not final and fault.kind == "complain"
        vendor = faulty(fault, *([fault] if again else []))
        async with voice_of(vendor, transport=transport) as synthesizer:
            error, pieces = await failure(synthesizer, "Hello there.")
            assert (error.final, pieces) == (final, [])
            assert re.search(f"ElevenLabs: {about}", str(error)), error
            assert words(await sound(synthesizer, told("Hello again."))) == ["Hello again."]

    run(story)


@every_way
def test_a_voice_nobody_knows_is_named(transport: str) -> None:
    async def story() -> None:
        async with voice_of(ElevenLabs(), transport=transport, voiceId="n" * 20) as synthesizer:
            error, _ = await failure(synthesizer, "Hello.")
            assert "voice_not_found" in str(error)
            assert "check tts.providers.elevenlabs.voiceId" in str(error)

    run(story)


@every_way
def test_an_answer_that_breaks_off_gives_what_there_was_and_fails(transport: str) -> None:
    async def story() -> None:
        vendor = faulty(Fault(kind="cut", after=3))
        async with voice_of(vendor, transport=transport) as synthesizer:
            _, pieces = await failure(synthesizer, LONG)
            assert b"".join(pieces) == say(LONG)[: 3 * 800]
            assert words(await sound(synthesizer, told("Hello again."))) == ["Hello again."]

    run(story)


def test_a_socket_that_ends_before_the_first_sound_is_replaced_and_told_the_same() -> None:
    async def story() -> None:
        vendor = faulty(Fault(kind="cut"))
        async with voice_of(vendor) as synthesizer:
            assert words(await sound(synthesizer, thought("One.", "Two."))) == ["One.", "Two."]
            assert vendor.count("socket") == 2
        vendor = faulty(Fault(kind="cut"), Fault(kind="cut"))
        async with voice_of(vendor, transport="websocket") as synthesizer:
            error, _ = await failure(synthesizer, "One.")
            assert "closed the socket: 1000" in str(error)

    run(story)


@every_way
def test_a_stalled_answer_can_be_left_and_a_slow_one_is_waited_for(transport: str) -> None:
    async def story() -> None:
        vendor = faulty(Fault(kind="stall", after=2), first_sound_s=3)
        async with voice_of(vendor, transport=transport) as synthesizer:
            pieces: list[bytes] = []
            with trio.move_on_after(8) as scope:
                await collect(synthesizer, pieces, LONG)
            assert scope.cancelled_caught
            assert b"".join(pieces) == say(LONG)[: 2 * 800]
            # Nobody else is sent to a socket that has fallen silent.
            with trio.fail_after(30):
                assert words(await sound(synthesizer, told("Hello."))) == ["Hello."]

    run(story)


def test_nobody_at_the_address() -> None:
    async def story() -> None:
        for transport in WAYS:
            keys = config("http://127.0.0.1:1", transport=transport).tts.providers.elevenlabs
            async with open_synthesizer(keys) as synthesizer:
                error, _ = await failure(synthesizer, "Hello.")
                assert "Connect" in str(error)

    run(story)


def test_what_fails_while_it_thinks_fails_as_it_is() -> None:
    async def story() -> None:
        async def thinking() -> AsyncGenerator[str]:
            yield "Let me see."
            await trio.sleep(1)
            raise ZeroDivisionError

        async with voice_of(ElevenLabs()) as synthesizer:
            with pytest.raises(ZeroDivisionError):
                await sound(synthesizer, thinking())
            assert words(await sound(synthesizer, told("Hello."))) == ["Hello."]

    run(story)
