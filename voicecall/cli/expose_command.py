"""``voicecall expose`` and its options."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from voicecall.cli.options import ConfigOption, JsonOption, StateOption, examples, place_of


def register(app: App) -> None:
    """Add the command."""
    app.command(
        expose,
        help_epilogue=examples(
            "voicecall expose",
            "voicecall expose --mode serve --port 3334",
            "voicecall expose --mode off",
        ),
    )


def expose(
    *,
    mode: Annotated[
        Literal["off", "serve", "funnel"],
        Parameter(help="funnel: the internet reaches it; serve: your tailnet does; off: nobody does any more."),
    ] = "funnel",
    path: Annotated[str | None, Parameter(help="Public path of webhooks. Default: tailscale.path.")] = None,
    port: Annotated[int | None, Parameter(help="Port of the door. Default: serve.port.")] = None,
    serve_path: Annotated[str | None, Parameter(help="The door's own path. Default: serve.path.")] = None,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Make the door public by Tailscale, for good: webhooks and media sockets, whether a server runs or not.

    What others have exposed on this machine is never changed. A server with tunnel.provider needs no such thing.
    """
    from voicecall.cli.exposing import expose as run_expose

    return run_expose(place_of(state, config), mode=mode, path=path, port=port, serve_path=serve_path, json=json)
