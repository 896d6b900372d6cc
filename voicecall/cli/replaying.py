"""``replay``: decide a past call again, and show where today's code would have done something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from voicecall.actors.world import read_call, stream_of
from voicecall.cli.looking import look
from voicecall.cli.place import BAD_USAGE, Place, fail, print_json, wants_json
from voicecall.cli.reading import checkpoint_of, find_call, open_source
from voicecall.core.replay import Divergence, Replay, replay
from voicecall.core.state import CallState
from voicecall.events import AnyEffect, CallId, Entry
from voicecall.events.schema import to_plain


def show_replay(place: Place, name: str, *, until: int | None, file: Path | None, as_json: bool) -> int:
    """0: every decision is the same today; 1: the first difference is shown."""
    if until is not None and until < 1:
        return fail(f"--until: must be 1 or more, got {until}", BAD_USAGE)

    async def work() -> int:
        source = open_source(place, file)
        call_id = await find_call(source, name, checkpoint_of(place, file))
        entries = await read_call(source, call_id)
        again = replay(entries, until=until)
        if wants_json(json=as_json):
            print_json(_report(call_id, again, until=until))
        else:
            _print(call_id, entries, again, until=until)
        return 1 if again.divergences else 0

    return look(work)


def _report(call_id: CallId, again: Replay, *, until: int | None) -> dict[str, Any]:
    report: dict[str, Any] = {
        "callId": call_id,
        "entries": again.entries,
        "divergences": len(again.divergences),
        "first": _plain(again.divergences[0]) if again.divergences else None,
    }
    if until is not None:
        report["state"] = state_plain(again.ledger.state)
    return report


def _plain(divergence: Divergence) -> dict[str, Any]:
    return {
        "seq": divergence.entry.seq,
        "problem": divergence.problem or "today's code decides something else",
        "event": to_plain(divergence.entry.event),
        "before": state_plain(divergence.before),
        "recorded": [to_plain(effect) for effect in divergence.recorded],
        "decided": [to_plain(effect) for effect in divergence.decided],
    }


def state_plain(state: CallState) -> dict[str, Any]:
    """A state as plain data, without what has not happened; effects are told by kind."""
    plain: dict[str, Any] = {}
    for name, value in to_plain(state).items():
        if name == "owed":
            plain[name] = {effect_id: type(effect).kind for effect_id, effect in state.owed}
        elif value not in ("", 0, False, (), [], None):
            plain[name] = value
    return plain


def _print(call_id: CallId, entries: list[Entry], again: Replay, *, until: int | None) -> None:
    from rich.console import Console

    from voicecall.cli.rendering import tail_text
    from voicecall.projections.tail import tail_line

    console = Console()
    if until is not None:
        for entry in entries[-1:] if until > len(entries) else entries[max(until - 1, 0) : until]:
            console.print(tail_text(tail_line(stream_of(call_id), entry)))
        console.print(_state_table(f"state after entry {again.ledger.seq}", again.ledger.state))
    if not again.divergences:
        console.print(f"[green]no divergence[/green]: {again.entries} entries of {call_id} are decided the same today")
        return
    first = again.divergences[0]
    others = len(again.divergences) - 1
    console.print(f"[red]divergence[/red] at entry {first.entry.seq}" + (f", and {others} more" if others else ""))
    console.print(tail_text(tail_line(stream_of(call_id), first.entry)))
    console.print(first.problem or "today's code decides something else", style="yellow", markup=False)
    console.print(_state_table("state before", first.before))
    console.print(_decisions(first))


def _state_table(title: str, state: CallState) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in state_plain(state).items():
        table.add_row(name, Text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
    return table


def _decisions(divergence: Divergence) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="decisions", title_justify="left", title_style="bold")
    table.add_column("recorded then")
    table.add_column("decided today")
    then, today = list(divergence.recorded), list(divergence.decided)
    for index in range(max(len(then), len(today))):
        left, right = _at(then, index), _at(today, index)
        style = "" if left == right else "red"
        table.add_row(Text(left, style), Text(right, style))
    return table


def _at(effects: list[AnyEffect], index: int) -> str:
    # Whole, because what differs may be a field that a line of ``tail`` leaves out.
    return json.dumps(to_plain(effects[index]), ensure_ascii=False) if index < len(effects) else ""
