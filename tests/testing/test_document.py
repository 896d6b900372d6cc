"""Documents of instructions, run against a call: verb by verb, replaced, redirected, unanswered."""

from __future__ import annotations

import pytest
import trio

from tests.testing.desk import HOME, SOMEBODY, Desk, Plain, play
from voicecall.ports import HttpResponse
from voicecall.testing.happenings import Offer
from voicecall.testing.voice import say

QUIET = ["answer", "staySilent"]


def ms(text: str) -> int:
    return len(say(text)) // 8


def test_verbs_run_one_after_the_other_and_the_end_hangs_up() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(QUIET, flow=f"{HOME}/answer")
        call = await desk.over()
        first, second = call["carrierSaid"]
        assert (first["text"], first["whole"], second["text"], second["whole"]) == ("Hello.", True, "Bye.", True)
        assert first["endMs"] - first["startMs"] == pytest.approx(ms("Hello."), abs=200)
        assert second["startMs"] - first["endMs"] == pytest.approx(2_000 + 4 * 250 + 500, abs=50)
        assert [one["soundMs"] for one in call["heard"]] == pytest.approx([ms("Hello."), ms("Bye.")], abs=200)
        assert call["keysHeard"] == "12w3#"
        assert (call["reason"], call["ended"]) == ("completed", {"why": "completed", "by": "document"})

    play(story, answer="<Say>Hello.</Say><Pause length='2'/><Keys digits='12w3#'/><Say>Bye.</Say>")


def test_a_redirect_asks_again_and_what_follows_it_never_runs() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(QUIET, flow=f"{HOME}/answer#rc=2&rp=all")
        call = await desk.over()
        assert [one["text"] for one in call["carrierSaid"]] == ["One.", "Two."]
        assert desk.paths() == ["/answer", "/go_on"]
        assert [one["asks"] for _, _, one in desk.asked] == ["First", "Redirected"]
        assert [one.url for one in desk.requests] == [f"{HOME}/answer", f"{HOME}/go_on"]
        assert call["reason"] == "hangup-bot"

    pages = {"answer": "<Say>One.</Say><Go>/go_on</Go><Say>Never.</Say>", "go_on": "<Say>Two.</Say><End/>"}
    play(story, **pages)


def test_a_document_ordered_over_the_api_cuts_what_is_being_said() -> None:
    async def story(desk: Desk) -> None:
        control = await desk.dial(QUIET, flow=f"{HOME}/answer")
        await trio.sleep(4)
        await desk.ask(f"/{control.call.party.vendor_call_id}/document", url=f"{HOME}/go_on")
        call = await desk.over()
        *before, cut, said = call["carrierSaid"]
        assert [one["whole"] for one in (*before, cut, said)] == [True, False, True]
        assert said["text"] == "Something else."
        assert said["startMs"] - cut["endMs"] < 300
        assert desk.told("/go_on")[0]["by_api"] is True

    play(story, answer="<Say loop='0'>This goes on and on.</Say>", go_on="<Say>Something else.</Say>")


def test_an_inbound_call_is_answered_by_its_first_verb_and_refused_by_refuse() -> None:
    async def story(desk: Desk) -> None:
        dialect = desk.vendor.dialect
        for page in ("answer", "busy", "refuse", "go_on"):
            dialect.offer(Offer(caller=SOMEBODY, callee="+15550000000", webhook_url=f"{HOME}/{page}"))
            await trio.sleep(12)
        ends = [(one["reason"], one["answered"]) for one in desk.network.board.report()["calls"]]
        assert ends == [("hangup-bot", True), ("busy", False), ("rejected", False), ("rejected", False)]

    refuse = "<Refuse/>"
    play(story, answer="<Pause/><End/>", busy="<Refuse reason='busy'/>", refuse=refuse, go_on="<Go>/refuse</Go>")


def test_a_hang_up_can_be_put_off_while_the_document_goes_on() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(QUIET, flow=f"{HOME}/answer")
        call = await desk.over()
        assert call["reason"] == "hangup-bot"
        (said,) = call["carrierSaid"]
        assert (said["text"], said["whole"]) == ("Do not hang up.", True)
        assert next(one["atMs"] for one in call["timeline"] if one["what"] == "heard keys 1") == pytest.approx(
            2_000 + 8_000, abs=200
        )

    later = "<End after='9'/><Say>Do not hang up.</Say><Pause length='7'/><Keys digits='1'/><Pause length='9'/>"
    play(story, answer=later)


# --- when there is no document ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (HttpResponse(status=500), "status 500"),
        (HttpResponse(status=200, body=b"<Response/>"), "content-type"),
        ("<Dance/>", "<Dance> does not belong here"),
        ("<Say loop='many'>x</Say>", "Say loop: must be a whole number"),
        ("<Say>x", "not XML"),
        ("<Go>/go_on#rc=9</Go>", "#rc: must be a number from 0 to 5"),
    ],
)
def test_a_bad_answer_ends_the_call_and_the_report_says_why(page: str | HttpResponse, words: str) -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(QUIET, flow=f"{HOME}/answer")
        call = await desk.over()
        assert call["ended"] == {"why": "error", "by": "network"}
        assert any(words in one["what"] for one in call["timeline"] if one["what"].startswith("no instructions"))

    play(story, answer=page)


def test_the_fallback_is_asked_once() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(QUIET, flow=f"{HOME}/spared")
        call = await desk.over()
        assert desk.paths() == ["/spared", "/spare"]
        assert "status 500" in desk.told("/spare")[0]["why"]
        assert [one["text"] for one in call["carrierSaid"]] == ["Sorry."]
        desk.pages["/spare"] = HttpResponse(status=500)
        await desk.dial(QUIET, flow=f"{HOME}/spared")
        await trio.sleep(10)
        assert desk.paths()[2:] == ["/spared", "/spare"]
        assert desk.network.board.report()["calls"][1]["reason"] == "error"

    play(story, spared=HttpResponse(status=500), spare="<Say>Sorry.</Say>")


@pytest.mark.parametrize(
    ("fragment", "times", "reason"),
    [
        ("", [0], "error"),
        ("#rc=2&rp=5xx", [0, 1, 2], "completed"),
        ("#rc=1&rp=5xx", [0, 1], "error"),
        ("#rc=5&rp=ct,rt", [0], "error"),
        ("#rc=5&rp=all&tt=1500", [0, 1], "error"),
    ],
)
def test_the_fragment_says_how_patiently_a_document_is_asked_for(fragment: str, times: list[int], reason: str) -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(QUIET, flow=f"{HOME}/answer{fragment}")
        call = await desk.over()
        first = desk.asked[0][0]
        assert [at - first for at, _, _ in desk.asked] == pytest.approx(times, abs=0.1)
        assert call["reason"] == reason
        assert [one.headers["x-attempt"] for one in desk.requests] == [str(n + 1) for n in range(len(times))]

    answers = [HttpResponse(status=503), HttpResponse(status=503)]
    play(story, answer=lambda _: answers.pop(0) if answers else "<Say>There you are.</Say>")


def test_an_answer_that_takes_too_long_is_no_answer() -> None:
    waits = [3, 0]

    async def late(_: Plain) -> str:
        await trio.sleep(waits.pop(0))
        return "<Say>Late.</Say>"

    async def story(desk: Desk) -> None:
        await desk.dial(QUIET, flow=f"{HOME}/answer#rt=2000&rc=1&rp=rt")
        call = await desk.over()
        assert (call["reason"], waits) == ("completed", [])
        assert [at - desk.asked[0][0] for at, _, _ in desk.asked] == pytest.approx([0, 3], abs=0.1)

    play(story, answer=late)
