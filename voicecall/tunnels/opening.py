"""Making the door public as the configuration says, before the first call and for as long as there may be calls.

``publicUrl`` counts before ``tunnel.provider``, and that before ``tailscale.mode``. Somebody else cares for a
``publicUrl``; a tunnel is ours to open, to keep and to close.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import trio
from attrs import define

from voicecall.config import Config
from voicecall.fault import Caught, describe
from voicecall.log import get_logger
from voicecall.tunnels.ngrok import PID_FILE, Ngrok, end_leftover
from voicecall.tunnels.problems import CannotExpose
from voicecall.tunnels.serve_config import Mode, Mount
from voicecall.tunnels.tailscale import RECORD, Tailscale

log = get_logger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""How long after it was lost a tunnel is opened again; twice as long each time, until one lasts longer than that."""


class Way(Protocol):
    """One way to make the door public."""

    async def hold(self, tell: Callable[[str], None]) -> None:
        """Make it public; tell its address without path, each time that it changes. Raises ``CannotExpose`` when it is
        not public, or not any more."""

    async def close(self) -> None:
        """Take away what is left."""


@define(kw_only=True)
class Public:
    """Where carriers reach the door now. ``up`` is false while a tunnel is lost."""

    webhook_path: str
    stream_path: str
    origin: str = ""
    up: bool = True

    def is_up(self) -> bool:
        """Whether carriers reach the door now."""
        return self.up

    def webhook_url(self) -> str:
        """Where carriers post."""
        return self.origin + self.webhook_path

    def media_url(self) -> str:
        """Where carriers open their media sockets."""
        return self.origin.replace("http", "ws", 1) + self.stream_path


@asynccontextmanager
async def open_public(config: Config, *, state: Path, port: int, otherwise: str) -> AsyncGenerator[Public]:
    """The door on ``port`` made public until the context is left; ``otherwise`` is its address without a tunnel.

    What a killed server has left is taken away first. Raises ``CannotExpose`` when there is no tunnel to begin with;
    one that is lost later is opened again.
    """
    way = way_of(config, state=state, port=port)
    await clear_leftovers(state, way)
    public = Public(webhook_path=webhook_path(config), stream_path=config.streaming.stream_path, origin=otherwise)
    if way is None:
        yield public
        return
    async with trio.open_nursery() as nursery:
        await nursery.start(keep, way, public)
        yield public
        nursery.cancel_scope.cancel()


def way_of(config: Config, *, state: Path, port: int) -> Way | None:
    """The tunnel that the configuration asks for."""
    if config.public_url is not None:
        if config.tunnel.provider != "none" or config.tailscale.mode != "off":
            log.warning("no tunnel is opened: publicUrl says where the door is")
        return None
    match config.tunnel.provider:
        case "ngrok":
            tunnel = config.tunnel
            return Ngrok(port=port, state=state, token=tunnel.ngrok_auth_token, domain=tunnel.ngrok_domain)
        case "tailscale-serve":
            return _tailscale(config, "tunnel.provider", "serve", state=state, port=port)
        case "tailscale-funnel":
            return _tailscale(config, "tunnel.provider", "funnel", state=state, port=port)
        case "none" if config.tailscale.mode != "off":
            return _tailscale(config, "tailscale.mode", config.tailscale.mode, state=state, port=port)
        case "none":
            return None


def webhook_path(config: Config) -> str:
    """The public path of webhooks: only the older way to configure Tailscale has one that is not the door's."""
    older = config.tailscale.mode != "off" and config.tunnel.provider == "none" and config.public_url is None
    return config.tailscale.path if older else config.serve.path


def mounts(mode: Mode, *, https: int, port: int, webhooks: tuple[str, str], stream: str) -> tuple[Mount, ...]:
    """What leads to a door on ``port``: its webhooks (public path and its own), and its media sockets."""
    door = f"http://127.0.0.1:{port}"
    public, local = webhooks
    return (
        Mount(mode=mode, port=https, path=public, target=door + local),
        Mount(mode=mode, port=https, path=stream, target=door + stream),
    )


def _tailscale(config: Config, setting: str, mode: Mode, *, state: Path, port: int) -> Tailscale:
    if mode == "serve" and config.provider != "mock":
        log.warning("only your tailnet reaches the door: a carrier needs a funnel", setting=setting)
    paths = (webhook_path(config), config.serve.path)
    stream = config.streaming.stream_path
    wanted = mounts(mode, https=config.tailscale.port, port=port, webhooks=paths, stream=stream)
    return Tailscale(setting=setting, mounts=wanted, record=state / RECORD)


async def clear_leftovers(state: Path, way: Way | None) -> None:
    """Take away what a server that was killed has left of a tunnel which is not the one we want now.

    Of the one that we want it finds its own. A leftover that stays does no harm to calls, so it keeps nobody waiting.
    """
    if (state / PID_FILE).exists() and not isinstance(way, Ngrok):
        try:
            await end_leftover(state)
            (state / PID_FILE).unlink(missing_ok=True)
        except CannotExpose as error:
            log.warning("an older tunnel is still there", error=str(error))
    if (state / RECORD).exists() and not isinstance(way, Tailscale):
        await Tailscale(setting="tailscale.mode", mounts=(), record=state / RECORD).close()


async def keep(way: Way, public: Public, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Hold a tunnel until cancelled; open it again when it is lost. Raises ``CannotExpose`` if it never was there."""
    opened, pause, since = False, FIRST_PAUSE_S, math.inf

    def tell(origin: str) -> None:
        nonlocal opened, since
        news = (origin, True) != (public.origin, public.up) or not opened
        moved = opened and origin != public.origin
        public.origin, public.up, since = origin, True, min(since, trio.current_time())
        if moved:
            advice = "tell the carrier the new address of numbers that people call"
            log.warning("the door has another public address", url=public.webhook_url(), advice=advice)
        elif news:
            log.info("the door is public", url=public.webhook_url())
        if not opened:
            opened = True
            task_status.started()

    try:
        while True:
            with Caught() as caught:
                await way.hold(tell)
            if caught.error is not None and not opened:
                raise caught.error
            if trio.current_time() - since > LONGEST_PAUSE_S:
                pause = FIRST_PAUSE_S
            public.up, since = False, math.inf
            log.error("the tunnel is lost", error=_words(caught.error), again_in_s=pause)
            await trio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
    finally:
        with trio.CancelScope(shield=True):
            await way.close()


def _words(error: Exception | None) -> str:
    if isinstance(error, CannotExpose):
        return str(error)
    return describe(error) if error is not None else "it ended"
