"""Fault scripts: what they do to webhooks, to the API and to media, and that a seed decides it all."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from tests.testing.desk import HOME, SOMEBODY, Desk, play
from voicecall.ports import HttpRequest
from voicecall.testing.faults import BadFaults, Faults, load_faults
from voicecall.testing.happenings import StreamEnded

EVENTS = f"{HOME}/events"
BRIEF = ["answer", {"do": "wait", "ms": 3_000}, "hangUp"]


async def events(desk: Desk, *rules: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The kinds of event of a brief call, as they came, and its report."""
    desk.play_faults(webhooks=list(rules))
    await desk.dial(BRIEF, url=EVENTS)
    call = await desk.over()
    return [one["kind"] for one in desk.told("/events")], call


# --- webhooks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"do": "duplicate"}, "Initiated Initiated Ringing Ringing Answered Answered Ended Ended"),
        ({"do": "duplicate", "of": "Ring*", "copies": 2}, "Initiated Ringing Ringing Ringing Answered Ended"),
        ({"do": "reorder"}, "Ringing Initiated Ended Answered"),
        ({"do": "reorder", "of": "Ended"}, "Initiated Ringing Answered Ended"),
        ({"do": "drop", "of": "Answered"}, "Initiated Ringing Ended"),
        ({"do": "drop", "times": 2}, "Answered Ended"),
        ({"do": "drop", "chance": 0}, "Initiated Ringing Answered Ended"),
    ],
)
def test_webhooks_come_twice_in_another_order_or_not_at_all(rule: dict[str, Any], expected: str) -> None:
    if rule["do"] == "reorder":
        rule = {**rule, "holdMs": 4_000}

    async def story(desk: Desk) -> None:
        came, _ = await events(desk, rule)
        assert came == expected.split()

    play(story)


def test_a_repeat_is_another_attempt_at_the_same_message() -> None:
    async def story(desk: Desk) -> None:
        await events(desk, {"do": "duplicate", "of": "Ringing"})
        first, second = (one for one in desk.requests if b'"Ringing"' in one.body)
        assert first.body == second.body
        assert [one.headers["x-attempt"] for one in (first, second)] == ["1", "2"]

    play(story)


def test_a_delay_keeps_the_order() -> None:
    async def story(desk: Desk) -> None:
        came, _ = await events(desk, {"do": "delay", "of": "Initiated", "ms": 4_000})
        assert came == ["Initiated", "Ringing", "Answered", "Ended"]
        assert [at for at, _, _ in desk.asked] == pytest.approx([4, 4, 4, 5], abs=0.1)

    play(story)


def test_a_wrong_signature_looks_like_one() -> None:
    async def story(desk: Desk) -> None:
        await events(desk, {"do": "wrongSignature", "of": "Ringing"})
        signatures = {json.loads(one.body)["kind"]: one.headers["x-signature"] for one in desk.requests}
        assert signatures.pop("Ringing") == "riaht"
        assert set(signatures.values()) == {"right"}

    play(story)


def test_a_lost_request_for_instructions_is_made_again_when_patience_says_so() -> None:
    async def story(desk: Desk) -> None:
        desk.play_faults(webhooks=[{"do": "drop", "of": "flow", "times": 1}])
        await desk.dial(BRIEF, flow=f"{HOME}/answer#rt=1000&rc=1&rp=rt")
        call = await desk.over()
        assert (call["reason"], len(desk.asked)) == ("completed", 1)
        assert desk.asked[0][0] == pytest.approx(2 + 1 + 1, abs=0.1)

    play(story, answer="<Say>Yes?</Say>")


def test_the_report_counts_what_was_done() -> None:
    async def story(desk: Desk) -> None:
        await events(desk, {"do": "duplicate"}, {"do": "drop", "of": "Ended"})
        report = desk.network.board.report()
        assert report["faults"] == {"webhooks.duplicate": 4, "webhooks.drop": 1}
        assert report["webhooks"]["sent"] == 3

    play(story)


# --- chance ----------------------------------------------------------------------------------------------------------


def test_a_seed_decides_and_other_messages_change_nothing() -> None:
    script = {"seed": 7, "webhooks": [{"do": "drop", "of": "a*", "chance": 0.5}]}

    def struck(*kinds: str, seed: int = 7) -> list[bool]:
        faults = Faults()
        faults.play(load_faults({**script, "seed": seed}))
        return [faults.webhook(kind).dropped for kind in kinds]

    alone = struck(*["a"] * 100)
    mixed = struck(*["a", "b", "ab"] * 100)
    assert mixed[::3] == alone
    assert not any(mixed[1::3])
    assert mixed[2::3] != alone
    assert 35 < sum(alone) < 65
    assert struck(*["a"] * 100, seed=8) != alone
    assert struck(*["a"] * 100) == alone


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"webhooks": [{"do": "dance"}]}, "$.webhooks[0]"),
        ({"webhooks": [{"do": "delay"}]}, "missing required field `ms` - at `$.webhooks[0]`"),
        ({"webhooks": [{"do": "drop", "chance": 2}]}, "$.webhooks[0].chance"),
        ({"webhooks": [{"do": "drop", "off": "x"}]}, "unknown field `off` - at `$.webhooks[0]`"),
        ({"rest": [{"do": "fail", "status": 404}]}, "$.rest[0].status"),
        ({"media": [{"do": "slow", "ms": 1}]}, "$.media[0]"),
        ({"seeds": 1}, "unknown field `seeds`"),
    ],
)
def test_a_bad_script_is_refused_by_its_place(data: dict[str, Any], words: str) -> None:
    with pytest.raises(BadFaults) as refused:
        load_faults(data)
    assert words in str(refused.value)


# --- the API ---------------------------------------------------------------------------------------------------------


async def dial(desk: Desk) -> tuple[int, float, dict[str, str]]:
    """Status, seconds and headers of a dial."""
    began = trio.current_time()
    body = b'{"to": "%s", "url": "%s"}' % (SOMEBODY.encode(), EVENTS.encode())
    exchange = await desk.network.fetch(HttpRequest(method="POST", url="http://127.0.0.1:3335/dial", body=body))
    assert exchange.response is not None
    return exchange.response.status, trio.current_time() - began, dict(exchange.response.headers)


@pytest.mark.parametrize(
    ("rule", "statuses", "dials"),
    [
        ({"do": "fail", "times": 2}, [503, 503, 200], 1),
        ({"do": "fail", "status": 500, "carriedOut": True, "times": 1}, [500, 200, 200], 3),
        ({"do": "limit", "retryAfterS": 7, "times": 1}, [429, 200, 200], 2),
        ({"do": "fail", "of": "POST /calls*"}, [200, 200, 200], 3),
        ({"do": "fail", "of": "GET *"}, [200, 200, 200], 3),
    ],
)
def test_the_api_fails_with_or_without_having_done_it(rule: dict[str, Any], statuses: list[int], dials: int) -> None:
    async def story(desk: Desk) -> None:
        desk.play_faults(rest=[rule])
        answers = [await dial(desk) for _ in range(3)]
        assert [status for status, _, _ in answers] == statuses
        assert desk.network.board.report()["dials"] == dials
        assert answers[0][2].get("retry-after") == ("7" if rule["do"] == "limit" else None)

    play(story)


@pytest.mark.parametrize(
    ("rest", "delay_ms", "after_s", "came"),
    [
        ({"do": "slow", "ms": 1_000}, 0, 1, ["Initiated", "Ringing"]),
        ({"do": "answerLate", "ms": 4_000}, 500, 0.5, ["Initiated"]),
        ({"do": "answerLate", "ms": 1_500}, 9_000, 1.5, []),
    ],
)
def test_the_api_answers_late(rest: dict[str, Any], delay_ms: int, after_s: float, came: list[str]) -> None:
    async def story(desk: Desk) -> None:
        desk.play_faults(rest=[rest], webhooks=[{"do": "delay", "ms": delay_ms}])
        status, took, _ = await dial(desk)
        assert (status, took) == (200, pytest.approx(after_s, abs=0.1))
        assert [one["kind"] for _, _, one in desk.asked] == came

    play(story)


# --- media -----------------------------------------------------------------------------------------------------------


def test_a_media_stream_is_cut() -> None:
    async def story(desk: Desk) -> None:
        desk.play_faults(media=[{"do": "cut", "afterMs": 2_500, "times": 1}])
        control = await desk.dial(["answer", "staySilent"])
        await trio.sleep(2.2)
        for name in ("s1", "s2"):
            await desk.ask(f"/{control.call.party.vendor_call_id}/open_stream", url="ws://x/y", name=name)
            await trio.sleep(10)
        ended = [one for one in control.heard if isinstance(one, StreamEnded)]
        assert [(one.stream_id, one.how) for one in ended] == [("s1", "lost")]
        assert (desk.links[0][1].closed, desk.links[0][1].clean, desk.links[1][1].closed) == (True, False, False)
        assert control.call.streaming == "s2"

    play(story)


def test_a_media_stream_that_is_refused_is_told_so_and_counts_by_attempt() -> None:
    async def story(desk: Desk) -> None:
        desk.play_faults(media=[{"do": "refuse", "times": 1}, {"do": "cut", "afterMs": 2_500}])
        control = await desk.dial(["answer", "staySilent"])
        await trio.sleep(2.2)
        for name in ("s1", "s2"):
            await desk.ask(f"/{control.call.party.vendor_call_id}/open_stream", url="ws://x/y", name=name)
            await trio.sleep(10)
        ended = [one for one in control.heard if isinstance(one, StreamEnded)]
        assert [(one.stream_id, one.how) for one in ended] == [("s1", "refused"), ("s2", "lost")]
        assert len(desk.links) == 1

    play(story)
