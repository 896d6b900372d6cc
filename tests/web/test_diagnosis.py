"""Why a signature did not match, told at the door: over real sockets, in the record, and never to the sender."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import structlog
import trio
import trio.testing

from tests.web.kit import AT, PATH, SECRET, Kit, event, head, new_gate, post, read_answer, serve, signed
from tests.web.signer import UrlSigner, sealed
from tests.web.test_public_url import BODY, PUBLIC, Intake, gate_for, signed_for
from voicecall.ports import Account, BadSignature, HttpRequest
from voicecall.web.diagnosis import BURST, SUSPECTS, Ration, advice, everything
from voicecall.web.exposure import Exposure
from voicecall.web.gate import Gate
from voicecall.web.refused_log import RefusedRequest, Verdict


def refusals(gate: Gate, *requests: bytes, rate: float = 1.0) -> tuple[RefusedRequest, ...]:
    """What is kept after these requests, each on its own connection."""

    async def story(kit: Kit) -> None:
        for one in requests:
            assert (await kit.ask(one)).status >= 400

    serve(story, gate=gate, rate=rate)
    return gate.refused.newest_last


def matched(refused: RefusedRequest) -> tuple[str, str]:
    """The address that was right, and what names it."""
    (right,) = [one for one in refused.verdicts if one.matches]
    assert not right.believed
    return right.url, right.source


@pytest.mark.parametrize(
    ("config", "signed_url", "headers", "source"),
    [
        ({"publicUrl": PUBLIC}, f"https://new.example{PATH}", {"host": "new.example"}, "host"),
        ({"publicUrl": PUBLIC}, f"https://n.example{PATH}", {"x_forwarded_host": "n.example"}, "x-forwarded-host"),
        ({"publicUrl": PUBLIC}, f"https://n.io{PATH}", {"ngrok_forwarded_host": "n.io"}, "ngrok-forwarded-host"),
        ({"publicUrl": PUBLIC}, f"http://phone.example.com{PATH}", {}, "publicUrl"),
        ({"publicUrl": f"{PUBLIC}:8443"}, f"{PUBLIC}{PATH}", {}, "publicUrl"),
        ({"publicUrl": PUBLIC}, f"{PUBLIC}:8443{PATH}", {"x_forwarded_port": "8443"}, "publicUrl"),
        ({"publicUrl": PUBLIC}, f"{PUBLIC}/pbx{PATH}", {"x_forwarded_prefix": "/pbx/"}, "publicUrl"),
        ({"publicUrl": PUBLIC}, f"{PUBLIC}/hook", {"x_original_uri": "/hook"}, "publicUrl"),
        ({"publicUrl": PUBLIC}, f"{PUBLIC}{PATH}/", {}, "publicUrl"),
        ({}, f"https://n.example{PATH}", {"host": "in.example", "x_forwarded_host": "n.example"}, "x-forwarded-host"),
    ],
)  # fmt: skip
def test_the_record_names_the_address_that_was_signed(
    config: dict[str, Any], signed_url: str, headers: dict[str, str], source: str
) -> None:
    (refused,) = refusals(gate_for(config, Intake()), signed_for(signed_url, **headers))
    assert (refused.reason, refused.status, refused.examined) == ("signature", 401, True)
    assert matched(refused) == (signed_url, source)
    assert advice(refused.verdicts) == (
        f"the request was signed for {signed_url}, which is not known to be this door (named by: {source}); "
        f"if it is your own address, set publicUrl to {signed_url}"
    )


def test_a_wrong_key_matches_nowhere_and_the_advice_says_so() -> None:
    (refused,) = refusals(gate_for({"publicUrl": PUBLIC}, Intake()), post(BODY, sealed(PUBLIC + PATH, b"other")))
    assert not any(one.matches for one in refused.verdicts)
    assert 4 < len(refused.verdicts) <= SUSPECTS + 1
    assert "the carrier's key in the configuration is not the one that signed" in advice(refused.verdicts)


def test_nothing_private_is_kept() -> None:
    body = event(**{"from": "+15550001000", "transcript": "my card is 4111111111111111"})
    path = f"{PATH}?callId=5b0e&token=hunter2&To=%2B15550001000"
    headers = sealed("https://wrong.example/", body, authorization="Bearer hunter2", user_agent="dial +15550001000")
    with structlog.testing.capture_logs() as logs:
        (refused,) = refusals(gate_for({"publicUrl": PUBLIC}, Intake()), post(body, headers, path=path))
    kept = msgspec.json.encode(refused).decode() + json.dumps(logs)
    for private in ("5550001000", "4111", "hunter2", headers["x-url-signature"], SECRET):
        assert private not in kept
    assert refused.url == f"http://phone.example{PATH}?callId=…&token=…&To=…"
    assert refused.body_bytes == len(body)
    assert refused.headers["x-url-signature"] == "(64 characters)"
    assert logs[-1]["record"] == refused.id == "r1"


def test_every_reason_leaves_a_record_and_a_stranger_on_another_path_none() -> None:
    signed_elsewhere = sealed(f"{PUBLIC}/voice/webhok", BODY)
    kept = refusals(
        gate_for({"publicUrl": PUBLIC}, Intake()),
        post(b"", {}, path="/wp-login.php"),
        post(BODY, signed_elsewhere, path="/voice/webhok"),
        post(BODY, sealed(PUBLIC + PATH, BODY), method="PUT"),
        post(BODY, {}),
        post(b"x" * 65_537, sealed(PUBLIC + PATH, b"")),
        post(b"<xml/>", sealed(PUBLIC + PATH, b"<xml/>")),
    )
    assert [(one.reason, one.status, one.body_bytes) for one in kept] == [
        ("path", 404, None),
        ("method", 405, None),
        ("headers", 401, None),
        ("size", 413, None),
        ("format", 400, 6),
    ]
    assert (kept[0].why, kept[2].why) == ("serve.path is /voice/webhook", "missing headers: x-url-signature")


def test_a_missing_place_and_a_slow_body_leave_records_too() -> None:
    async def story(kit: Kit) -> None:
        kit.gate.unproven.taken["127.0.0.1"] = 8
        assert (await kit.ask(post(BODY))).status == 429
        del kit.gate.unproven.taken["127.0.0.1"]
        async with await kit.connect() as stream:
            await stream.send_all(head("POST", PATH, {"content-length": "9", **signed(b"")}))
            assert (await read_answer(stream)).status == 408
        assert [one.reason for one in kit.gate.refused.newest_last] == ["busy", "pace"]

    serve(story, rate=10)


def test_the_same_refused_request_costs_one_line_and_one_examination() -> None:
    checks = [0]

    class Counting(UrlSigner):
        def verify(self, request: HttpRequest, *, account: Account, now: int) -> None:
            checks[0] += 1
            super().verify(request, account=account, now=now)

    gate = gate_for({"publicUrl": PUBLIC}, Intake())
    gate.carriers = {"twilio": Counting()}
    wrong = post(BODY, sealed("https://wrong.example/", BODY))
    (once,) = refusals(gate, wrong)
    assert checks[0] == len(once.verdicts) + 1
    (often,) = refusals(gate, *([wrong] * 5))
    assert (often.id, often.times, often.verdicts) == (once.id, 6, once.verdicts)
    assert checks[0] == len(once.verdicts) + 6


def test_a_flood_is_not_examined_but_kept() -> None:
    gate = gate_for({"publicUrl": PUBLIC}, Intake())
    flood = [post(body, sealed("https://wrong.example/", body)) for body in (event(id=f"e{n}") for n in range(30))]
    kept = refusals(gate, *flood, rate=0.01)  # slowly, so that no time passes for the ration
    assert len(kept) == 30
    assert [one.examined for one in kept[: int(BURST)]] == [True] * int(BURST)
    assert not any(one.examined for one in kept[int(BURST) + 2 :])
    assert all(one.verdicts for one in kept)


def test_a_large_body_is_not_examined() -> None:
    body = event(text="a" * 20_000)
    (refused,) = refusals(gate_for({"publicUrl": PUBLIC}, Intake()), post(body, sealed("https://wrong.example/", body)))
    assert not refused.examined
    assert [one.believed for one in refused.verdicts] == [True]


def test_the_ration_comes_back_with_time() -> None:
    async def main() -> list[int]:
        ration = Ration()
        first = sum(ration.take() for _ in range(50))
        await trio.sleep(3)
        return [first, sum(ration.take() for _ in range(50))]

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == [8, 3]


def test_a_check_that_fails_while_explaining_explains_nothing_and_breaks_nothing() -> None:
    class Fragile(UrlSigner):
        def verify(self, request: HttpRequest, *, account: Account, now: int) -> None:
            if request.url.startswith(PUBLIC):
                raise BadSignature("no")
            raise RuntimeError("surprise")

    gate = gate_for({"publicUrl": PUBLIC}, Intake())
    gate.carriers = {"twilio": Fragile()}
    (refused,) = refusals(gate, signed_for(PUBLIC + PATH))
    assert {one.why for one in refused.verdicts} == {"no", "the check itself failed"}


def test_a_carrier_that_signs_no_url_says_what_is_wrong_instead() -> None:
    stale = post(BODY, signed(BODY, at=AT - 400))
    (refused,) = refusals(new_gate(), stale)
    assert "x-mock-timestamp: more than 300 s from now" in advice(refused.verdicts)


def test_what_was_believed_and_right_is_told_as_genuine() -> None:
    right = Verdict(url="https://h/x", source="publicUrl", believed=True, matches=True)
    assert advice((right,)) == "the request is genuine: it was signed for https://h/x"


def test_suspects_are_bounded_and_none_twice() -> None:
    headers = {
        name: f"{name}.example:81" for name in ("x-forwarded-host", "x-original-host", "ngrok-forwarded-host", "host")
    }
    headers |= {name: f"/{name}" for name in ("x-original-uri", "x-original-url", "x-forwarded-uri", "x-rewrite-url")}
    request = HttpRequest(
        method="POST", url=f"http://h.example{PATH}?a=1", headers={**headers, "x-forwarded-port": "82"}
    )
    exposure = Exposure(known=lambda: "https://k.example/x", public_url="https://p.example/y")
    tried = [candidate.url for candidate, _ in everything(exposure, request)]
    assert len(tried) == len(set(tried)) == SUSPECTS + len(exposure.candidates(request))
