"""What happens in one gateway after the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests.gateway import by_command, by_method, by_tool
from tests.gateway.by_user import ByUser
from tests.gateway.by_voice import ByVoice
from tests.gateway.releases import Release
from tests.gateway.running import Steps
from tests.gateway.scene import Scene, open_scene


async def mock(steps: Steps, folder: Path, release: Release) -> None:
    """The plugin from the checkout, on the simulated network's own wire: everything, and then accidents."""
    async with _scene(folder, release, "mock") as scene:
        scene.configure()
        if not await steps.do("the gateway starts, with the plugin from the checkout", scene.start):
            return
        async with scene.host.client() as client:
            await steps.do("the plugin as the gateway sees it", scene.inspect)
            await by_command.walk(steps, scene)
            await by_method.walk(steps, scene, client)
            await by_tool.walk(steps, scene, client)
            by = ByVoice(scene, client)
            await steps.do("a conversation with the gateway's agent", by.conversation)
            await steps.do("somebody calls us", by.inbound)
            await steps.do("kill -9 of the process in mid-call", by.server_killed)
            killed = await steps.do("kill -9 of the gateway in mid-call", by.host_killed)
        if not await steps.do("the next gateway starts", scene.start):
            return
        async with scene.host.client() as client:
            by.client = client
            if killed:
                await steps.do("the call goes on with the next gateway's agent", by.host_back)
            await steps.all(("the plugin is disabled", by.disabled), ("the plugin is enabled again", by.enabled))
        await steps.do("the gateway stops", scene.host.stop)


async def twilio(steps: Steps, folder: Path, release: Release) -> None:
    """The simulated Twilio: signed webhooks, TwiML and media streams."""
    async with _scene(folder, release, "twilio") as scene:
        scene.configure()
        if not await steps.do("twilio: the gateway starts", scene.start):
            return
        async with scene.host.client() as client:
            by = ByVoice(scene, client)
            await steps.do("twilio: the first turn of the gateway's agent", by.first_turn)
            await steps.do("twilio: a conversation with the gateway's agent", by.conversation)
            await steps.do("twilio: somebody calls us", by.inbound)
            await steps.do("twilio: kill -9 of the process in mid-call", by.server_killed)


async def installed(steps: Steps, folder: Path, release: Release) -> None:
    """From the packed tarball, on a machine whose Python knows nothing of us."""
    async with _scene(folder, release, "mock", python=False, name="packed") as scene:
        by = ByUser(scene)
        await steps.all(
            ("npm-pack: the plugin is packed", by.pack),
            ("npm-pack: a gateway without it starts", by.start_without),
            ("npm-pack: openclaw plugins install", by.install),
            ("npm-pack: the gateway is restarted", by.restart),
            ("npm-pack: the plugin makes itself a Python", by.makes_venv),
            ("npm-pack: openclaw voicecall call", by.call),
        )


async def folder(steps: Steps, folder: Path, release: Release) -> None:
    """From a local folder that has no wheel."""
    async with _scene(folder, release, "mock", python=False, name="folder") as scene:
        by = ByUser(scene)
        await steps.all(
            ("folder: the folder is copied", by.from_folder),
            ("folder: a gateway without it starts", by.start_without),
            ("folder: openclaw plugins install", by.install),
            ("folder: the gateway is restarted", by.restart),
            ("folder: without a wheel, the plugin names the command", by.names_the_command),
        )


@asynccontextmanager
async def _scene(
    folder: Path, release: Release, carrier: str, *, python: bool = True, name: str = ""
) -> AsyncGenerator[Scene]:
    """A scene whose gateway is stopped at the end. Without ``python``, none there has our package."""
    place = folder / (name or carrier)
    place.mkdir()
    async with open_scene(place, release, carrier) as scene:
        if not python:
            scene.forget_python()
            scene.calls = scene.host.state / "voice-calls"
        try:
            yield scene
        finally:
            with trio.CancelScope(shield=True):
                await scene.host.close()
