"""``pairing``: who is let in by a code that a caller was told."""

from __future__ import annotations

from typing import Any

from voicecall.cli.calling import ask_server
from voicecall.cli.place import Place, print_json, wants_json


def show_pairings(place: Place, *, json: bool) -> int:
    """Who is let in, and whose code waits for the operator."""

    def show(answer: dict[str, Any]) -> None:
        if wants_json(json=json):
            print_json(answer)
            return
        from rich.table import Table

        from voicecall.cli.rendering import moment, show

        if not answer["paired"] and not answer["waiting"]:
            show("[dim]nobody is paired, and nobody waits[/dim]")
            return
        table = Table()
        for heading in ("number", "state", "code", "since / until"):
            table.add_column(heading, no_wrap=True)
        for one in answer["waiting"]:
            table.add_row(one["number"], "[yellow]waits[/yellow]", one["code"], moment(one["expiresAt"]))
        for one in answer["paired"]:
            table.add_row(one["number"], "[green]paired[/green]", "", moment(one["approvedAt"]))
        show(table)

    return ask_server(place, "voicecall.pairing.list", {}, show)


def change_pairing(place: Place, method: str, params: dict[str, Any], words: str, *, json: bool) -> int:
    """Let a number in, or shut it out."""

    def show(answer: dict[str, Any]) -> None:
        if wants_json(json=json):
            print_json(answer)
        else:
            from voicecall.cli.rendering import show

            show(f"[bold]{answer['number']}[/bold] {words}")

    return ask_server(place, method, params, show)
