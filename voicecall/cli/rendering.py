"""What people see: tables, colors, times of their own zone. Programs get JSON and never come here.

Whatever somebody else has said or written is a ``Text``: in a plain string a bracket would begin a color.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from voicecall.projections.latency import STAGES, TurnLatency
from voicecall.projections.tail import TailLine

STATE_STYLES = {
    "completed": "green",
    "hangup-user": "green",
    "hangup-bot": "green",
    "no-answer": "yellow",
    "busy": "yellow",
    "voicemail": "yellow",
    "rejected": "yellow",
    "timeout": "red",
    "failed": "red",
    "error": "red",
    "unknown": "red",
}
LIVE_STYLE = "bold cyan"
STAGE_NAMES = {
    "transcript": "transcript",
    "token": "first token",
    "clause": "first clause",
    "audio": "first audio",
    "frame": "first frame out",
    "heard": "heard",
}
FIGURES = ("minMs", "avgMs", "p50Ms", "p95Ms", "maxMs")


def show(*things: RenderableType) -> None:
    """Print to the terminal."""
    console = Console()
    for thing in things:
        console.print(thing)


def clock(at: int) -> str:
    """The time of day of an instant, to the millisecond, in the reader's zone."""
    return _local(at).strftime("%H:%M:%S.%f")[:-3]


def moment(at: int | None) -> str:
    """Date and time of an instant in the reader's zone; "" for none."""
    return _local(at).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone()


def tail_text(line: TailLine) -> Text:
    """One line of ``tail``: when, which call, what happened → what was decided."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(clock(line.at), "dim").append(f" {line.call} ", "cyan").append(f"{line.seq:>3} ", "dim")
    text.append(line.happened, "bold" if line.important else "")
    if line.decided:
        text.append(" → ", "dim").append(", ".join(line.decided), "green")
    return text


def record_view(record: dict[str, Any]) -> RenderableType:
    """A call record: the facts of the call, then who said what."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    facts.add_row("call", record["callId"])
    facts.add_row("state", state_text(record))
    if "endReason" in record:
        facts.add_row("ended because", record["endReason"])
    parties = f"{record['from']} → {record['to']}  ({record['direction']}, {record['provider']})"
    facts.add_row("from → to", Text(parties))
    facts.add_row("started", moment(record["startedAt"]))
    if "answeredAt" in record:
        facts.add_row("answered", f"{moment(record['answeredAt'])}  (after {_span(record, 'startedAt', 'answeredAt')})")
    if "endedAt" in record:
        begun = "answeredAt" if "answeredAt" in record else "startedAt"
        facts.add_row("ended", f"{moment(record['endedAt'])}  (after {_span(record, begun, 'endedAt')})")
    metadata = record.get("metadata", {})
    if "loopLagMaxMs" in metadata:
        late = f"frames at most {metadata['frameLateP99Ms']} ms (p99), the loop {metadata['loopLagMaxMs']} ms"
        facts.add_row("late", late)
    remarks = [(one["timestamp"], one["speaker"], one["text"], one.get("heard")) for one in record["transcript"]]
    return Group(facts, _remarks(remarks)) if remarks else facts


def _remarks(remarks: Iterable[tuple[int, str, str, str | None]]) -> Table:
    table = Table(title="transcript", title_justify="left", title_style="bold", show_lines=False)
    table.add_column("when", style="dim", no_wrap=True)
    table.add_column("who", no_wrap=True)
    table.add_column("said")
    table.add_column("of that heard")
    for at, speaker, said, heard in remarks:
        ours = speaker == "bot"
        known = Text("all" if ours else "", "dim") if heard is None else Text(heard or "nothing", "yellow")
        table.add_row(clock(at), Text("we" if ours else "they", "cyan" if ours else "magenta"), Text(said), known)
    return table


def calls_view(calls: Sequence[dict[str, Any]], *, server: bool) -> RenderableType:
    """Calls that have not ended."""
    if not calls:
        return Text("no calls in progress" if server else "no unfinished calls (no server is running)", "dim")
    title = "calls in progress" if server else "unfinished calls (no server is running)"
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading in ("call", "state", "direction", "from", "to", "started"):
        table.add_column(heading, no_wrap=True)
    for call in calls:
        started = moment(call["startedAt"])
        caller, callee = Text(call["from"]), Text(call["to"])
        table.add_row(call["callId"], state_text(call), call["direction"], caller, callee, started)
    return table


def state_text(record: dict[str, Any]) -> Text:
    """A state in its color; *unfinished* where no server could say more."""
    if record.get("unfinished"):
        return Text(f"unfinished (last known: {record['state']}; no server is running)", "yellow")
    return Text(record["state"], STATE_STYLES.get(record["state"], LIVE_STYLE))


def turns_view(turns: Sequence[TurnLatency], *, of: str = "") -> Table:
    """How long the person waited, turn by turn."""
    title = f"latency{' of ' + of if of else ''}, ms after the caller stopped"
    table = Table(title=title, title_justify="left", title_style="bold", caption_justify="left")
    for heading in ("turn", *STAGE_NAMES.values()):
        table.add_column(heading, justify="right")
    for turn in turns:
        unknown = "" if turn.transcript_ms is not None else "*"
        table.add_row(f"{turn.turn}{unknown}", *(_ms(getattr(turn, f"{stage}_ms")) for stage in STAGES))
    if any(turn.transcript_ms is None for turn in turns):
        table.caption = "* nobody tells when the caller stopped: counted from the transcript"
    return table


def summary_view(report: dict[str, Any]) -> Table:
    """Figures over many turns."""
    calls = "1 call" if report["recordsScanned"] == 1 else f"{report['recordsScanned']} calls"
    table = Table(title=f"latency over {calls}, ms", title_justify="left", title_style="bold")
    table.add_column("after the caller stopped")
    for heading in ("count", "min", "avg", "p50", "p95", "max"):
        table.add_column(heading, justify="right")
    for stage in STAGES:
        table.add_row(STAGE_NAMES[stage], *_figures(report["stages"][stage]))
    table.add_section()
    table.add_row("continue answered", *_figures(report["listenWait"]))
    return table


def _figures(row: dict[str, int]) -> list[str]:
    return [str(row["count"]), *(_ms(row[key] if row["count"] else None) for key in FIGURES)]


def sound_text(sound: dict[str, float | None]) -> Text:
    """How punctual the sound was."""
    late, p99, most = (_ms(sound[key]) for key in ("frameLateP99Ms", "loopLagP99Ms", "loopLagMaxMs"))
    words = f"frames late: p99 {late} ms; the loop's lag: p99 {p99} ms, worst {most} ms (in the worst five seconds)"
    return Text(words, "dim")


def _ms(value: float | None) -> str:
    return "-" if value is None else str(value)


def _span(record: dict[str, Any], since: str, until: str) -> str:
    return f"{(record[until] - record[since]) / 1000:.1f} s"
