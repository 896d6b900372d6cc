"""``voicecall drain`` and its options."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from voicecall.cli.options import ConfigOption, JsonOption, StateOption, examples, place_of

drain = App(
    name="drain",
    help="Stop the server without cutting anybody off: no new calls, and its end after the last one.",
    help_epilogue=examples("voicecall drain", "voicecall drain --within 30s --wait"),
)


@drain.default
def run(
    *,
    within: Annotated[
        str | None,
        Parameter(
            help="Whoever is still on the line after that (500ms, 30s, 5m) hears phrases.goodbye and is hung up on. "
            "Default: as long as the calls last. A later drain can make it shorter."
        ),
    ] = None,
    wait: Annotated[bool, Parameter(negative="", help="Stay until the server has stopped.")] = False,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Stop the server without cutting anybody off."""
    from voicecall.cli.draining import drain_server

    return drain_server(place_of(state, config), within=within, wait=wait, json=json)
