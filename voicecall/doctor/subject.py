"""What is examined: a configuration, its state directory, and the server that may be running there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import trio
from attrs import define, field, frozen

from voicecall.accounts import account_of
from voicecall.assembly import carrier_of
from voicecall.config import Config
from voicecall.config.addresses import authority, is_loopback
from voicecall.events import Instant
from voicecall.policies import streams
from voicecall.ports import Account, Capability, Fetch
from voicecall.tunnels.opening import webhook_path
from voicecall.web.exposure import authority_of, base_url

NAMES = {"twilio": "Twilio", "telnyx": "Telnyx", "plivo": "Plivo", "mock": "the simulated network"}


@frozen(kw_only=True)
class Server:
    """A server that runs. ``instance`` is what its door answers to a probe ("": an older version, which does not)."""

    instance: str
    webhook_url: str
    provider: str


@define(kw_only=True, slots=False)
class Subject:
    """Without a server ``listeners`` hold the door's port, or ``taken`` says why they do not; then the door is ours
    and answers as ``instance``."""

    config: Config = field(repr=False)
    state: Path
    wall: Callable[[], Instant]
    fetch: Fetch
    environment: Mapping[str, str] = field(repr=False)
    server: Server | None
    instance: str
    listeners: list[trio.SocketListener]
    taken: str = ""

    @property
    def carrier(self) -> str:
        """The carrier's name, as people write it."""
        return NAMES[self.config.provider]

    @cached_property
    def account(self) -> Account:
        """The carrier's account; the mock's secret is not asked for."""
        return account_of(self.config, mock_secret="")

    @cached_property
    def capabilities(self) -> frozenset[Capability]:
        """What the carrier can do."""
        return carrier_of(self.config.provider).capabilities

    @property
    def streams(self) -> bool:
        """Whether the sound of calls comes to us."""
        return streams(self.config, self.capabilities)

    @property
    def near(self) -> bool:
        """Whether the carrier is on this machine: a simulated one, which needs no public address."""
        return is_near(self.account.api_url)

    @property
    def inbound(self) -> bool:
        """Whether anybody may call us."""
        return self.config.inbound_policy != "disabled"

    @property
    def numbers(self) -> tuple[str, ...]:
        """Our numbers, as far as the configuration names them."""
        return tuple(dict.fromkeys([*filter(None, [self.config.from_number]), *self.config.numbers]))

    @property
    def tunnel(self) -> str:
        """The setting that opens a tunnel, or ""."""
        if self.config.public_url is not None:
            return ""
        if self.config.tunnel.provider != "none":
            return "tunnel.provider"
        return "tailscale.mode" if self.config.tailscale.mode != "off" else ""

    @property
    def webhook_url(self) -> str:
        """Where carriers post, "" while only a server would know: a tunnel's address."""
        if self.server is not None and self.server.webhook_url:
            return self.server.webhook_url
        if self.tunnel:
            return ""
        port = self.listeners[0].socket.getsockname()[1] if self.listeners else self.config.serve.port
        return base_url(self.config, port) + webhook_path(self.config)

    @property
    def stream_url(self) -> str:
        """Where carriers open media sockets, as an HTTP address."""
        return self.webhook_url.removesuffix(webhook_path(self.config)) + self.config.streaming.stream_path


def is_near(url: str) -> bool:
    """Whether an address is one of this machine alone."""
    named = authority(authority_of(url))
    return named is not None and is_loopback(named.host)
