"""``voicecall setup`` and ``voicecall smoke``: their options."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from voicecall.cli.options import ConfigOption, JsonOption, Mode, StateOption, examples

SAID = "This is a test call of voicecall. If you can hear this, everything works. Goodbye."


def register(app: App) -> None:
    """Add the commands."""
    app.command(
        setup,
        help_epilogue=examples(
            "voicecall setup",
            "voicecall setup --config voicecall.json5 --json",
        ),
    )
    app.command(
        smoke,
        help_epilogue=examples(
            "voicecall smoke",
            "voicecall smoke --to +15550001001",
            "voicecall smoke --to +15550001001 --yes",
        ),
    )


def setup(*, json: JsonOption = False, state: StateOption = None, config: ConfigOption = None) -> int:
    """Look at everything that calls need, and say what to do where it is not as it must be.

    Configuration, state directory, journal, ports, tunnel, the public address, the carrier's console, keys. Nothing is
    changed. Exit code 0: calls can be made; 1: something was found.
    """
    from voicecall.cli.checkup import setup as run_setup

    return run_setup(state, config, json=json)


def smoke(
    *,
    to: Annotated[str | None, Parameter(name=["--to", "-t"], help="Whom to call, E.164.")] = None,
    message: Annotated[str, Parameter(name=["--message", "-m"], help="What to say.")] = SAID,
    mode: Mode = "notify",
    yes: Annotated[bool, Parameter(name="--yes", negative="", help="Really call.")] = False,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Do what setup does, then say what would be called; with --to and --yes: call, and wait for the end.

    Exit code 0: everything was in order, and the call, if there was one, was answered and ended as such calls end.
    """
    from voicecall.cli.smoke import smoke as run_smoke

    return run_smoke(state, config, to=to, message=message, mode=mode or "notify", yes=yes, json=json)
