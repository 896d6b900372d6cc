"""The calls in the log: when each begins, is answered and ends; with transcripts also what is said."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from voicecall.events import CallId, Entry
from voicecall.events import facts as fact
from voicecall.events.effects import Speak
from voicecall.log import get_logger
from voicecall.logs.setting_up import Level

log = get_logger(__name__)


@frozen(kw_only=True)
class CallLog:
    """Feed ``observe`` every entry once. ``transcripts``: also what is said."""

    transcripts: bool = False

    def observe(self, call_id: CallId, entry: Entry) -> None:
        """Log what an operator wants to know of this entry, if there is anything."""
        for level, words, fields in _told(entry):
            (log.warning if level == "warning" else log.info)(words, call=call_id, **fields)
        if self.transcripts:
            for who, text in _said(entry):
                log.info(who, call=call_id, text=text)


def _told(entry: Entry) -> Iterator[tuple[Level, str, dict[str, object]]]:
    match entry.event:
        case fact.CallPlaced() as event:
            yield "info", "a call is placed", {"carrier": event.carrier, "mode": event.policy.mode.value}
        case fact.CallOffered() as event:
            yield "info", "a call is offered", {"carrier": event.carrier, "verdict": event.policy.verdict}
        case fact.CallAnswered() as event:
            yield "info", "a call is answered", {"by": event.by}
        case fact.CallEnded() as event:
            yield "info", "a call is over", {"reason": event.reason}
        case fact.TranscriberFailed():
            yield "warning", "nobody transcribes a call just now", {}
        case fact.AgentFinished(reason="failed"):
            yield "warning", "the agent failed", {}
        case fact.EffectFailed() as event:
            yield "info", "an effect failed", {"effect": event.settles, "in_doubt": event.in_doubt}
        case _:
            pass


def _said(entry: Entry) -> Iterator[tuple[str, str]]:
    if isinstance(entry.event, fact.CallerSaid):
        yield "the person said", entry.event.text
    for effect in entry.effects:
        if isinstance(effect, Speak):
            yield "we say", effect.text
