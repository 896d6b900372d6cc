"""``voicecall rpc …``: for programs that speak to the server themselves."""

from __future__ import annotations

import sys

from cyclopts import App

from voicecall.cli.options import examples

rpc = App(name="rpc", help="For programs that speak to the server themselves, over its socket.")


@rpc.command(help_epilogue=examples("voicecall rpc schema", "voicecall rpc schema > voicecall.openrpc.json"))
def schema() -> int:
    """Everything that can be asked, and what comes back: an OpenRPC document."""
    from voicecall.rpc.schema import FILE

    sys.stdout.write(FILE.read_text(encoding="utf-8"))
    return 0
