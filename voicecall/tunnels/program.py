"""Running programs that may be missing, hang, or say too much."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import trio
from attrs import frozen

from voicecall.tunnels.problems import CannotExpose, Misconfigured

KEEP_BYTES = 65_536
"""How much of a program's output, or of one line of it, is kept."""
TEXT_CHARS = 500
STOP_S, KILL_S = 2.0, 1.0
"""How long a program may take to end when it is asked to, and when it is killed."""


@frozen(kw_only=True)
class Done:
    """What a program did. ``code`` is None when it was still running at its limit, and was killed."""

    code: int | None
    out: str
    err: str

    @property
    def text(self) -> str:
        """What it had to say, in one line; its complaints if it has any."""
        return one_line(self.err) or one_line(self.out)


async def run(setting: str, *command: str, limit_s: float) -> Done:
    """Run a program to its end, or for ``limit_s`` seconds. Raises ``CannotExpose``: it cannot be started."""
    limit = trio.CancelScope(deadline=trio.current_time() + limit_s)
    process = await start(setting, *command)
    out, err = bytearray(), bytearray()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_keep, process.stdout, out)
            nursery.start_soon(_keep, process.stderr, err)
            with limit:
                await process.wait()
            code = process.returncode
            # What it has said is read to the end, unless somebody else holds its output open.
            nursery.cancel_scope.deadline = trio.current_time() + KILL_S
            if code is None:
                tell_group(process.pid, signal.SIGKILL)
    finally:
        await stop(process, patience_s=0)
    return Done(code=code, out=out.decode(errors="replace"), err=err.decode(errors="replace"))


async def start(
    setting: str, *command: str, more: Mapping[str, str] | None = None, keep: tuple[int, ...] = ()
) -> trio.Process:
    """Start a program whose output we read. ``more`` is added to its environment, ``keep`` are files that it inherits.

    It leads a group of its own, so that Ctrl-C on our terminal leaves it to us. Raises ``CannotExpose``.
    """
    try:
        return await trio.lowlevel.open_process(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=keep,
            env={**os.environ, **(more or {})},
        )
    except FileNotFoundError as error:
        name = command[0]
        raise Misconfigured(
            f"{setting}: Failed to start {name}: there is no program of that name on PATH; install it "
            f"({_HOMES[name]}), or set {setting} to {_NOTHING.get(setting, 'something else')}"
        ) from error
    except OSError as error:
        fix = "check the program's permissions"
        raise Misconfigured(f"{setting}: Failed to start {command[0]}: {error.strerror}; {fix}") from error


_HOMES = {"ngrok": "https://ngrok.com/download", "tailscale": "https://tailscale.com/download"}
_NOTHING = {"tunnel.provider": '"none"', "tailscale.mode": '"off"', "--mode": "off"}


async def stop(process: trio.Process, *, patience_s: float = STOP_S) -> None:
    """End a program and whatever it started; it gets ``patience_s`` seconds to do it by itself."""
    with trio.CancelScope(shield=True):
        if process.returncode is None and patience_s:
            tell_group(process.pid, signal.SIGTERM)
            with trio.move_on_after(patience_s):
                await process.wait()
        if process.returncode is None:
            tell_group(process.pid, signal.SIGKILL)
            with trio.move_on_after(KILL_S):
                await process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                await pipe.aclose()


def tell_group(leader: int, what: signal.Signals) -> None:
    """Send a signal to a program that leads a group, and to those that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(leader, what)


async def lines(stream: trio.abc.ReceiveStream | None) -> AsyncIterator[str]:
    """The lines of a stream as they come; of one that is too long, only the end."""
    rest = b""
    if stream is None:
        return
    async for data in stream:
        *whole, rest = (rest + bytes(data)).split(b"\n")
        rest = rest[-KEEP_BYTES:]
        for line in whole:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


def one_line(text: str) -> str:
    """A text in one line of bounded length, without what is no character."""
    words = "".join(char if char.isprintable() else " " for char in text).split()
    return " ".join(words)[:TEXT_CHARS]


def failed(setting: str, command: str, done: Done, limit_s: float, *, enable_url: str = "") -> CannotExpose:
    """What to say of a program that did not do its work, when nothing better is known."""
    if done.code is None:
        how = f"did not end within {limit_s:g} s" + (f": {done.text}" if done.text else "")
    else:
        how = f"exit code {done.code}: {done.text or 'it said nothing'}"
    return CannotExpose(f"{setting}: `{command}` failed: {how}; type it yourself to see more", enable_url=enable_url)


async def _keep(stream: trio.abc.ReceiveStream | None, kept: bytearray) -> None:
    """Read a stream to its end, and keep the beginning."""
    if stream is None:
        return
    async for data in stream:
        kept.extend(bytes(data)[: KEEP_BYTES - len(kept)])
