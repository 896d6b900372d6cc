"""Opening a system inside a program that is not ours: its exceptions pass as they are, ours are of one kind."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import cast

import trio

from journal.api import JournalError, Locked
from voicecall.config import Config, ConfigError, Problem, load, parse, state_directory
from voicecall.embedding.errors import CannotOpen
from voicecall.embedding.face import EmbeddedSystem
from voicecall.ports import Agent, Synthesizer, Transcriber
from voicecall.rpc.client import SOCKET
from voicecall.rpc.server import CannotServe
from voicecall.system import new_request_id
from voicecall.system import open_system as compose
from voicecall.talking import Own
from voicecall.tunnels.problems import CannotExpose
from voicecall.web.listening import CannotListen

IN_THE_WAY = (JournalError, CannotListen, CannotServe, CannotExpose, OSError)


@asynccontextmanager
async def open_system(
    config: Config | Mapping[str, object] | str | Path,
    *,
    state: str | os.PathLike[str] | None = None,
    agent: Agent | None = None,
    synthesizer: Synthesizer | None = None,
    transcriber: Transcriber | None = None,
    environment: Mapping[str, str] | None = None,
    by: str = "host",
    clock_rate: float = 1.0,
) -> AsyncGenerator[EmbeddedSystem]:
    """Run a whole system until the context is left: the door for carriers, the calls and their sound, and the socket
    that other programs use. Leaving it, or being cancelled, ends no call: the next one that opens the same ``state``
    finds them again.

    ``config`` is checked, or plain keys, or JSON5 text, or the path of a file. ``state`` is the directory that
    everything is kept in; absent, the configuration's ``store``. ``agent`` thinks in place of ``agent.provider``;
    ``synthesizer`` and ``transcriber`` speak and listen in place of the configured vendors (``voicecall.ports`` says
    what each must do). ``environment`` is where credentials are looked up, ``os.environ`` by default; ``by`` is who
    asks, for the journal; ``clock_rate`` is for tests: how fast trio's clock runs.

    Raises ``ConfigError`` with every mistake in ``config``, and ``CannotOpen``.
    """
    environment = os.environ if environment is None else environment
    known = _checked(config, environment)
    place = state_directory(known, Path(environment.get("HOME", "/"))) if state is None else Path(state)
    own = Own(agent=agent, synthesizer=synthesizer, transcriber=transcriber, process=True)
    opened = False
    with _unwrapped():
        try:
            async with (
                compose(known, state=place.absolute(), clock_rate=clock_rate, own=own) as system,
                trio.open_nursery() as nursery,
            ):
                opened = True
                yield EmbeddedSystem(
                    state=system.state,
                    methods=system.methods,
                    webhook_url=system.public.webhook_url,
                    nursery=nursery,
                    fresh_id=new_request_id,
                    by=by,
                )
                nursery.cancel_scope.cancel()
        except (*IN_THE_WAY, BaseExceptionGroup) as error:
            cause = _alone(error)
            if opened or not isinstance(cause, IN_THE_WAY):
                raise
            raise CannotOpen(_why(cause, place)) from cause


def _checked(config: object, environment: Mapping[str, str]) -> Config:
    match config:
        case Config():
            known = config
        case Path():
            known = load(config, environment)
        case str():
            known = parse(config, environment)
        case Mapping():
            known = parse(cast("Mapping[str, object]", config), environment)
        case _:
            words = "config: expected a Config, a mapping, JSON5 text or a Path"
            raise ConfigError((Problem(path="", value=type(config).__name__, message=words),))
    if not known.enabled:
        words = "enabled: is false in the configuration; set it to true to serve calls"
        raise ConfigError((Problem(path="enabled", value="false", message=words),))
    return known


def _alone(error: BaseException) -> BaseException:
    """What is inside groups of one."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return _alone(inner[0]) if len(inner) == 1 else error


@contextmanager
def _unwrapped() -> Generator[None]:
    """A single exception comes out as itself: that there are nurseries in here is not the host's business."""
    try:
        yield
    except BaseExceptionGroup as group:
        error = _alone(group)
        context = error.__context__
        try:
            raise error
        finally:
            error.__context__ = context


def _why(error: BaseException, state: Path) -> str:
    if isinstance(error, Locked):
        return f"state: {error}, or speak to it over {state / SOCKET}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"state: {error.filename}: {error.strerror}; check the path and its permissions, or use another state"
    return str(error)
