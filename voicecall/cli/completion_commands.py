"""``voicecall completion SHELL``: what a shell needs to complete our commands and options."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import App, Parameter

from voicecall.cli.options import examples

completion = App(
    name="completion",
    help="Print the script with which a shell completes commands, options and their values.",
    help_epilogue=examples(
        "voicecall completion bash > ~/.local/share/bash-completion/completions/voicecall",
        'voicecall completion zsh > "${fpath[1]}/_voicecall"',
        "voicecall completion fish > ~/.config/fish/completions/voicecall.fish",
    ),
)


@completion.default
def print_script(shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="Which shell.")], /) -> int:
    """Write the script to standard output; it is made from the commands as they are now."""
    from voicecall.cli.app import app

    sys.stdout.write(app.generate_completion(prog_name="voicecall", shell=shell))
    return 0
