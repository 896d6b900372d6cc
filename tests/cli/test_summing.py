"""How long people waited, over calls and not over lines."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from journal import START, Reader, open_journal
from tests.core.story import Story, conversing
from voicecall.cli.summing import chosen, read_latencies, report_of, since_ms
from voicecall.events import CallId, Instant
from voicecall.events import facts as fact
from voicecall.events.schema import encode_entry
from voicecall.projections.directory import Directory


def answered_after(ms: int) -> Story:
    """A call with one question and one answer."""
    call = conversing()
    call.says("Is Thursday free?")
    call.replies("Yes.")
    call.now = Instant(call.now + ms)
    call.starts(2)
    return call


def test_the_newest_calls_count_however_many_lines_one_of_them_has(tmp_path: Path) -> None:
    chatty = answered_after(300)
    for _ in range(500):
        chatty.tell(fact.CallerHeard(text="and another thing"))
    calls = {"old": answered_after(900), "quiet": answered_after(100), "chatty": chatty}
    directory = Directory()

    async def main() -> dict[str, Any]:
        async with open_journal(tmp_path) as journal:
            for name, call in calls.items():
                position = START
                for entry in call.entries:
                    position = await journal.append(f"call/{name}", encode_entry(entry), after=position)
                    directory.apply(name, position, entry)
        names = chosen(directory, last=2, since=0)
        return report_of(await read_latencies(Reader(tmp_path), names, progress=False), each=False)

    report = trio.run(main)
    assert report["recordsScanned"] == 2
    assert report["turnLatency"] == {
        "count": 2,
        "minMs": 100,
        "maxMs": 300,
        "avgMs": 200,
        "p50Ms": 100,
        "p95Ms": 300,
    }


@pytest.mark.parametrize(
    ("text", "ago_ms"), [("90s", 90_000), ("30m", 1_800_000), ("24h", 86_400_000), ("7d", 604_800_000)]
)
def test_since_is_so_long_ago(text: str, ago_ms: int) -> None:
    assert since_ms(text, 1_767_225_600_000) == 1_767_225_600_000 - ago_ms


def test_since_is_a_date_in_the_readers_zone_or_in_its_own() -> None:
    local = round(datetime(2026, 1, 31, 9, 30).astimezone().timestamp() * 1000)
    assert since_ms("2026-01-31T09:30", 0) == local
    assert since_ms("2026-01-31T09:30:00+00:00", 0) == 1_769_851_800_000


@pytest.mark.parametrize("text", ["", "yesterday", "24", "1w", "-3h", "2026-13-01"])
def test_since_is_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        since_ms(text, 0)


def test_calls_are_chosen_by_their_beginning() -> None:
    directory = Directory()
    for position, (name, at) in enumerate({"early": 1_000, "late": 2_000, "later": 3_000}.items(), 1):
        entry = answered_after(0).entries[0]
        directory.apply(CallId(name), position, evolve(entry, at=Instant(at)))
    assert chosen(directory, last=None, since=2_000) == ["late", "later"]
    assert chosen(directory, last=1, since=2_000) == ["later"]
    assert chosen(directory, last=None, since=0) == ["early", "late", "later"]
