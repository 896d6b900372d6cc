"""The last refused requests: what is kept of them, how many, where, and what never reaches the disk."""

from __future__ import annotations

import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from voicecall.events import Instant
from voicecall.web import refused_log
from voicecall.web.redaction import outline, outline_headers, outline_url
from voicecall.web.refused_log import KEPT, RefusedLog, RefusedRequest, Verdict, read_refused


def refused(number: int = 1, **changed: Any) -> RefusedRequest:
    return RefusedRequest(
        **{
            "first": Instant(number),
            "last": Instant(number),
            "carrier": "twilio",
            "reason": "signature",
            "status": 401,
            "method": "POST",
            "url": "http://h.example/voice/webhook",
            "client": "203.0.113.9",
            "body_sha256": f"{number:064x}",
            "verdicts": (Verdict(url="https://h.example/voice/webhook", source="host", believed=True),),
            **changed,
        }
    )


def keep(path: Path, story: Callable[[RefusedLog], Awaitable[None]]) -> None:
    """Run a log on a real file, with its thread, while ``story`` goes on."""

    async def main() -> None:
        log = RefusedLog(path)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.run)
            await story(log)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(rate=20))


def test_the_last_sixty_four_are_kept_and_named_in_order() -> None:
    log = RefusedLog()
    for number in range(1, 71):
        log.add(refused(number))
    assert [one.id for one in log.newest_last] == [f"r{number}" for number in range(7, 71)]
    assert len(log.newest_last) == KEPT == 64


def test_the_same_refusal_again_is_counted_and_becomes_the_newest() -> None:
    log = RefusedLog()
    first, _ = log.add(refused(1)), log.add(refused(2))
    again = log.again(refused(1, first=Instant(9), last=Instant(9)))
    assert again is not None
    assert (again.id, again.first, again.last, again.times) == (first.id, 1, 9, 2)
    assert [one.id for one in log.newest_last] == ["r2", "r1"]


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": "headers"},
        {"method": "GET"},
        {"url": "http://h.example/other"},
        {"client": "203.0.113.10"},
        {"body_sha256": "0"},
        {"carrier": "plivo"},
    ],
)
def test_what_differs_is_another_refusal(changed: dict[str, Any]) -> None:
    log = RefusedLog()
    log.add(refused())
    assert log.again(refused(**changed)) is None


def test_all_that_is_told_of_an_unknown_call_is_a_line_for_each_kind() -> None:
    log = RefusedLog()
    log.add(refused(reason="call", why="caller.heard of v3:x", body_sha256="1"))
    assert log.again(refused(reason="call", why="caller.heard of v3:x", body_sha256="2")) is not None
    assert log.again(refused(reason="call", why="call.ended of v3:x", body_sha256="1")) is None
    assert log.again(refused(reason="call", why="caller.heard of v3:y", body_sha256="1")) is None


def test_the_file_is_private_and_complete_when_the_server_stops(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"

    async def story(log: RefusedLog) -> None:
        for number in range(1, 71):
            log.add(refused(number))
            await trio.lowlevel.checkpoint()

    keep(path, story)
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == [f"r{n}" for n in range(7, 71)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["refused.jsonl"]


def test_a_file_that_others_could_read_becomes_private(tmp_path: Path) -> None:
    for name in ("refused.jsonl", "refused.new"):
        (tmp_path / name).touch(mode=0o644)

    async def story(log: RefusedLog) -> None:
        log.add(refused())

    keep(tmp_path / "refused.jsonl", story)
    assert stat.S_IMODE((tmp_path / "refused.jsonl").stat().st_mode) == 0o600


def test_the_first_refusal_is_on_disk_at_once_and_a_flood_is_written_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, writes = tmp_path / "refused.jsonl", [0]
    write = refused_log._write

    def counting(path: Path, kept: tuple[RefusedRequest, ...]) -> None:
        writes[0] += 1
        write(path, kept)

    async def story(log: RefusedLog) -> None:
        log.add(refused())
        while not path.exists():
            await trio.lowlevel.checkpoint()
        start, number = trio.current_time(), 1
        while trio.current_time() - start < 3:
            number += 1
            log.add(refused(number))
            await trio.sleep(0.01)
        assert 2 <= writes[0] <= trio.current_time() - start + 2

    monkeypatch.setattr(refused_log, "_write", counting)
    keep(path, story)


def test_a_new_server_goes_on_counting_where_the_last_one_stopped(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"

    async def once(log: RefusedLog) -> None:
        log.add(refused(len(log.newest_last) + 1))

    keep(path, once)
    keep(path, once)
    assert [(one.id, one.verdicts) for one in read_refused(path)] == [(n, refused().verdicts) for n in ("r1", "r2")]


def test_a_server_that_refuses_nothing_writes_nothing(tmp_path: Path) -> None:
    async def nothing(log: RefusedLog) -> None:
        await trio.sleep(2)

    keep(tmp_path / "refused.jsonl", nothing)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_damaged_gives_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"

    async def story(log: RefusedLog) -> None:
        log.add(refused(1))
        log.add(refused(2))

    keep(path, story)
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([b"\xff\xfe", b"{}", b"[]", lines[0][:20], lines[1]]))
    assert [one.id for one in read_refused(path)] == ["r2"]
    assert read_refused(tmp_path / "none") == []


def test_a_disk_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    async def story(log: RefusedLog) -> None:
        log.add(refused())
        await trio.sleep(2)
        log.add(refused(2))
        assert len(log.newest_last) == 2

    (tmp_path / "file").touch()
    keep(tmp_path / "file" / "refused.jsonl", story)


def test_a_link_that_somebody_left_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "refused.new").symlink_to(victim)

    async def story(log: RefusedLog) -> None:
        log.add(refused())

    keep(tmp_path / "refused.jsonl", story)
    assert victim.read_text() == "untouched"


# --- what is left out ------------------------------------------------------------------------------------------------


def test_of_a_url_the_names_of_the_query_stay() -> None:
    url = "https://me:secret@h.example:8443/voice/webhook?callId=5b0e&To=%2B15550001000&15550001000=x&t"
    assert outline_url(url) == "https://h.example:8443/voice/webhook?callId=…&To=…&…=…&t=…"
    assert outline_url("http://h.example/call/+15550001000/x") == "http://h.example/call/+…/x"
    assert outline_url("http://h.example/" + "a1" * 20) == "http://h.example/…"
    assert outline_url("http://h.example/hooks/carrier/phone/voice/webhook") == (
        "http://h.example/hooks/carrier/phone/voice/webhook"
    )
    assert outline_url("https://2a02-908-1234-5678-aaaa-bbbb-cccc.ngrok.example/x").endswith(
        "bbbb-cccc.ngrok.example/x"
    )
    assert len(outline_url("http://h.example/?" + "&".join(f"p{n}=1" for n in range(10_000)))) < 200


def test_of_headers_only_those_that_tell_the_way_have_values() -> None:
    assert outline_headers(
        {
            "host": "phone.example.com:8443",
            "x-forwarded-for": "203.0.113.9, 10.0.0.1",
            "x-forwarded-host": "evil\r\nx: 15550001000",
            "content-length": "1234567",
            "telnyx-timestamp": "1767225600",
            "x-mock-timestamp": "+15550001000",
            "user-agent": "agent 5550001000",
            "authorization": "Basic aHVudGVyMg==",
            "cookie": "hunter2",
            "x-twilio-signature": "BMvX16OP3545VUG8b1KZML11wvQ=",
            "x-twilio-webhooks-signature-settings": "key=hooks,algorithm=HMAC_SHA256",
        }
    ) == {
        "host": "phone.example.com:8443",
        "x-forwarded-for": "203.0.113.9, 10.0.0.1",
        "x-forwarded-host": "evil  x: …",
        "content-length": "1234567",
        "telnyx-timestamp": "1767225600",
        "x-mock-timestamp": "+…",
        "user-agent": "agent …",
        "authorization": "(18 characters)",
        "cookie": "(7 characters)",
        "x-twilio-signature": "(28 characters)",
        "x-twilio-webhooks-signature-settings": "key=hooks,algorithm=HMAC_SHA256",
    }
    assert len(outline_headers({f"h{n}": "" for n in range(1_000)})) == 40
    assert len(outline("a b" * 10_000)) == 200
