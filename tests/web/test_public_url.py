"""A carrier that signs URLs, at a real door behind proxies that change everything about the request but its meaning."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import structlog
from attrs import define, field

from tests.web.kit import PATH, SECRET, Kit, event, new_gate, post, serve
from tests.web.signer import SIGNATURE, UrlSigner, seal, sealed
from voicecall.config import parse
from voicecall.ports import Account, Heard, HttpRequest, HttpResponse
from voicecall.web.exposure import exposure_of
from voicecall.web.gate import Gate

BODY = event()
PUBLIC = "https://phone.example.com"
TWILIO = {"provider": "twilio", "fromNumber": "+15550001111", "twilio": {"accountSid": "AC1", "authToken": "t"}}


@define
class Intake:
    """What came past the gate: for each webhook whether it was proven, and its evidence; and the URLs it decoded."""

    verified: list[bool] = field(factory=list)
    evidence: list[str] = field(factory=list)

    async def deliver(
        self, carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        self.verified.append(verified)
        self.evidence.append(evidence)
        return HttpResponse(status=200)


def gate_for(config: dict[str, Any], intake: Intake, **settings: Any) -> Gate:
    checked = parse({**TWILIO, **config}, {})
    return new_gate(
        intake.deliver,
        provider="twilio",
        carriers={"twilio": UrlSigner()},
        accounts={"twilio": Account(api_url="http://127.0.0.1:1", secrets={"webhook": SECRET})},
        exposure=exposure_of(checked, known=lambda: f"{checked.public_url or 'http://127.0.0.1:1'}{PATH}"),
        skip_verification=checked.skip_signature_verification,
        **settings,
    )


def statuses(config: dict[str, Any], *requests: bytes, bind: str = "127.0.0.1") -> list[int]:
    """How a door with this configuration answers, each on its own connection."""
    found: list[int] = []

    async def story(kit: Kit) -> None:
        found.extend([(await kit.ask(one)).status for one in requests])

    serve(story, gate=gate_for(config, Intake()), bind=bind)
    return found


def signed_for(url: str, *, path: str = PATH, body: bytes = BODY, **headers: str) -> bytes:
    """A request that was signed for ``url`` and arrives at ``path`` with these headers."""
    return post(body, sealed(url, body, **headers), path=path)


def test_the_public_url_is_what_counts_whatever_host_the_proxy_sends() -> None:
    target = f"{PATH}?callId=c%20d&z=1&a=2"
    genuine = signed_for(PUBLIC + target, path=target, host="10.0.0.5:3334")
    reordered = signed_for(f"{PUBLIC}{PATH}?a=2&callId=c%20d&z=1", path=target)
    elsewhere = signed_for(f"https://other.example{target}", path=target, host="other.example")
    assert statuses({"publicUrl": PUBLIC}, genuine, reordered, elsewhere) == [200, 401, 401]


def test_a_captured_request_for_another_host_of_the_same_account_is_refused() -> None:
    """The attack on a host header: somebody forwards to us what the carrier signed for him."""
    attack = signed_for(f"https://evil.example{PATH}", host="evil.example", x_forwarded_host="evil.example")
    trusting = {"trustForwardingHeaders": True}
    assert statuses({"publicUrl": PUBLIC}, attack) == [401]
    assert statuses({"publicUrl": PUBLIC, "webhookSecurity": trusting}, attack) == [401]
    assert statuses({"webhookSecurity": {"allowedHosts": ["phone.example.com"]}}, attack) == [401]
    assert statuses({"webhookSecurity": {**trusting, "allowedHosts": ["phone.example.com"]}}, attack) == [401]
    assert statuses({"webhookSecurity": {**trusting, "trustedProxyIPs": ["198.51.100.7"]}}, attack) == [200]  # by Host


def test_forwarding_headers_count_when_a_trusted_proxy_sends_them() -> None:
    forwarded = signed_for(
        f"{PUBLIC}:8443{PATH}", host="inner", x_forwarded_host="phone.example.com:8443", x_forwarded_proto="https"
    )
    hosts = {"allowedHosts": ["phone.example.com"]}
    assert statuses({"webhookSecurity": hosts}, forwarded) == [200]
    assert statuses({"webhookSecurity": {**hosts, "trustedProxyIPs": ["127.0.0.1"]}}, forwarded) == [200]
    assert statuses({"webhookSecurity": {**hosts, "trustedProxyIPs": ["::ffff:127.0.0.0/104"]}}, forwarded) == [200]
    assert statuses({"webhookSecurity": {**hosts, "trustedProxyIPs": ["198.51.100.7"]}}, forwarded) == [401]
    assert statuses({"webhookSecurity": {"trustForwardingHeaders": True}}, forwarded) == [200]
    assert statuses({}, forwarded) == [401]


def test_a_port_is_kept_and_another_one_is_not_ours() -> None:
    config = {"publicUrl": f"{PUBLIC}:8443"}
    assert statuses(config, signed_for(f"{PUBLIC}:8443{PATH}"), signed_for(f"{PUBLIC}:9999{PATH}")) == [200, 401]


def test_a_proxy_may_take_a_part_of_the_path_away() -> None:
    url = f"{PUBLIC}/hooks/phone{PATH}?callId=c1"
    inner = f"{PATH}?callId=c1"
    assert statuses({"publicUrl": f"{PUBLIC}/hooks/phone"}, signed_for(url, path=inner)) == [200]
    assert statuses({"publicUrl": f"{PUBLIC}/else"}, signed_for(url, path=inner)) == [401]


def test_a_door_that_is_public_without_tls_needs_no_settings() -> None:
    assert statuses({}, signed_for(f"http://127.0.0.1:3334{PATH}", host="127.0.0.1:3334")) == [200]


def test_ipv6_hosts_keep_their_brackets() -> None:
    assert statuses({}, signed_for(f"http://[::1]:3334{PATH}", host="[::1]:3334"), bind="::1") == [200]


def test_the_codec_reads_the_url_that_was_signed() -> None:
    decoded: list[str] = []

    class Remembering(UrlSigner):
        def decode(self, request: HttpRequest) -> tuple[Heard, ...]:
            decoded.append(request.url)
            return super().decode(request)

    async def story(kit: Kit) -> None:
        assert (await kit.ask(signed_for(f"{PUBLIC}/x{PATH}?a=1", path=f"{PATH}?a=1"))).status == 200

    gate = gate_for({"publicUrl": f"{PUBLIC}/x"}, Intake())
    gate.carriers = {"twilio": Remembering()}
    serve(story, gate=gate)
    assert decoded == [f"{PUBLIC}/x{PATH}?a=1"]


def test_the_evidence_is_the_digest_of_the_raw_body() -> None:
    intake = Intake()

    async def story(kit: Kit) -> None:
        await kit.ask(signed_for(PUBLIC + PATH))

    serve(story, gate=gate_for({"publicUrl": PUBLIC}, intake))
    assert intake.evidence == ["sha256:" + hashlib.sha256(BODY).hexdigest()]


def test_one_flipped_byte_of_body_url_or_signature_is_refused() -> None:
    good = sealed(PUBLIC + PATH, BODY)
    flipped = good[SIGNATURE][:-1] + ("0" if good[SIGNATURE][-1] != "0" else "1")
    assert statuses(
        {"publicUrl": PUBLIC},
        post(BODY, good),
        post(BODY.replace(b"ringing", b"ringinG"), good),
        post(BODY, good, path=PATH + "?"),
        post(BODY, good, path=PATH + "?a=1"),
        post(BODY, {SIGNATURE: flipped}),
        post(BODY, {SIGNATURE: "caf\u00e9" * 16}),
        post(BODY, {SIGNATURE: seal(PUBLIC + PATH, BODY, "guessed")}),
    ) == [200, 401, 200, 401, 401, 401, 401]


# --- the bypass ------------------------------------------------------------------------------------------------------

NGROK = {"tunnel": {"provider": "ngrok", "allowNgrokFreeTierLoopbackBypass": True}}


def test_the_bypass_lets_an_invalid_signature_through_and_says_so() -> None:
    intake = Intake()

    async def story(kit: Kit) -> None:
        kit.gate.announce()
        assert (await kit.ask(post(BODY, sealed("https://wrong.example/", BODY)))).status == 200
        assert (await kit.ask(post(BODY, {}))).status == 401  # no signature at all is still nobody
        assert (await kit.ask(post(b"<xml/>", sealed("https://wrong.example/", b"")))).status == 400
        named = {"host": "127.0.0.1", "ngrok_forwarded_host": "n.example", "x_forwarded_proto": "https"}
        assert (await kit.ask(signed_for(f"https://n.example{PATH}", **named))).status == 200

    with structlog.testing.capture_logs() as logs:
        serve(story, gate=gate_for(NGROK, intake))
    assert intake.verified == [False, True]
    assert [log["log_level"] for log in logs if "ngrok" in log["event"]] == ["warning"]
    assert len([log for log in logs if log["event"] == "webhook let through with an invalid signature"]) == 2


@pytest.mark.parametrize("config", [{}, {"tunnel": {"provider": "ngrok"}}, {**NGROK, "serve": {"bind": "0.0.0.0"}}])
def test_without_the_bypass_an_invalid_signature_is_refused(config: dict[str, Any]) -> None:
    assert statuses(config, post(BODY, sealed("https://wrong.example/", BODY))) == [401]


def test_skipped_verification_is_loud_and_its_facts_are_unverified() -> None:
    intake = Intake()

    async def story(kit: Kit) -> None:
        kit.gate.announce()
        assert (await kit.ask(post(BODY, {}))).status == 200

    with structlog.testing.capture_logs() as logs:
        serve(story, gate=gate_for({"skipSignatureVerification": True}, intake))
    assert intake.verified == [False]
    assert [(log["log_level"], log["setting"]) for log in logs] == [("warning", "skipSignatureVerification")]
