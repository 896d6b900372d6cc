"""Whether carriers reach us: our own public address, called as a stranger would call it.

The answer names the server that gave it, so another one at the same address is recognized. Where no server runs, a
listener of ours stands in for it on its port, for as long as the checkup lasts.
"""

from __future__ import annotations

from functools import partial
from typing import Never

import trio
from attrs import frozen

from voicecall.config.addresses import address, authority
from voicecall.doctor.findings import Finding, Note, good, skipped, wrong
from voicecall.doctor.subject import Subject, is_near
from voicecall.ports import HttpRequest, HttpResponse
from voicecall.web.exposure import authority_of, scheme_of
from voicecall.web.head import BadHead, read_head
from voicecall.web.probe import INSTANCE, PROBE, probe_answer
from voicecall.web.upgrade import encode_response

ID = "webhook-exposure"
NOT_US = HttpResponse(status=503, headers={"retry-after": "5"}, body=b"voicecall is not running")
"""For carriers: they try again."""


@frozen(kw_only=True)
class Seen:
    """Who answers at an address: ``status`` 0 and an ``error`` for nobody, ``instance`` "" for somebody else."""

    status: int = 0
    instance: str = ""
    error: str = ""


async def probe(subject: Subject, url: str) -> Seen:
    """Ask an address who is there."""
    headers = {PROBE: subject.instance, "user-agent": "voicecall-setup"}
    exchange = await subject.fetch(HttpRequest(method="GET", url=url, headers=headers))
    if exchange.response is None:
        return Seen(error=exchange.error)
    return Seen(status=exchange.response.status, instance=exchange.response.headers.get(INSTANCE, ""))


async def check_reach(subject: Subject, note: Note) -> None:
    """The webhooks' address, and that of media sockets where there are any."""
    url, setting = subject.webhook_url, _setting(subject)
    if not url:
        message = f"the address of the tunnel ({setting}) is known once a server runs"
        note(skipped(ID, message, "start `voicecall serve`, and run `voicecall setup` again"))
        return
    problem = _unreachable(subject, url)
    if problem is not None:
        note(problem)
        return
    if subject.taken or (subject.server is not None and not subject.server.instance):
        note(skipped(ID, f"{url} was not called: nobody could tell whether it is our server that answers"))
        return
    for address_, what in ((url, "webhooks"), (subject.stream_url, "media sockets")):
        if what == "webhooks" or subject.streams:
            found = await _call(subject, address_, what, setting)
            if found.level != "ok" or what == "webhooks":
                note(found)
            if found.level != "ok":
                return


async def _call(subject: Subject, url: str, what: str, setting: str) -> Finding:
    began = trio.current_time()
    seen = await probe(subject, url)
    took_ms = round((trio.current_time() - began) * 1000)
    ours = subject.server.instance if subject.server else subject.instance
    door = f"{subject.config.serve.bind} port {subject.config.serve.port}"
    if not seen.status:
        fix = f"check {setting}, its name in the DNS, its certificate, and that it leads to {door}"
        return wrong(ID, f"{url} ({what}) cannot be reached: {seen.error}", fix)
    if seen.instance and seen.instance == ours:
        return good(ID, f"{url} leads here ({took_ms} ms)")
    if seen.instance:
        message = f"at {url} ({what}) another voicecall server answers"
        return wrong(ID, message, f"stop that one, or let {setting} lead to {door}")
    message = f"{url} ({what}) is answered with HTTP {seen.status}, and not by this server"
    return wrong(ID, message, f"let {setting} lead to {door}, every path unchanged")


def _setting(subject: Subject) -> str:
    return "publicUrl" if subject.config.public_url is not None else subject.tunnel or "serve.bind"


def _unreachable(subject: Subject, url: str) -> Finding | None:
    """Addresses of which it is known without a call that no carrier reaches them."""
    setting = _setting(subject)
    if subject.near:
        return None
    if is_near(url):
        message = f"{subject.carrier} cannot reach {url}: that is this machine alone"
        return wrong(ID, message, "set publicUrl, or tunnel.provider to ngrok or tailscale-funnel")
    named = authority(authority_of(url))
    where = address(named.host) if named else None
    if where is not None and not where.is_global:
        return wrong(ID, f"{subject.carrier} cannot reach {url}: a private address", "set publicUrl to a public one")
    way = {"tunnel.provider": subject.config.tunnel.provider, "tailscale.mode": subject.config.tailscale.mode}
    if way.get(setting) in ("tailscale-serve", "serve"):
        return wrong(ID, f"only your tailnet reaches {url}", f"set {setting} to a funnel")
    if subject.streams and scheme_of(url) != "https":
        return wrong(ID, f"{url} is not https: carriers open media sockets by TLS alone", f"set {setting} to https")
    return None


async def stand_in(subject: Subject, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Never:
    """Answer probes on the door's port; to anybody else we are not there yet."""
    task_status.started()
    await trio.serve_listeners(partial(_answer, subject), subject.listeners)
    raise AssertionError("unreachable")


async def _answer(subject: Subject, stream: trio.SocketStream) -> None:
    async with stream:
        try:
            head = await read_head(stream)
            if head is not None:
                asked = PROBE in head.joined()
                await stream.send_all(encode_response(probe_answer(subject.instance) if asked else NOT_US))
        except (BadHead, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # whoever that was is gone, or speaks no HTTP
