"""``voicecall pairing …``: its commands and their options."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from voicecall.cli.options import ConfigOption, JsonOption, StateOption, examples, place_of

pairing = App(name="pairing", help="Callers who are let in by a code that they were told (inboundPolicy: pairing).")


@pairing.command(name="list", help_epilogue=examples("voicecall pairing list"))
def list_pairings(*, json: JsonOption = False, state: StateOption = None, config: ConfigOption = None) -> int:
    """Who is let in, and whose code waits."""
    from voicecall.cli.pairing import show_pairings

    return show_pairings(place_of(state, config), json=json)


@pairing.command(help_epilogue=examples("voicecall pairing approve 123456"))
def approve(
    code: Annotated[str, Parameter(help="The six digits that the caller was told.")],
    *,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Let in whoever was told this code."""
    from voicecall.cli.pairing import change_pairing

    place = place_of(state, config)
    return change_pairing(place, "voicecall.pairing.approve", {"code": code}, "may call now", json=json)


@pairing.command(help_epilogue=examples("voicecall pairing revoke +15550001234"))
def revoke(
    number: Annotated[str, Parameter(help="Whose calls are refused from now on, E.164.")],
    *,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Shut a number out again."""
    from voicecall.cli.pairing import change_pairing

    place = place_of(state, config)
    return change_pairing(place, "voicecall.pairing.revoke", {"number": number}, "is shut out", json=json)
