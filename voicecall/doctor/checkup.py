"""The whole checkup: everything at once, each within its time, every finding once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import trio
from attrs import frozen

from voicecall.actors.fetch import open_fetch
from voicecall.config import Config
from voicecall.doctor import carrier, door, folder, reach, settings, speech
from voicecall.doctor.findings import Finding, Note, wrong
from voicecall.doctor.subject import Server, Subject
from voicecall.events import Instant
from voicecall.fault import Caught, describe
from voicecall.rpc.client import NoServer, connect
from voicecall.rpc.protocol import RpcError
from voicecall.web.listening import CannotListen, listen

LIMIT_S = 12.0
"""How long one check may take."""
HELLO_S = 2.0
Check = Callable[[Note], Awaitable[None]]


@frozen(kw_only=True)
class Patient:
    """Whom to examine. ``state`` None: nobody knows where it is, because the configuration cannot be read."""

    config: Path | None
    state: Path | None
    environment: Mapping[str, str]
    wall: Callable[[], Instant]
    instance: str


@frozen(kw_only=True)
class Progress:
    """Told which checks there are, and which of them is done."""

    begin: Callable[[list[str]], None] = lambda names: None
    end: Callable[[str], None] = lambda name: None


async def examine(patient: Patient, progress: Progress) -> list[Finding]:
    """Every finding, in the order of the checks."""
    config, problems = settings.read(patient.config, patient.environment)
    async with AsyncExitStack() as stack:
        checks = {} if patient.state is None else _of_state(patient.state)
        if config is not None:
            checks |= _of_subject(await _subject(patient, config, stack))
        progress.begin(list(checks))
        found: dict[str, list[Finding]] = {name: [] for name in checks}
        async with trio.open_nursery() as nursery:
            for name, check in checks.items():
                nursery.start_soon(_run, name, check, found[name], progress)
    return [*problems, *(one for findings in found.values() for one in dict.fromkeys(findings))]


def _of_state(state: Path) -> dict[str, Check]:
    return {
        "state": partial(folder.check_folder, state),
        "space": partial(folder.check_space, state),
        "journal": partial(folder.check_journal, state),
    }


def _of_subject(subject: Subject) -> dict[str, Check]:
    return {
        "provider": partial(settings.check_provider, subject),
        "port": partial(door.check_ports, subject),
        "tunnel": partial(door.check_tunnel, subject),
        "webhook-exposure": partial(reach.check_reach, subject),
        "carrier": partial(carrier.check_carrier, subject),
        "models": partial(speech.check_models, subject),
        "elevenlabs": partial(speech.check_elevenlabs, subject),
        "mode": partial(settings.check_mode, subject),
    }


async def _run(name: str, check: Check, found: list[Finding], progress: Progress) -> None:
    with trio.move_on_after(LIMIT_S) as limit, Caught() as caught:
        await check(found.append)
    if limit.cancelled_caught:
        found.append(wrong(name, f"no answer within {LIMIT_S:g} s", "check the network of this machine, and try again"))
    if caught.error is not None:
        found.append(
            wrong(name, f"the check itself failed: {describe(caught.error)}", "report this fault of voicecall")
        )
    progress.end(name)


async def _subject(patient: Patient, config: Config, stack: AsyncExitStack) -> Subject:
    """What is examined, with the door's port in our hands where no server has it."""
    server = await _server(patient.state) if patient.state is not None else None
    listeners: list[trio.SocketListener] = []
    taken = ""
    if server is None:
        try:
            listeners = await listen(config.serve.bind, config.serve.port)
        except CannotListen as error:
            taken = str(error)
    for listener in listeners:
        stack.callback(listener.socket.close)
    subject = Subject(
        config=config,
        state=patient.state or Path(),
        wall=patient.wall,
        fetch=await stack.enter_async_context(open_fetch()),
        environment=patient.environment,
        server=server,
        instance=patient.instance,
        listeners=listeners,
        taken=taken,
    )
    if listeners:
        nursery = await stack.enter_async_context(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        await nursery.start(reach.stand_in, subject)
    return subject


async def _server(state: Path) -> Server | None:
    """The server of a state directory, asked over its socket."""
    told: dict[str, object] = {}
    with trio.move_on_after(HELLO_S):
        try:
            async with connect(state) as client:
                told = await client.call("voicecall.hello", {"client": "voicecall setup"})
        except (NoServer, RpcError):
            return None
    return Server(
        instance=str(told.get("instance", "")),
        webhook_url=str(told.get("webhookUrl", "")),
        provider=str(told.get("provider", "")),
    )
