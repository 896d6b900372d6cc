"""ngrok: an agent that runs as long as the tunnel is there, and says on its output which address it got."""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import trio
from attrs import define, field, frozen

from voicecall.config.secret import MASK, Secret
from voicecall.log import get_logger
from voicecall.tunnels.problems import CannotExpose, Misconfigured
from voicecall.tunnels.program import KILL_S, STOP_S, lines, one_line, start, stop, tell_group

log = get_logger(__name__)

SETTING = "tunnel.provider"
STARTUP_S = 30.0
PID_FILE = "ngrok.pid"
_CODE = re.compile(r"ERR_NGROK_\d+")
_QUOTED_TOKEN = re.compile(r"(authtoken: )(?!https?:)\S+", re.IGNORECASE)
_TOKEN_CODES = {f"ERR_NGROK_{number}" for number in (105, 106, 107, 4018)}
_DOMAIN_CODES = {f"ERR_NGROK_{number}" for number in (305, 306, *range(313, 323), *range(326, 332))}
_TWICE_CODES = {"ERR_NGROK_108", "ERR_NGROK_334"}


@frozen(kw_only=True)
class Ngrok:
    """An ngrok tunnel to ``port``. ``state`` is where it is written which process it is."""

    port: int
    state: Path
    token: Secret | None = field(default=None, repr=False)
    domain: str | None = None

    async def hold(self, tell: Callable[[str], None]) -> None:
        """Run the agent; tell every address that it gets. Raises ``CannotExpose`` when it has ended."""
        domain = ("--domain", self.domain) if self.domain else ()
        command = ("ngrok", "http", str(self.port), "--log", "stdout", "--log-format", "json", *domain)
        token = {"NGROK_AUTHTOKEN": self.token.reveal()} if self.token else {}
        await end_leftover(self.state)
        limit = trio.CancelScope(deadline=trio.current_time() + STARTUP_S)
        with _claimed(self.state / PID_FILE) as claim:
            process = await start(SETTING, *command, more=token, keep=(claim,))
            os.pwrite(claim, f"{process.pid}\n".encode(), 0)
        try:
            await self._follow(process, tell, limit)
        finally:
            await stop(process)

    async def close(self) -> None:
        """Leave nothing behind: no process is left, and no file says that one is."""
        (self.state / PID_FILE).unlink(missing_ok=True)

    async def _follow(self, process: trio.Process, tell: Callable[[str], None], limit: trio.CancelScope) -> None:
        said = _Said(secret=self.token)
        with limit:

            async def follow_log() -> None:
                async for line in lines(process.stdout):
                    if origin := said.on_log(line):
                        limit.deadline = math.inf
                        tell(origin)

            async def follow_complaints() -> None:
                async for line in lines(process.stderr):
                    said.on_complaint(line)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(follow_log)
                nursery.start_soon(follow_complaints)
                await process.wait()
            raise said.ending(process.returncode)
        raise said.late()


@define
class _Said:
    """What an agent has said of why it does not work."""

    secret: Secret | None = field(default=None, repr=False)
    complaint: str = field(default="", repr=False)
    trouble: str = field(default="", repr=False)

    def on_log(self, line: str) -> str:
        """The address that a line of the log tells, or ""."""
        try:
            found: Any = json.loads(line)
        except ValueError:
            return ""
        if not isinstance(found, dict):
            return ""
        told = cast("dict[str, Any]", found)
        trouble = told.get("err")
        # The last words are often only that the session is closed; what has a code says why.
        if isinstance(trouble, str) and trouble not in ("", "<nil>") and not _CODE.search(self.trouble):
            self.trouble = trouble
        url = told.get("url")
        started = told.get("msg") == "started tunnel" or "addr" in told
        return url.rstrip("/") if started and isinstance(url, str) and url.startswith("http") else ""

    def on_complaint(self, line: str) -> None:
        """A line for people."""
        self.complaint = f"{self.complaint} {line.removeprefix('ERROR:').strip()}"[-4_000:]

    def ending(self, code: int | None) -> CannotExpose:
        """Why it ended, and what to do."""
        text = self._text()
        found = _CODE.search(text)
        if found is None:
            how = f"{SETTING}: ngrok exited unexpectedly with code {code}{f': {text}' if text else ''}"
            return CannotExpose(f"{how}; `ngrok diagnose` looks for the cause")
        error = f"ngrok error: {text}"
        match found[0]:
            case number if number in _TOKEN_CODES:
                where = "https://dashboard.ngrok.com/get-started/your-authtoken"
                fix = f"set it, or NGROK_AUTHTOKEN in the environment, to the token at {where}"
                return Misconfigured(f"tunnel.ngrokAuthToken: {error}; {fix}")
            case number if number in _DOMAIN_CODES:
                fix = "set it to a domain of your account (https://dashboard.ngrok.com/domains), or remove it"
                return Misconfigured(f"tunnel.ngrokDomain: {error}; {fix}")
            case number if number in _TWICE_CODES:
                return CannotExpose(f"{SETTING}: {error}; stop the other ngrok of this account")
            case number:
                return CannotExpose(f"{SETTING}: {error}; see https://ngrok.com/docs/errors/{number.lower()}")

    def late(self) -> CannotExpose:
        """It never told an address."""
        text = self._text()
        how = f"ngrok startup timed out ({STARTUP_S:g}s){f': {text}' if text else ''}"
        return CannotExpose(f"{SETTING}: {how}; check that this machine reaches the internet (`ngrok diagnose`)")

    def _text(self) -> str:
        """The best words for what is wrong. ngrok quotes the token that it does not like."""
        text = self.complaint if _CODE.search(self.complaint) or not self.trouble else self.trouble
        if self.secret:
            text = text.replace(self.secret.reveal(), MASK)
        return one_line(_QUOTED_TOKEN.sub(rf"\1{MASK}", text))


# --- what a killed server leaves -------------------------------------------------------------------------------------
# The agent inherits a lock on the file that names it, so while the file is locked the process it names is that agent
# and no other that got its number later. That nobody else uses the state directory its owner has made sure of.


async def end_leftover(state: Path) -> None:
    """End the agent that a killed server has left running. Raises ``CannotExpose``: nobody knows which it is."""
    path = state / PID_FILE
    if not path.exists():
        return
    with path.open("rb") as file:
        if _locks(file.fileno()):
            return
        pid = file.read(20).strip()
        if not pid.isdigit():
            raise CannotExpose(
                f"{SETTING}: an ngrok of an earlier server still runs; stop it (`fuser {path}` names it)"
            )
        log.warning("an ngrok that a killed server left is ended", pid=int(pid))
        with trio.CancelScope(shield=True, deadline=trio.current_time() + STOP_S + KILL_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_end, int(pid))
                await trio.to_thread.run_sync(fcntl.flock, file.fileno(), fcntl.LOCK_EX, abandon_on_cancel=True)
                nursery.cancel_scope.cancel()
            return
        raise CannotExpose(f"{SETTING}: an ngrok of an earlier server (process {int(pid)}) does not end; stop it")


async def _end(leader: int) -> None:
    tell_group(leader, signal.SIGTERM)
    await trio.sleep(STOP_S)
    tell_group(leader, signal.SIGKILL)


@contextmanager
def _claimed(path: Path) -> Generator[int]:
    """The file that names the agent, locked and empty; whoever inherits it keeps the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _locks(descriptor):
            raise CannotExpose(
                f"{SETTING}: an ngrok of an earlier server still runs; stop it (`fuser {path}` names it)"
            )
        os.ftruncate(descriptor, 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
