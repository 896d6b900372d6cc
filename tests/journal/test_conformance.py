"""What every journal promises, whoever keeps it: in memory, on disk, and on disk with a writer thread."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from journal import START, Journal, Position
from journal.api import BadBody, Erased, Fenced
from journal.lines import LARGEST_BODY
from tests.journal.stage import KINDS, bodies, body, fill, last, lines, names, open_kind, run

Story = Callable[[Journal], Awaitable[None]]
Play = Callable[[Story], None]
ODD = [
    b'{"a": 1,  "b":[1.0,1e3,-0,12345678901234567890]}',
    b' "leading and trailing space" ',
    b"null",
    b"0",
    '{"name":"Zoë \u2028 \U0001f4de"}'.encode(),
    b'{"same":1,"same":2,"escaped":"\\ud83d\\ude00 \\n"}',
    b'{"b":{"t":"erased"},"t":"erased"}',
    b'{"t":"erased"}',
    b'"\\",\\"c\\":\\"00000000\\",\\"b\\":1}"',
]
REFUSED = [
    b"",
    b"{",
    b'{"a":1}\n',
    b"1 2",
    b'{"a":\r1}',
    b'"\xff"',
    b"NaN",
    b"{'a':1}",
    b"[" * 100_000,
    b'\xef\xbb\xbf"x"',
]


@pytest.fixture(params=KINDS)
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    def one(story: Story) -> None:
        async def opened() -> None:
            async with open_kind(request.param, tmp_path / "journal") as journal:
                await story(journal)

        run(opened, threads=request.param == "thread")

    return one


def test_positions_order_all_streams_and_bodies_come_back_verbatim(play: Play) -> None:
    async def story(journal: Journal) -> None:
        ends = {"call/a": START, "call/b": START}
        for number, text in enumerate(ODD):
            stream = ("call/a", "call/b")[number % 2]
            ends[stream] = await journal.append(stream, text, after=ends[stream])
        every = await lines(journal)
        assert [line.body for line in every] == ODD
        assert [line.position for line in every] == sorted({line.position for line in every})
        assert [line.stream for line in every[:3]] == ["call/a", "call/b", "call/a"]
        assert await bodies(journal, "call/b") == ODD[1::2]
        assert await last(journal, "call/a") == ends["call/a"]

    play(story)


def test_reading_goes_on_after_any_position(play: Play) -> None:
    async def story(journal: Journal) -> None:
        for number in range(60):
            await fill(journal, f"call/{number % 3}", 1, first=number)
        every = await lines(journal)
        for count in (0, 1, 29, 58, 60):
            after = Position(every[count - 1].position if count else START)
            assert await lines(journal, after=after) == every[count:]
            mine = [line for line in every[count:] if line.stream == "call/1"]
            assert await lines(journal, "call/1", after=after) == mine
        assert await lines(journal, "call/none") == []

    play(story)


def test_a_writer_that_does_not_know_the_last_line_is_fenced_off(play: Play) -> None:
    async def story(journal: Journal) -> None:
        first, second = await fill(journal, "call/a", 2)
        for wrong in (START, first, Position(second + 1)):
            with pytest.raises(Fenced, match=rf"call/a: expected position {wrong} to be the last, but it is {second}"):
                await journal.append("call/a", b"1", after=wrong)
        with pytest.raises(Fenced, match="call/new: expected position 1"):
            await journal.append("call/new", b"1", after=first)
        assert await bodies(journal) == [body(0), body(1)]
        assert await journal.append("call/a", b"1", after=second) > second

    play(story)


def test_of_two_writers_at_once_one_wins(play: Play) -> None:
    async def story(journal: Journal) -> None:
        won: list[Position] = []
        fenced: list[str] = []

        async def write(text: bytes) -> None:
            try:
                won.append(await journal.append("call/a", text, after=START))
            except Fenced as error:
                fenced.append(str(error))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, b'"one"')
            nursery.start_soon(write, b'"two"')
        assert (len(won), len(fenced)) == (1, 1)
        assert [line.position for line in await lines(journal)] == won

    play(story)


def test_many_writers_lose_nothing(play: Play) -> None:
    async def story(journal: Journal) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(40):
                nursery.start_soon(fill, journal, f"call/{number}", 8)
        every = await lines(journal)
        assert len({line.position for line in every}) == len(every) == 320
        for number in range(40):
            assert await bodies(journal, f"call/{number}") == [body(n) for n in range(8)]

    play(story)


def test_what_is_not_one_json_value_on_one_line_is_refused(play: Play) -> None:
    async def story(journal: Journal) -> None:
        for text in [*REFUSED, b'"%s"' % (b"x" * LARGEST_BODY)]:
            with pytest.raises(BadBody, match="body: "):
                await journal.append("call/a", text, after=START)
        for stream in ("", "/a", "a b", "a\n", 'a"', "é", "a" * 201):
            with pytest.raises(BadBody, match="stream: expected letters, digits and"):
                await journal.append(stream, b"1", after=START)
            with pytest.raises(BadBody, match="stream: expected letters, digits and"):
                await journal.erase(stream)
        assert await lines(journal) == []
        assert await journal.append("call/a", b"1", after=START) == 1

    play(story)


def test_a_large_body_fits_a_line(play: Play) -> None:
    async def story(journal: Journal) -> None:
        large = b'"%s"' % (b"x" * (1 << 20))
        await journal.append("call/a", large, after=START)
        (position,) = await fill(journal, "call/b", 1)
        assert await bodies(journal, "call/a") == [large]
        assert [line.position for line in await lines(journal)][-1] == position
        async with journal.follow() as found:
            assert [(await anext(found)).body for _ in range(2)] == [large, body(0)]

    play(story)


def test_a_follower_gets_the_past_and_then_the_future_without_a_gap(play: Play) -> None:
    async def story(journal: Journal) -> None:
        seen: dict[str, list[int]] = {}

        async def follow(name: str, stream: str | None, after: Position, count: int) -> None:
            async with journal.follow(stream, after=after) as found:
                async for line in found:
                    seen.setdefault(name, []).append(line.position)
                    if len(seen[name]) == count:
                        return

        before = await fill(journal, "call/a", 10)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow, "all", None, START, 250)
            nursery.start_soon(follow, "late", None, before[4], 245)
            nursery.start_soon(follow, "one", "call/a", START, 130)
            nursery.start_soon(follow, "new", "call/b", START, 120)
            nursery.start_soon(fill, journal, "call/a", 120)
            nursery.start_soon(fill, journal, "call/b", 120)
        every = await lines(journal)
        assert seen["all"] == [line.position for line in every]
        assert seen["late"] == seen["all"][5:]
        assert seen["one"] == [line.position for line in every if line.stream == "call/a"]
        assert seen["new"] == [line.position for line in every if line.stream == "call/b"]

    play(story)


def test_streams_are_listed_in_order_from_anywhere(play: Play) -> None:
    async def story(journal: Journal) -> None:
        made = [f"call/{number:03d}" for number in range(150)] + ["calling", "other/1"]
        for name in reversed(made):
            await fill(journal, name, 1)
        assert await names(journal) == sorted(made)
        assert await names(journal, "call/") == made[:150]
        assert await names(journal, "call/", after="call/120") == made[121:150]
        assert await names(journal, after="call/149x") == ["calling", "other/1"]
        async with journal.streams("call/") as found:
            assert await anext(found) == "call/000"

    play(story)


def test_an_erased_stream_is_gone_and_stays_gone(play: Play) -> None:
    async def story(journal: Journal) -> None:
        for number in range(120):
            await fill(journal, f"call/{number % 4}", 1, first=number)
        kept = [line for line in await lines(journal) if line.stream != "call/1"]
        await journal.erase("call/1")
        assert await lines(journal) == kept
        assert await lines(journal, "call/1") == []
        assert await names(journal) == ["call/0", "call/2", "call/3"]
        for after in (START, kept[-1].position):
            with pytest.raises(Erased, match="call/1: this stream was erased"):
                await journal.append("call/1", b"1", after=after)
        await journal.erase("call/1")
        await journal.erase("call/never")
        with pytest.raises(Erased):
            await journal.append("call/never", b"1", after=START)
        (position,) = await fill(journal, "call/2", 1)
        assert position > kept[-1].position + 1
        assert [line.position for line in await lines(journal)] == [*(line.position for line in kept), position]

    play(story)


def test_two_erasures_and_appends_at_once(play: Play) -> None:
    async def story(journal: Journal) -> None:
        for number in range(6):
            await fill(journal, f"call/{number}", 20)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.erase, "call/1")
            nursery.start_soon(fill, journal, "call/0", 60)
            nursery.start_soon(journal.erase, "call/4")
            nursery.start_soon(fill, journal, "call/9", 60)
        assert {line.stream for line in await lines(journal)} == {"call/0", "call/2", "call/3", "call/5", "call/9"}
        assert len(await lines(journal, "call/0")) == 80
        assert await bodies(journal, "call/9") == [body(n) for n in range(60)]

    play(story)


def test_a_follower_reads_on_past_an_erasure(play: Play) -> None:
    async def story(journal: Journal) -> None:
        seen: list[str] = []

        async def follow() -> None:
            async with journal.follow() as found:
                async for line in found:
                    seen.append(line.stream)
                    if line.body == b'"over"':
                        return

        await fill(journal, "call/a", 30)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            await fill(journal, "call/b", 30)
            await journal.erase("call/a")
            await fill(journal, "call/c", 30)
            await journal.append("call/d", b'"over"', after=START)
        # What it had not read of the erased stream by then may be missing; nothing else is.
        assert [stream for stream in seen if stream != "call/a"] == ["call/b"] * 30 + ["call/c"] * 30 + ["call/d"]

    play(story)


def test_after_a_cancelled_append_the_line_is_there_or_it_is_not(play: Play) -> None:
    async def story(journal: Journal) -> None:
        (first,) = await fill(journal, "call/a", 1)
        with trio.CancelScope() as scope:
            scope.cancel()
            await journal.append("call/a", b'"in doubt"', after=first)
        assert scope.cancelled_caught
        await fill(journal, "call/b", 1)
        texts = await bodies(journal, "call/a")
        assert texts in ([body(0)], [body(0), b'"in doubt"'])
        await journal.append("call/a", b'"sure"', after=await last(journal, "call/a"))
        assert await bodies(journal, "call/a") == [*texts, b'"sure"']

    play(story)
