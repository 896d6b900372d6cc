"""The two sides of the comparison, each in a gateway of its own: one of the pair runs at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from attrs import frozen

from tests.gateway.host import Host, base_environment
from tests.gateway.model import StandIn
from tests.gateway.releases import OLD, Release
from tests.gateway.scene import Scene, open_scene
from tests.system.street import reserved_port
from voicecall.testing.vendors.listening import open_vendor

LISTENS = "+15550001002"
LONGEST_S = 3_600
EARS = Path(__file__).parent / "ears"
Plain = dict[str, Any]


@frozen(kw_only=True)
class Side:
    """A gateway that runs, with one of the two plugins. ``store`` is where that keeps its calls, ``door`` its port."""

    host: Host
    store: Path
    door: int
    scene: Scene | None = None


@asynccontextmanager
async def reference(
    folder: Path, *, ears: bool = False, more: Plain | None = None, **settings: Any
) -> AsyncGenerator[Side]:
    """The old gateway with the plugin that it brings along; with ``ears``, a transcriber that needs nobody.

    ``more`` are other parts of the gateway's configuration.
    """
    await trio.Path(folder).mkdir()
    model = StandIn()
    with reserved_port() as port, reserved_port() as door:
        async with open_vendor(model.app) as url:
            environment = {**base_environment(), **OLD.environment}
            host = Host(release=OLD, folder=folder, port=port, model_url=url, environment=environment)
            ours = {"provider": "mock", "fromNumber": "+15550000000", "serve": {"port": door}, "maxConcurrentCalls": 64}
            block = {**ours, "store": str(folder / "calls"), "maxDurationSeconds": LONGEST_S, **settings}
            entries: Plain = {"voice-call": {"enabled": True, "config": block}}
            plugins: Plain = {"allow": ["voice-call", "openai"], "entries": entries}
            if ears:
                plugins["allow"] += ["stand-in-ears"]
                plugins["load"] = {"paths": [str(EARS)]}
                entries["stand-in-ears"] = {"enabled": True}
            host.configure(plugins, **(more or {}))
            async with _started(host):
                yield Side(host=host, store=folder / "calls", door=door)


@asynccontextmanager
async def ours(folder: Path, release: Release, carrier: str = "mock", **settings: Any) -> AsyncGenerator[Side]:
    """A gateway with our plugin from the checkout, and the simulated network of ``carrier``."""
    await trio.Path(folder).mkdir()
    async with open_scene(folder, release, carrier) as scene:
        scene.configure(**{"maxConcurrentCalls": 64, "maxDurationSeconds": LONGEST_S, **settings})
        async with _started(scene.host):
            await scene.until("a server", scene.server_pid)
            yield Side(host=scene.host, store=scene.calls, door=scene.door, scene=scene)


@asynccontextmanager
async def _started(host: Host) -> AsyncGenerator[None]:
    try:
        await host.start()
        yield
    finally:
        with trio.CancelScope(shield=True):
            await host.close()
