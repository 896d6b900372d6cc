"""SIGHUP: the running server reads its file again, as ``voicecall config reload`` lets it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import structlog
import trio
from attrs import define

from voicecall.config import Config, ConfigError
from voicecall.config.current import Source
from voicecall.config.file import read_file
from voicecall.rpc.configuring import Configuring

log = structlog.get_logger(__name__)

Plain = Mapping[str, object]


def source_of(file: Path | None, interpret: Callable[[Plain], Config]) -> Source:
    """Where changed configurations come from: whoever sends one, and the server's own file if it has one."""

    def reread(path: Path) -> Config:
        return interpret(read_file(path))

    return Source(interpret=interpret, reread=partial(reread, file) if file else None)


@define
class Hangups:
    """Hears SIGHUP from the start, so that it ends no server that is still starting."""

    configuring: Configuring | None = None

    async def run(self, told: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """A terminal that is closed stops the server in order; any other hang-up lets it read its file again."""
        terminal = sys.stdin.isatty()
        with trio.open_signal_receiver(signal.SIGHUP) as signals:
            task_status.started()
            async for _ in signals:
                if terminal and not os.isatty(0):
                    told.set()
                else:
                    await self._reload()

    async def _reload(self) -> None:
        if self.configuring is None or self.configuring.source.reread is None:
            why = "the server is still starting" if self.configuring is None else "it has no file"
            log.warning("the configuration is not read again", why=why)
            return
        try:
            await self.configuring.take(self.configuring.source.reread)
        except ConfigError as error:
            reasons = [problem.message for problem in error.errors]
            log.error("the configuration is not changed", reasons=reasons)
