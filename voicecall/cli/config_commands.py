"""``voicecall config …``: its commands and their options."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from voicecall.cli.options import ConfigOption, JsonOption, StateOption, examples, place_of

config_commands = App(
    name="config", help="The configuration: whether it can be used, what it comes to, what it may say."
)


@config_commands.command(
    help_epilogue=examples("voicecall config check --config voicecall.json5", "voicecall config check --json")
)
def check(*, json: JsonOption = False, config: ConfigOption = None) -> int:
    """Every problem of the file once, with its line, what is allowed and the nearest key. Exit code 2 for any.

    Keys with older names are told, too; they are no problem.
    """
    from voicecall.cli.configuration import check_file

    return check_file(config, json=json)


@config_commands.command(
    help_epilogue=examples("voicecall config show", "voicecall config show --all --config ~/.openclaw/openclaw.json")
)
def show(
    *,
    everything: Annotated[bool, Parameter(name="--all", negative="", help="Also keys that nobody has set.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """What the configuration comes to, secrets masked, and where each value is from: a line, a variable, a default."""
    from voicecall.cli.configuration import show_settings

    return show_settings(config, everything=everything, json=json)


@config_commands.command(help_epilogue=examples("voicecall config schema > voice-call.schema.json"))
def schema() -> int:
    """The JSON Schema (2020-12) of the configuration, for editors."""
    from voicecall.cli.place import print_json
    from voicecall.config.schema import json_schema

    print_json(json_schema())
    return 0


@config_commands.command(help_epilogue=examples("voicecall config reload"))
def reload(*, json: JsonOption = False, state: StateOption = None, config: ConfigOption = None) -> int:
    """Let the running server read its file again. Calls in progress go on as they began; keys that want a restart are
    listed."""
    from voicecall.cli.configuration import reload_server

    return reload_server(place_of(state, config), json=json)
