"""How the door looks from outside: the addresses that a carrier may have signed, and who the client is.

A carrier signs the URL it was given, which a proxy may have changed on the way, and a stranger may name any host he
likes in a header. So every address that is legitimately ours is a candidate and nothing else is:

1. what we told the carrier ourselves: ``publicUrl``, or whatever made the door public, or the door's own address,
   each with the request's own path, and with its own path for a proxy that rewrites paths;
2. when that address is not a public one, or when ``allowedHosts`` says which hosts are ours, the host that the request
   names: by a forwarding header if they are believed, else by ``Host``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from attrs import frozen

from voicecall.config import Config
from voicecall.config.addresses import Address, Authority, Network, address, authority, is_loopback, network
from voicecall.ports import HttpRequest

FORWARDED_HOSTS = ("x-forwarded-host", "x-original-host", "ngrok-forwarded-host")
"""The headers in which proxies name the host that their client asked for; the first usable one counts."""
PORT_OF = {"https": 443, "http": 80}


@frozen(kw_only=True)
class Candidate:
    """An absolute URL that a request may have been signed for, and what names it: a setting or a header."""

    url: str
    source: str


@frozen(kw_only=True)
class Exposure:
    """The settings that say how the door is reached.

    ``known`` gives the URL that carriers are told (it may change: a tunnel). ``tunnel`` says that an agent on this
    machine hands requests on. ``ngrok_bypass`` is in force only when everything it depends on is; see ``exposure_of``.
    """

    known: Callable[[], str] = lambda: ""
    public_url: str = ""
    allowed_hosts: frozenset[str] = frozenset()
    trust_forwarding: bool = False
    proxies: tuple[Network, ...] = ()
    tunnel: bool = False
    ngrok_bypass: bool = False

    # --- whom to believe ---------------------------------------------------------------------------------------------

    def believes(self, peer: str) -> bool:
        """Whether the forwarding headers that this peer sends may name our host."""
        if self.ngrok_bypass and is_loopback(peer):
            return True
        return bool(self.allowed_hosts or self.trust_forwarding) and (not self.proxies or self._is_proxy(address(peer)))

    def lets_through(self, request: HttpRequest) -> bool:
        """Whether a request with an invalid signature passes all the same, as unverified."""
        return self.ngrok_bypass and is_loopback(request.peer)

    def client(self, peer: str, headers: Mapping[str, str]) -> str:
        """Who asked: the peer, or the last address of ``X-Forwarded-For`` that is not one of our own proxies.

        Entries further left are whatever the client liked to write. "" for an unknown peer.
        """
        nearest = address(peer)
        if nearest is None or not self._relays(nearest):
            return str(nearest or peer)
        for hop in reversed(headers.get("x-forwarded-for", "").split(",")):
            found = _hop(hop)
            if found is None:
                break
            nearest = found
            if not self._is_proxy(found):
                break
        return str(nearest)

    def _relays(self, peer: Address) -> bool:
        if self.tunnel and peer.is_loopback:
            return True
        return self._is_proxy(peer) or (self.trust_forwarding and not self.proxies)

    def _is_proxy(self, peer: Address | None) -> bool:
        return peer is not None and any(peer in one for one in self.proxies)

    # --- what may have been signed -----------------------------------------------------------------------------------

    def candidates(self, request: HttpRequest) -> tuple[Candidate, ...]:
        """Every URL that a genuine request may have been sent to, likeliest first; never empty."""
        found: dict[str, str] = {}
        for source, url in self.addresses():
            for one in _ours(url, request):
                found.setdefault(one, source)
        for source, url in self._named(request):
            found.setdefault(url, source)
        return tuple(Candidate(url=url, source=source) for url, source in found.items()) or (
            Candidate(url=request.url, source="request"),
        )

    def addresses(self) -> Iterator[tuple[str, str]]:
        """Our own addresses with what names them."""
        if self.public_url:
            yield "publicUrl", self.public_url
        known = self.known()
        if known:
            yield ("publicUrl" if self.public_url else "the tunnel" if self.tunnel else "this door"), known

    @property
    def is_public(self) -> bool:
        """Whether carriers know a public address of ours. The door itself speaks no TLS."""
        return bool(self.public_url) or self.known().startswith("https:")

    def _named(self, request: HttpRequest) -> Iterator[tuple[str, str]]:
        if self.is_public and not self.allowed_hosts:
            return
        believed = self.believes(request.peer)
        source, host = self._host(request, believed=believed)
        if host is None:
            return
        proto = request.headers.get("x-forwarded-proto", "") if believed else ""
        schemes = (proto,) if proto in PORT_OF else ("https", scheme_of(request.url))
        for scheme in schemes:
            yield source, f"{scheme}://{host}{target_of(request.url)}"
            port = forwarded_port(request.headers) if believed and host.port is None else None
            if port not in (None, PORT_OF[scheme]):
                yield source, f"{scheme}://{Authority(host=host.host, port=port)}{target_of(request.url)}"

    def _host(self, request: HttpRequest, *, believed: bool) -> tuple[str, Authority | None]:
        for name in FORWARDED_HOSTS if believed else ():
            named = forwarded_host(request.headers, name)
            if named is not None and self._allows(named):
                return name, named
        named = authority(request.headers.get("host") or authority_of(request.url))
        return "host", named if named is not None and self._allows(named) else None

    def _allows(self, named: Authority) -> bool:
        return not self.allowed_hosts or named.host in self.allowed_hosts


def exposure_of(config: Config, *, known: Callable[[], str]) -> Exposure:
    """What a checked configuration says; ``known`` gives the webhook URL that carriers are told."""
    security = config.webhook_security
    return Exposure(
        known=known,
        public_url=config.public_url or "",
        allowed_hosts=frozenset(_host_name(one) for one in security.allowed_hosts),
        trust_forwarding=security.trust_forwarding_headers,
        proxies=tuple(network(one) for one in security.trusted_proxy_ips),
        tunnel=config.tunnel.provider != "none" or config.tailscale.mode != "off",
        ngrok_bypass=config.tunnel.allow_ngrok_free_tier_loopback_bypass
        and config.provider == "twilio"
        and config.tunnel.provider == "ngrok"
        and is_loopback(config.serve.bind),
    )


def base_url(config: Config, port: int) -> str:
    """The address that carriers are told, without path: ``publicUrl``, or the door's own on ``port``.

    A ``publicUrl`` may name the webhook itself; what stands before its path is the base.
    """
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.serve.bind, config.serve.bind)
    origin = config.public_url or (f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    return origin.removesuffix("/").removesuffix(config.serve.path)


# --- URLs, taken apart without changing a character ------------------------------------------------------------------


def split_url(url: str) -> tuple[str, str, str]:
    """Scheme, authority without user and password, and everything from the path on, without fragment."""
    scheme, _, rest = url.partition("://")
    cut = next((at for at, char in enumerate(rest) if char in "/?#"), len(rest))
    return scheme.lower(), rest[:cut].rpartition("@")[2], rest[cut:].partition("#")[0]


def scheme_of(url: str) -> str:
    """ "http" or "https": what the request came by."""
    scheme = split_url(url)[0]
    return scheme if scheme in PORT_OF else "http"


def authority_of(url: str) -> str:
    """Host and port of an absolute URL, as written."""
    return split_url(url)[1]


def target_of(url: str) -> str:
    """Path and query of an absolute URL, as written."""
    target = split_url(url)[2]
    return target if target.startswith("/") else "/" + target


def forwarded_host(headers: Mapping[str, str], name: str) -> Authority | None:
    """The first host that a forwarding header names."""
    return authority(headers.get(name, "").partition(",")[0])


def forwarded_port(headers: Mapping[str, str]) -> int | None:
    """The port that ``X-Forwarded-Port`` names."""
    port = authority(f"x:{headers.get('x-forwarded-port', '').partition(',')[0].strip()}")
    return None if port is None else port.port


def _ours(url: str, request: HttpRequest) -> Iterator[str]:
    """An address of ours with the request's path, with its own, and with the port that ``Host`` has for it."""
    scheme, where, own = split_url(url)
    target = target_of(request.url)
    yield f"{scheme}://{where}{target}"
    path, query = own.partition("?")[0], target.partition("?")
    if path not in ("", "/"):
        yield f"{scheme}://{where}{path}{query[1]}{query[2]}"
    asked, named = authority(request.headers.get("host", "")), authority(where)
    if asked is not None and named is not None and asked.host == named.host and asked.port is not None:
        yield f"{scheme}://{asked}{target}"


def _hop(text: str) -> Address | None:
    """The address in one element of ``X-Forwarded-For``, which may have a port."""
    found = address(text)
    if found is None and (named := authority(text)) is not None:
        found = address(named.host)
    return found


def _host_name(text: str) -> str:
    found = authority(text)
    if found is None:
        raise ValueError(f"webhookSecurity.allowedHosts: {text!r} is no host name")
    return found.host
