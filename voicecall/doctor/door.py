"""The ports of this machine, and the programs that a tunnel needs."""

from __future__ import annotations

import shutil

import attrs

from voicecall.doctor.findings import Note, doubtful, explained, good, wrong
from voicecall.doctor.reach import probe
from voicecall.doctor.subject import Subject
from voicecall.tunnels.problems import CannotExpose
from voicecall.tunnels.tailscale import find_node
from voicecall.web.exposure import base_url
from voicecall.web.listening import CannotListen, listen

HOMES = {"ngrok": "https://ngrok.com/download", "tailscale": "https://tailscale.com/download"}


async def check_ports(subject: Subject, note: Note) -> None:
    """Free, or held by our own server."""
    serve = subject.config.serve
    if subject.taken:
        note(explained("port", subject.taken))
    elif subject.server is None:
        note(good("port", f"{serve.port} on {serve.bind} is free; no server runs"))
        await _check_rpc_port(subject, note)
    elif not subject.server.instance:
        message = "the running server does not say who it is: it is of another version, or hangs"
        note(doubtful("port", message, "restart it"))
    else:
        own = base_url(attrs.evolve(subject.config, public_url=None), serve.port)
        seen = await probe(subject, own + "/healthz")
        if seen.instance == subject.server.instance:
            note(good("port", f"our server listens on {serve.bind} port {serve.port}"))
        else:
            message = f"our server runs, but does not listen on {serve.bind} port {serve.port}"
            note(doubtful("port", message, "restart it: it was started with --port, or with another configuration"))


async def _check_rpc_port(subject: Subject, note: Note) -> None:
    port = subject.config.rpc.port
    if port is None:
        return
    try:
        for listener in await listen("127.0.0.1", port, setting="rpc"):
            listener.socket.close()
    except CannotListen as error:
        note(explained("rpc-port", str(error)))


async def check_tunnel(subject: Subject, note: Note) -> None:
    """Whether the tunnel's program is there, and Tailscale's daemon answers."""
    setting = subject.tunnel
    if not setting:
        return
    program = "ngrok" if subject.config.tunnel.provider == "ngrok" else "tailscale"
    if shutil.which(program, path=subject.environment.get("PATH")) is None:
        fix = f"install it ({HOMES[program]}), or set publicUrl instead of {setting}"
        note(wrong("tunnel", f"{setting}: there is no program {program} on PATH", fix))
        return
    if program == "ngrok":
        note(good("tunnel", "ngrok is installed"))
        return
    try:
        node = await find_node(setting)
    except CannotExpose as error:
        message, _, fix = str(error).partition("; ")
        note(wrong("tunnel", message, fix or "start Tailscale: `tailscale up`"))
        return
    note(good("tunnel", f"tailscale runs; this machine is {node.host}"))
