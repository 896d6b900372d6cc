"""``expose``: make the door public by Tailscale until somebody says ``--mode off``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import trio
from attrs import frozen

from voicecall.cli.place import BAD_USAGE, FAILED, Place, fail, print_json, wants_json
from voicecall.config import Config, parse
from voicecall.config.file import read_file
from voicecall.tunnels.opening import mounts
from voicecall.tunnels.problems import CannotExpose
from voicecall.tunnels.serve_config import Mode, Mount, off
from voicecall.tunnels.tailscale import Tailscale, find_node, find_served, remove

SETTING = "--mode"


@frozen(kw_only=True)
class Wish:
    """What to expose: a door on ``port``, whose webhooks come to ``path`` outside and to ``serve_path`` here."""

    path: str
    port: int
    serve_path: str
    stream: str
    https: int

    @property
    def local_url(self) -> str:
        """Where the webhooks go."""
        return f"http://127.0.0.1:{self.port}{self.serve_path}"

    def mounts(self, mode: Mode) -> tuple[Mount, ...]:
        """The public paths."""
        webhooks = (self.path, self.serve_path)
        return mounts(mode, https=self.https, port=self.port, webhooks=webhooks, stream=self.stream)


def expose(
    place: Place,
    *,
    mode: Literal["off", "serve", "funnel"],
    path: str | None,
    port: int | None,
    serve_path: str | None,
    json: bool,
) -> int:
    """0 when it is as wished, 1 when it is not, 2 for options that cannot be used."""
    for option, given in (("--path", path), ("--serve-path", serve_path)):
        if given is not None and not given.startswith("/"):
            return fail(f"{option}: must begin with /, got {given}", BAD_USAGE)
    if port is not None and not 1 <= port <= 65_535:
        return fail(f"--port: must be between 1 and 65535, got {port}", BAD_USAGE)
    config = _read(place)
    wish = Wish(
        path=path or config.tailscale.path,
        port=port or config.serve.port,
        serve_path=serve_path or config.serve.path,
        stream=config.streaming.stream_path,
        https=config.tailscale.port,
    )
    if mode == "off":
        return _hide(wish, json=json)
    return _show(wish, mode, json=json)


def _read(place: Place) -> Config:
    """The configuration; what is needed for calls alone may be missing."""
    plain = read_file(place.config) if place.config else {}
    return parse({**plain, "enabled": False}, place.environment)


def _show(wish: Wish, mode: Mode, *, json: bool) -> int:
    answer: dict[str, Any] = {"ok": True, "mode": mode, "path": wish.path, "localUrl": wish.local_url}
    try:
        origin = trio.run(Tailscale(setting=SETTING, mounts=wish.mounts(mode)).add)
    except CannotExpose as error:
        if wants_json(json=json):
            hint = {"note": str(error), "enableUrl": error.enable_url or None}
            print_json({**answer, "ok": False, "publicUrl": None, "hint": hint})
        return fail(str(error))
    answer["publicUrl"] = origin + wish.path
    answer["streamUrl"] = origin.replace("http", "ws", 1) + wish.stream
    if wants_json(json=json):
        print_json(answer)
    else:
        _tell(answer)
    return 0


def _tell(answer: Mapping[str, Any]) -> None:
    from rich.table import Table

    from voicecall.cli.rendering import show

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for name, key in (("webhooks", "publicUrl"), ("media", "streamUrl"), ("lead to", "localUrl")):
        grid.add_row(name, answer[key])
    show(grid)
    show(f'[dim]set publicUrl: "{answer["publicUrl"]}", or let the server do it: tunnel.provider[/dim]')


def _hide(wish: Wish, *, json: bool) -> int:
    try:
        other = trio.run(_remove, wish)
    except CannotExpose as error:
        return fail(str(error))
    if other:
        return fail(other, FAILED)
    answer = {"ok": True, "mode": "off", "path": wish.path}
    if wants_json(json=json):
        print_json(answer)
    else:
        from voicecall.cli.rendering import show

        show(f"{wish.path} is not public any more")
    return 0


async def _remove(wish: Wish) -> str:
    """Remove the paths, as far as they lead to the door; what the webhooks' path leads to instead, in words."""
    await find_node(SETTING)
    served = await find_served(SETTING)
    for found in wish.mounts("funnel" if wish.https in served.funnels else "serve"):
        leads_to = served.paths.get((found.port, found.path))
        if leads_to == found.target:
            await remove(SETTING, [found])
        elif leads_to is not None and found.path == wish.path:
            return (
                f"--path: {found.path} leads to {leads_to}, not to {wish.local_url}; name its --port and --serve-path, "
                f"or remove it yourself: `{' '.join(off(found))}`"
            )
    return ""
