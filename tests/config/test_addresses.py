"""Hosts and addresses: one meaning, many spellings."""

from __future__ import annotations

import pytest

from voicecall.config.addresses import address, authority, is_loopback, network


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("phone.example.com", "phone.example.com"),
        (" Phone.Example.COM:8443 ", "phone.example.com:8443"),
        ("203.0.113.7:80", "203.0.113.7:80"),
        ("[2001:DB8:0:0::1]", "[2001:db8::1]"),
        ("[::1]:3334", "[::1]:3334"),
        ("x" * 63 + ".example", "x" * 63 + ".example"),
    ],
)
def test_a_host_is_read_with_its_port(text: str, told: str) -> None:
    assert str(authority(text)) == told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "me@phone.example.com",
        "phone.example.com@evil.example",
        "phone.example.com:",
        "phone.example.com:0",
        "phone.example.com:65536",
        "phone.example.com:80:80",
        "phone.example.com/path",
        "phone.example.com, evil.example",
        "phone example.com",
        "-phone.example.com",
        "phone..example.com",
        "phone_1.example.com",
        "x" * 64 + ".example",
        ".".join(["abcdefg"] * 40),
        "[::1",
        "::1",
        "[phone.example.com]",
        "[1.2.3.4]",
        "https://phone.example.com",
        "phone.example.com\r\nx: y",
    ],
)
def test_what_is_no_host_is_none(text: str) -> None:
    assert authority(text) is None


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:cb00:7107", "203.0.113.7"),
        ("2001:0db8:0000::0001", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_is_what_it_means(text: str, same: str) -> None:
    assert str(address(text)) == same


def test_what_is_no_address_is_none() -> None:
    assert [address(text) for text in ("", "localhost", "1.2.3", "01.2.3.4", "1.2.3.4:80")] == [None] * 5


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
        ("::ffff:10.0.0.0/104", "10.255.0.1", "11.0.0.1"),
        ("::ffff:203.0.113.7", "203.0.113.7", "203.0.113.8"),
        ("2001:db8::/32", "2001:db8:1::", "2001:db9::"),
    ],
)
def test_a_network_has_members(text: str, inside: str, outside: str) -> None:
    member, stranger = address(inside), address(outside)
    assert member is not None
    assert stranger is not None
    assert member in network(text)
    assert stranger not in network(text)


@pytest.mark.parametrize("text", ["", "proxy.local", "10.0.0.1/8", "10.0.0.0/33", "10.*"])
def test_what_is_no_network_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear to be|has host bits set"):
        network(text)


def test_loopback_is_this_machine_alone() -> None:
    assert all(is_loopback(one) for one in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1", "LocalHost"))
    assert not any(
        is_loopback(one) for one in ("0.0.0.0", "::", "10.0.0.1", "localhost.example.com", "", "example.com")
    )
