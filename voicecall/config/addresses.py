"""Hosts and addresses as values: settings and headers spell them in many ways, and are compared by what they mean."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from attrs import frozen

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::([0-9]{1,5}))?")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NAME_CHARS = 253


@frozen(kw_only=True)
class Authority:
    """Host and port of a URL. ``host`` is lower case, IPv6 in its shortest form and without brackets.

    ``port`` is None when none is written: the scheme's own.
    """

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def authority(text: str) -> Authority | None:
    """What ``host``, ``host:port`` or ``[IPv6]:port`` says; None for anything else (RFC 1123 names, no user)."""
    found = _AUTHORITY.fullmatch(text.strip())
    if found is None:
        return None
    bracketed, plain, digits = found.groups()
    port = int(digits) if digits else None
    host = _host_in_brackets(bracketed) if bracketed else plain.lower()
    if host is None or port == 0 or (port or 0) > 65_535:
        return None
    if plain and not (len(host) <= _NAME_CHARS and _NAME.fullmatch(host)):
        return None
    return Authority(host=host, port=port)


def address(text: str) -> Address | None:
    """The address in ``text``; an IPv4 address written as IPv6 is an IPv4 address, a zone does not count."""
    try:
        found = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def network(text: str) -> Network:
    """The addresses that ``text`` means: one address, or a network such as 10.0.0.0/8. Raises ``ValueError``."""
    found = ip_network(text.strip())
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        return ip_network((int(found.network_address) & 0xFFFF_FFFF, found.prefixlen - _MAPPED.prefixlen))
    return found


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine and nobody else can reach it."""
    found = address(host.removeprefix("[").removesuffix("]"))
    return found.is_loopback if found is not None else host.strip().lower() == "localhost"


def _host_in_brackets(text: str) -> str | None:
    try:
        return str(IPv6Address(text))
    except ValueError:
        return None
