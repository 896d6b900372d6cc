"""How long people waited, over calls and not over lines."""

from __future__ import annotations

from pathlib import Path

import trio

from journal import START, Reader, open_journal
from tests.core.story import Story, conversing
from voicecall.cli.summing import latency_report
from voicecall.events import Instant
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

    async def main() -> dict[str, object]:
        async with open_journal(tmp_path) as journal:
            for name, call in calls.items():
                position = START
                for entry in call.entries:
                    position = await journal.append(f"call/{name}", encode_entry(entry), after=position)
                    directory.apply(name, position, entry)
        return await latency_report(Reader(tmp_path), directory, 2, progress=False)

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
