"""Why a signature did not match: which other address would have made it right.

Most refused webhooks are genuine and were signed for another spelling of our address: http for https, a port, a path
that a proxy took away, a host that only a forwarding header knows. Trying those explains the refusal. It never makes a
request pass, and because it costs the sender nothing and us something, it is rationed.
"""

from __future__ import annotations

from collections.abc import Iterator

import trio
from attrs import define, frozen
from attrs import evolve as change

from voicecall.config.addresses import Authority, authority
from voicecall.events import Instant
from voicecall.ports import Account, BadSignature, Carrier, HttpRequest
from voicecall.web.exposure import (
    FORWARDED_HOSTS,
    PORT_OF,
    Candidate,
    Exposure,
    authority_of,
    forwarded_host,
    forwarded_port,
    split_url,
    target_of,
)
from voicecall.web.fault import Contained
from voicecall.web.refused_log import Verdict

SUSPECTS = 48
"""How many addresses are tried at most."""
BODY_BYTES = 16 * 1024
"""Larger bodies are not examined; a carrier's webhook has a tenth of it."""
BURST, PER_S = 8, 1.0

_PREFIXES = ("x-forwarded-prefix",)
_PATHS = ("x-original-uri", "x-original-url", "x-forwarded-uri", "x-rewrite-url")


@define
class Ration:
    """At most ``PER_S`` examinations a second in the long run, ``BURST`` at once."""

    _left: float = BURST
    _at: float = 0.0

    def take(self) -> bool:
        """Whether one more may be made now."""
        now = trio.current_time()
        self._left, self._at = min(BURST, self._left + (now - self._at) * PER_S), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@frozen(kw_only=True)
class Proof:
    """What proves a request: the carrier's check, its account, and the time by which it is judged."""

    carrier: Carrier
    account: Account
    now: Instant

    def judge(self, request: HttpRequest, candidate: Candidate, *, believed: bool) -> Verdict:
        """What the check says of ``request`` if it had been sent to ``candidate``. Never raises."""
        why = "the check itself failed"
        with Contained("signature check failed"):
            try:
                self.carrier.verify(change(request, url=candidate.url), account=self.account, now=self.now)
                why = ""
            except BadSignature as error:
                why = str(error) or "no reason"
        return Verdict(url=candidate.url, source=candidate.source, believed=believed, matches=not why, why=why)


async def examine(proof: Proof, exposure: Exposure, request: HttpRequest) -> tuple[Verdict, ...]:
    """A verdict for every believed address and every suspect, pausing between them."""
    verdicts: list[Verdict] = []
    for candidate, believed in everything(exposure, request):
        verdicts.append(proof.judge(request, candidate, believed=believed))
        await trio.lowlevel.checkpoint()
    return tuple(verdicts)


def everything(exposure: Exposure, request: HttpRequest) -> Iterator[tuple[Candidate, bool]]:
    """Every address to try, and whether it is believed."""
    believed = exposure.candidates(request)
    yield from ((candidate, True) for candidate in believed)
    known = {candidate.url for candidate in believed}
    left = SUSPECTS
    for candidate in suspects(exposure, request):
        if candidate.url not in known and left:
            known.add(candidate.url)
            left -= 1
            yield candidate, False


def suspects(exposure: Exposure, request: HttpRequest) -> Iterator[Candidate]:
    """Addresses that would explain a wrong signature, likeliest first, some of them twice."""
    hosts = tuple(dict.fromkeys(_hosts(exposure, request)))
    for target in dict.fromkeys(_targets(exposure, request)):
        for host, source in hosts:
            for where in _ports(host, request):
                for scheme in PORT_OF:
                    yield Candidate(url=f"{scheme}://{where}{target}", source=source)


def _hosts(exposure: Exposure, request: HttpRequest) -> Iterator[tuple[Authority, str]]:
    for name in FORWARDED_HOSTS:
        if (named := forwarded_host(request.headers, name)) is not None:
            yield named, name
    for source, text in (("host", request.headers.get("host", "")), ("request", authority_of(request.url))):
        if (named := authority(text)) is not None:
            yield named, source
    for source, url in exposure.addresses():
        if (named := authority(authority_of(url))) is not None:
            yield named, source


def _ports(host: Authority, request: HttpRequest) -> Iterator[Authority]:
    yield host
    if host.port is not None:
        yield Authority(host=host.host)
    port = forwarded_port(request.headers)
    if port is not None:
        yield Authority(host=host.host, port=port)


def _targets(exposure: Exposure, request: HttpRequest) -> Iterator[str]:
    """Path and query as they may have been before a proxy changed them."""
    target = target_of(request.url)
    yield target
    path, mark, query = target.partition("?")
    for name in _PREFIXES:
        if (prefix := request.headers.get(name, "").strip().rstrip("/")).startswith("/"):
            yield prefix + target
    for name in _PATHS:
        if (whole := request.headers.get(name, "").strip()).startswith("/"):
            yield whole
    for _, url in exposure.addresses():
        if own := split_url(url)[2].partition("?")[0]:
            yield own + mark + query
    yield (path.rstrip("/") if path.endswith("/") else path + "/") + mark + query


def advice(verdicts: tuple[Verdict, ...]) -> str:
    """What an operator can do about a signature that did not match, in one sentence."""
    right = next((one for one in verdicts if one.matches), None)
    if right is None:
        reasons = "; ".join(dict.fromkeys(one.why for one in verdicts if one.why))
        return f"no address that was tried makes the signature right ({reasons}): {_OTHERWISE}"
    if right.believed:
        return f"the request is genuine: it was signed for {right.url}"
    where = right.url.partition("?")[0]
    return (
        f"the request was signed for {where}, which is not known to be this door (named by: {right.source}); "
        f"if it is your own address, set publicUrl to {where}"
    )


_OTHERWISE = (
    "the carrier's key in the configuration is not the one that signed, or the body or the query was changed on the way"
)
