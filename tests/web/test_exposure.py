"""Which addresses are ours, and who the client is: every rule by itself, without a socket."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecall.config import parse
from voicecall.ports import HttpRequest
from voicecall.web.exposure import Exposure, exposure_of, split_url, target_of

LOCAL = "http://127.0.0.1:3334/voice/webhook"
TARGET = "/voice/webhook?callId=c1&next=https%3A%2F%2Fx"


def exposed(config: dict[str, Any] | None = None, *, known: str = LOCAL) -> Exposure:
    return exposure_of(parse(config or {}, {}), known=lambda: known)


def urls(exposure: Exposure, peer: str = "198.51.100.7", **headers: str) -> list[str]:
    """The candidates of a request that came over plain HTTP, without our own address on loopback."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = HttpRequest(method="POST", url=f"http://ignored.example{TARGET}", headers=named, peer=peer)
    found = [one.url.removesuffix(TARGET) for one in exposure.candidates(request)]
    return [url for url in found if url != "http://127.0.0.1:3334"]


def security(**keys: object) -> dict[str, Any]:
    return {"webhookSecurity": keys}


# --- what we told the carrier ----------------------------------------------------------------------------------------


def test_a_public_url_gives_the_origin_and_the_request_path_and_query_as_they_came() -> None:
    public = exposed({"publicUrl": "https://Phone.Example.com:8443/x"}, known="https://Phone.Example.com:8443/x/hook")
    request = HttpRequest(method="POST", url=f"http://127.0.0.1:3334{TARGET}", headers={"host": "evil.example"})
    assert [one.url for one in public.candidates(request)] == [
        f"https://Phone.Example.com:8443{TARGET}",
        "https://Phone.Example.com:8443/x?callId=c1&next=https%3A%2F%2Fx",
        "https://Phone.Example.com:8443/x/hook?callId=c1&next=https%3A%2F%2Fx",
    ]
    assert {one.source for one in public.candidates(request)} == {"publicUrl"}


def test_a_public_url_silences_host_and_forwarding_headers() -> None:
    public = exposed({"publicUrl": "https://h.example", **security(trustForwardingHeaders=True)}, known="")
    assert urls(public, host="evil.example", x_forwarded_host="evil.example", x_forwarded_proto="http") == [
        "https://h.example"
    ]


def test_a_tunnels_address_is_public_too_and_may_change() -> None:
    address = ["https://one.ngrok.example/voice/webhook"]
    tunnel = exposure_of(parse({"tunnel": {"provider": "ngrok"}}, {}), known=lambda: address[0])
    assert urls(tunnel, host="evil.example") == ["https://one.ngrok.example"]
    address[0] = "https://two.ngrok.example/voice/webhook"
    assert urls(tunnel, host="evil.example") == ["https://two.ngrok.example"]


def test_hosts_that_are_listed_count_beside_a_public_url() -> None:
    moved = exposed({"publicUrl": "https://new.example", **security(allowedHosts=["old.example"])}, known="")
    assert urls(moved, host="old.example") == ["https://new.example", "https://old.example", "http://old.example"]
    assert urls(moved, host="evil.example") == ["https://new.example"]


def test_the_port_that_host_has_for_our_own_name_is_a_candidate_and_no_other_name() -> None:
    public = exposed({"publicUrl": "http://h.example"}, known="")
    assert urls(public, host="H.example:8080") == ["http://h.example", "http://h.example:8080"]
    assert urls(public, host="h.example.evil.example:8080") == ["http://h.example"]


def test_user_and_password_of_a_public_url_are_not_part_of_it() -> None:
    assert urls(exposed({"publicUrl": "https://me:secret@h.example"}, known="")) == ["https://h.example"]


# --- what the request says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "h.example"}, ["https://h.example", "http://h.example"]),
        ({"host": "H.Example:8443"}, ["https://h.example:8443", "http://h.example:8443"]),
        ({"host": "[2001:db8::1]:8443"}, ["https://[2001:db8::1]:8443", "http://[2001:db8::1]:8443"]),
        ({"host": "h.example", "x_forwarded_proto": "http"}, ["https://h.example", "http://h.example"]),
        ({"host": "h.example", "x_forwarded_host": "evil.example"}, ["https://h.example", "http://h.example"]),
        ({"host": "user@h.example"}, []),
        ({"host": "h.example, evil.example"}, []),
        ({"host": "h.example:0"}, []),
        ({"host": "h.example/x"}, []),
        ({}, ["https://ignored.example", "http://ignored.example"]),
    ],
)
def test_without_settings_only_host_is_asked(headers: dict[str, str], expected: list[str]) -> None:
    assert urls(exposed(), **headers) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x_forwarded_host": "a.example"}, ["https://a.example", "http://a.example"]),
        ({"x_forwarded_host": "a.example", "x_forwarded_proto": "https"}, ["https://a.example"]),
        ({"x_forwarded_host": "a.example", "x_forwarded_proto": "http"}, ["http://a.example"]),
        ({"x_forwarded_host": "a.example", "x_forwarded_proto": "HTTP"}, ["https://a.example", "http://a.example"]),
        ({"x_forwarded_host": "a.example", "x_forwarded_proto": "ftp"}, ["https://a.example", "http://a.example"]),
        ({"x_forwarded_host": " a.example:8443 , b.example", "x_forwarded_proto": "https"}, ["https://a.example:8443"]),
        (
            {"x_forwarded_host": "a.example", "x_forwarded_port": "8443", "x_forwarded_proto": "https"},
            ["https://a.example", "https://a.example:8443"],
        ),
        ({"x_forwarded_host": "a.example", "x_forwarded_port": "443", "x_forwarded_proto": "https"}, ["https://a.example"]),
        ({"x_forwarded_host": "a.example", "x_forwarded_port": "x", "x_forwarded_proto": "https"}, ["https://a.example"]),
        ({"x_original_host": "o.example", "x_forwarded_proto": "https"}, ["https://o.example"]),
        ({"ngrok_forwarded_host": "n.example", "x_forwarded_proto": "https"}, ["https://n.example"]),
        (
            {"x_forwarded_host": "me@a", "x_original_host": "o.example", "x_forwarded_proto": "https"},
            ["https://o.example"],
        ),
        ({"x_forwarded_host": "me@a", "x_forwarded_proto": "https"}, ["https://h.example"]),
    ],
)  # fmt: skip
def test_believed_headers_name_the_host(headers: dict[str, str], expected: list[str]) -> None:
    trusting = exposed(security(trustForwardingHeaders=True))
    assert urls(trusting, host="h.example", **headers) == expected


def test_listed_hosts_bound_what_any_header_may_name() -> None:
    listed = exposed(security(allowedHosts=["A.example:9", "b.example"]))
    assert urls(listed, host="h.example", x_forwarded_host="a.example", x_forwarded_proto="https") == [
        "https://a.example"
    ]
    assert urls(listed, host="h.example", x_forwarded_host="evil.example", x_original_host="b.example") == [
        "https://b.example",
        "http://b.example",
    ]
    assert urls(listed, host="evil.example", x_forwarded_host="evil.example") == []
    assert urls(listed, host="b.example") == ["https://b.example", "http://b.example"]


@pytest.mark.parametrize(
    ("proxies", "peer", "believed"),
    [
        ([], "198.51.100.7", True),
        ([], "", True),
        (["198.51.100.7"], "198.51.100.7", True),
        (["198.51.100.7"], "::ffff:198.51.100.7", True),
        (["::ffff:198.51.100.7"], "198.51.100.7", True),
        (["2001:db8:0:0:0:0:0:1"], "2001:db8::1", True),
        (["198.51.100.0/24"], "198.51.100.7", True),
        (["198.51.100.8"], "198.51.100.7", False),
        (["198.51.100.7"], "", False),
    ],
)
def test_only_trusted_proxies_forward(proxies: list[str], peer: str, believed: bool) -> None:
    guarded = exposed(security(trustForwardingHeaders=True, trustedProxyIPs=proxies))
    named = urls(guarded, peer, host="h.example", x_forwarded_host="a.example", x_forwarded_proto="http")
    assert named == (["http://a.example"] if believed else ["https://h.example", "http://h.example"])


def test_trusted_proxies_alone_do_not_make_headers_name_hosts() -> None:
    assert "https://a.example" not in urls(
        exposed(security(trustedProxyIPs=["198.51.100.7"])), host="h.example", x_forwarded_host="a.example"
    )


# --- the bypass ------------------------------------------------------------------------------------------------------

BYPASS: dict[str, Any] = {
    "provider": "twilio",
    "fromNumber": "+15550001111",
    "twilio": {"accountSid": "AC1", "authToken": "t"},
    "tunnel": {"provider": "ngrok", "allowNgrokFreeTierLoopbackBypass": True},
}


@pytest.mark.parametrize(
    ("changed", "in_force"),
    [
        ({}, True),
        ({"serve": {"bind": "::1"}}, True),
        ({"serve": {"bind": "localhost"}}, True),
        ({"serve": {"bind": "0.0.0.0"}}, False),
        ({"tunnel": {"provider": "ngrok"}}, False),
        ({"tunnel": {"provider": "none", "allowNgrokFreeTierLoopbackBypass": True}}, False),
        ({"tunnel": {"provider": "tailscale-funnel", "allowNgrokFreeTierLoopbackBypass": True}}, False),
        ({"provider": "plivo", "plivo": {"authId": "i", "authToken": "t"}}, False),
        ({"provider": "mock"}, False),
    ],
)
def test_the_bypass_needs_twilio_ngrok_loopback_and_leave(changed: dict[str, Any], in_force: bool) -> None:
    exposure = exposed({**BYPASS, **changed})
    for peer, near in (
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.9", True),
        ("198.51.100.7", False),
        ("", False),
    ):
        request = HttpRequest(method="POST", url=LOCAL, peer=peer)
        assert exposure.lets_through(request) is (in_force and near)


def test_with_the_bypass_the_agent_on_this_machine_names_our_host() -> None:
    bypass = exposed(BYPASS)
    named = {"host": "127.0.0.1:3334", "ngrok_forwarded_host": "n.example", "x_forwarded_proto": "https"}
    assert urls(bypass, "127.0.0.1", **named) == ["https://n.example"]
    assert "https://n.example" not in urls(bypass, "198.51.100.7", **named)


# --- who the client is -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "peer", "forwarded", "client"),
    [
        ({}, "198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ({}, "::ffff:198.51.100.7", "", "198.51.100.7"),
        ({}, "", "203.0.113.9", ""),
        (security(trustForwardingHeaders=True), "198.51.100.7", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (security(allowedHosts=["h.example"]), "198.51.100.7", "203.0.113.9", "198.51.100.7"),
        (security(trustedProxyIPs=["10.0.0.0/8"]), "198.51.100.7", "203.0.113.9", "198.51.100.7"),
        (security(trustedProxyIPs=["10.0.0.0/8"]), "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (security(trustedProxyIPs=["10.0.0.0/8"]), "10.0.0.1", "6.6.6.6, 203.0.113.9,10.0.0.2", "203.0.113.9"),
        (security(trustedProxyIPs=["10.0.0.0/8"]), "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        (security(trustedProxyIPs=["10.0.0.0/8"]), "10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
        (security(trustedProxyIPs=["10.0.0.0/8"]), "10.0.0.1", "", "10.0.0.1"),
        (security(trustedProxyIPs=["10.0.0.0/8"]), "10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        (security(trustedProxyIPs=["10.0.0.0/8"]), "10.0.0.1", "[2001:db8::0:9]:4711", "2001:db8::9"),
        (security(trustedProxyIPs=["10.0.0.0/8"]), "::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ({"tunnel": {"provider": "ngrok"}}, "127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ({"tailscale": {"mode": "serve"}}, "127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ({"tunnel": {"provider": "ngrok"}}, "198.51.100.7", "203.0.113.9", "198.51.100.7"),
    ],
)
def test_the_client_is_the_last_hop_that_is_not_ours(
    config: dict[str, Any], peer: str, forwarded: str, client: str
) -> None:
    assert exposed(config).client(peer, {"x-forwarded-for": forwarded}) == client


# --- nothing a stranger writes makes an address of ours --------------------------------------------------------------

HEADERS = (
    "host",
    "x-forwarded-host",
    "x-original-host",
    "ngrok-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
)


@given(
    headers=st.dictionaries(st.sampled_from((*HEADERS, "x-forwarded-for")), st.text(max_size=40)),
    target=st.text(max_size=40),
    peer=st.sampled_from(["", "127.0.0.1", "198.51.100.7", "fe80::1%x", "unix"]),
)
def test_headers_never_lead_away_from_a_public_url(headers: dict[str, str], target: str, peer: str) -> None:
    guarded = exposed({"publicUrl": "https://h.example/x", **security(allowedHosts=["b.example"])}, known="")
    request = HttpRequest(method="POST", url=f"http://ignored.example/{target}", headers=headers, peer=peer)
    found = [split_url(one.url)[1].partition(":")[0] for one in guarded.candidates(request)]
    assert found[0] == "h.example"
    assert set(found) <= {"h.example", "b.example"}
    assert guarded.candidates(request)[0].url == "https://h.example" + target_of(request.url)
    guarded.client(peer, headers)
