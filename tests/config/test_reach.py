"""Rules about who can reach the door, and who is believed there."""

from __future__ import annotations

import pytest

from voicecall.config import ConfigError, parse

SKIP = "skipSignatureVerification"


def messages(given: dict[str, object]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(given, {})
    return [problem.message for problem in caught.value.errors]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"serve": {"bind": "0.0.0.0"}}, 'serve.bind is "0.0.0.0"'),
        ({"serve": {"bind": "::"}}, 'serve.bind is "::"'),
        ({"serve": {"bind": "192.168.1.5"}}, 'serve.bind is "192.168.1.5"'),
        ({"publicUrl": "https://me:hunter2@phone.example.com"}, "publicUrl is set"),
        ({"tunnel": {"provider": "ngrok"}}, 'tunnel.provider is "ngrok"'),
        ({"tailscale": {"mode": "funnel"}}, 'tailscale.mode is "funnel"'),
    ],
)
def test_a_door_that_others_can_reach_verifies_signatures(given: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({**given, SKIP: True}, {})
    (problem,) = caught.value.errors
    assert problem.path == SKIP
    assert problem.message.startswith(f"{SKIP}: got true while {why}: ")
    assert f"; remove {SKIP}, or " in problem.message
    assert "hunter2" not in problem.message
    assert parse(given, {}).skip_signature_verification is False


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "::ffff:127.0.0.1"])
def test_a_door_on_loopback_may_believe_everybody(bind: str) -> None:
    assert parse({"serve": {"bind": bind}, SKIP: True}, {}).skip_signature_verification is True


def test_all_that_makes_a_believing_door_reachable_is_told_at_once() -> None:
    everything = {"serve": {"bind": "0.0.0.0"}, "publicUrl": "https://h", "tunnel": {"provider": "tailscale-funnel"}}
    assert len(messages({**everything, SKIP: True})) == 3


def test_a_trusted_name_that_could_never_match_is_refused() -> None:
    hosts = ["phone.example.com", "Phone.example.com:8443", "[2001:db8::1]", "https://a.example.com", "*.example.com"]
    host = "expected a host name without scheme and path, e.g. phone.example.com"
    proxy = "expected an IP address, e.g. 203.0.113.7, or a network, e.g. 10.0.0.0/8"
    proxies = ["203.0.113.7", "::ffff:203.0.113.7", "10.0.0.0/8", "2001:db8::/32", "proxy.local", "10.0.0.1/8"]
    assert messages({"webhookSecurity": {"allowedHosts": hosts, "trustedProxyIPs": proxies}}) == [
        f'webhookSecurity.allowedHosts[3]: got "https://a.example.com": {host}',
        f'webhookSecurity.allowedHosts[4]: got "*.example.com": {host}',
        f'webhookSecurity.trustedProxyIPs[4]: got "proxy.local": {proxy}',
        f'webhookSecurity.trustedProxyIPs[5]: got "10.0.0.1/8": {proxy}',
    ]


def test_a_stranger_must_be_told_the_code() -> None:
    phrases = {"pairing": "Ask my operator to let you in."}
    (message,) = messages({"inboundPolicy": "pairing", "phrases": phrases})
    assert message.startswith('phrases.pairing: got "Ask my operator to let you in.": expected words with "{code}"')
    assert parse({"inboundPolicy": "open", "phrases": phrases}, {}).phrases.pairing == phrases["pairing"]
    assert parse({"inboundPolicy": "pairing", "phrases": {"pairing": "{code}"}}, {}).phrases.pairing == "{code}"


@pytest.mark.parametrize("bind", ["192.168.1.5", "::1", "127.0.0.2"])
def test_a_tunnel_leads_to_a_door_that_it_can_reach(bind: str) -> None:
    for settings, why in (
        ({"tunnel": {"provider": "tailscale-funnel"}}, 'tunnel.provider is "tailscale-funnel"'),
        ({"tailscale": {"mode": "serve"}}, 'tailscale.mode is "serve"'),
    ):
        words = f'serve.bind: got "{bind}": expected 127.0.0.1 or 0.0.0.0 when {why}: it leads there'
        assert messages({**settings, "serve": {"bind": bind}}) == [words]
        parse({**settings, "serve": {"bind": "0.0.0.0"}}, {})
        parse({**settings, "serve": {"bind": bind}, "publicUrl": "https://phone.example.com"}, {})
    ngrok = {"tunnel": {"provider": "ngrok"}, "serve": {"bind": bind}}
    assert parse(ngrok, {}) if bind == "::1" else messages(ngrok)


@pytest.mark.parametrize("port", [443, 8443, 10_000, 80])
def test_a_funnel_has_three_ports(port: int) -> None:
    settings = {"tunnel": {"provider": "tailscale-funnel"}, "tailscale": {"port": port}}
    if port == 80:
        words = 'tailscale.port: got 80: expected 443, 8443 or 10000 when tunnel.provider is "tailscale-funnel"'
        assert messages(settings) == [words]
        settings["tunnel"]["provider"] = "tailscale-serve"
    assert parse(settings, {}).tailscale.port == port
