"""The methods that change the configuration of a running system."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
import trio
from attrs import define, field

from voicecall.config import Config, ConfigError
from voicecall.config.current import Change, Current, Source
from voicecall.rpc.protocol import INVALID_PARAMS, Params, RpcError, refused

NO_FILE = (
    "this server was started without a configuration file: restart it with --config, or use voicecall.config.update"
)
REMEMBERED = 64
"""So many answers are kept for repeated requests."""

log = structlog.get_logger(__name__)


@define(kw_only=True)
class Configuring:
    """Reads a new configuration and lets it count, all of it or none. Reading takes a thread: calls go on meanwhile."""

    current: Current
    source: Source
    _answers: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]])
    _turn: trio.Lock = field(factory=trio.Lock)

    async def update(self, params: Params) -> dict[str, Any]:
        """``{applied, needsRestart}``: lists of paths."""
        return await self._once(params, partial(self.source.interpret, params["config"]))

    async def reload(self, params: Params) -> dict[str, Any]:
        """The same, from the file that the server was started with."""
        if self.source.reread is None:
            raise refused(f"config: {NO_FILE}", reason="no-file")
        return await self._once(params, self.source.reread)

    async def take(self, load: Callable[[], Config]) -> Change:
        """Let a configuration count. Raises ``ConfigError``, and then nothing has changed."""
        async with self._turn:
            change = self.current.update(await trio.to_thread.run_sync(load))
        log.info("configuration changed", applied=change.applied, needs_restart=change.needs_restart)
        return change

    async def _once(self, params: Params, load: Callable[[], Config]) -> dict[str, Any]:
        name = params["requestId"]
        if name in self._answers:
            return self._answers[name]
        try:
            answer: dict[str, Any] = (await self.take(load)).plain()
        except ConfigError as error:
            raise _refusal(error) from None
        self._answers[name] = answer
        while len(self._answers) > REMEMBERED:
            del self._answers[next(iter(self._answers))]
        return answer


def _refusal(error: ConfigError) -> RpcError:
    """Every reason, for people in the message and for programs beside it."""
    problems = [{"path": one.path, "value": one.value, "message": one.message} for one in error.errors]
    data = {"code": "INVALID_REQUEST", "field": "config", "problems": problems}
    return RpcError(INVALID_PARAMS, f"config: nothing was changed:\n{error}", data)
