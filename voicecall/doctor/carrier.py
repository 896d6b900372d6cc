"""The carrier's API: whether it lets us in, whether its clock agrees with ours, and what its console says."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import Protocol, cast

from voicecall.doctor.api import Answer, Api, Plain, part, rows, text
from voicecall.doctor.findings import Finding, Note, doubtful, good, skipped, wrong
from voicecall.doctor.subject import Subject
from voicecall.doctor.webhooks import unsaid
from voicecall.events import Instant

OFF_S, FAR_OFF_S = 5, 60
"""A clock that is off by more than the first is noticed; by more than the second, signatures begin to be refused."""


class Console(Protocol):
    """What a carrier's module has. ``KEYS`` names the settings that open the API, ``ADVICE`` where they come from,
    ``ACCOUNT`` is the path of something cheap that only the account may read."""

    KEYS: str
    ADVICE: str
    ACCOUNT: str

    def open_api(self, subject: Subject) -> Api: ...

    def judge_account(self, plain: Plain) -> Iterator[Finding]: ...

    async def check_console(self, api: Api, subject: Subject, note: Note) -> None: ...


async def check_carrier(subject: Subject, note: Note) -> None:
    """The simulated network has no console; for credentials that are not there the configuration has a finding."""
    secrets = subject.account.secrets
    needed = [value for name, value in secrets.items() if name not in ("public_key", "signatures")]
    if subject.config.provider == "mock" or not all(needed):
        return
    console = cast("Console", import_module(f"voicecall.doctor.{subject.config.provider}"))
    api = console.open_api(subject)
    answer = await api.get(console.ACCOUNT)
    if answer.date:
        note(judge_clock(answer.date, subject.wall(), subject.carrier))
    let_in = _credentials(subject, console, api, answer)
    note(let_in)
    if let_in.level == "ok":
        for finding in console.judge_account(answer.plain):
            note(finding)
        await console.check_console(api, subject, note)


def judge_clock(date: str, now: Instant, carrier: str) -> Finding:
    """Our clock (``now``, ms) against the time of an answer."""
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return skipped("clock", f"{carrier} says no time that can be read")
    off_s = round(now / 1000 - theirs)
    if abs(off_s) <= OFF_S:
        return good("clock", f"agrees with that of {carrier}")
    complain = wrong if abs(off_s) > FAR_OFF_S else doubtful
    message = f"our clock is {abs(off_s)} s {'ahead of' if off_s > 0 else 'behind'} that of {carrier}"
    return complain("clock", message, "let it be set by the network: `timedatectl set-ntp true`")


def _credentials(subject: Subject, console: Console, api: Api, answer: Answer) -> Finding:
    match answer.status:
        case 200:
            return good("credentials", f"{subject.carrier} accepts {console.KEYS}")
        case 0:
            message = f"{subject.carrier} at {api.host} cannot be reached: {answer.error}"
            return wrong("credentials", message, "check the network, DNS and proxy of this machine")
        case 401 | 403 | 404:
            message = f"{subject.carrier} refuses {console.KEYS}: HTTP {answer.status}{_said(answer.plain)}"
            return wrong("credentials", message, console.ADVICE)
        case _:
            return unsaid("credentials", subject, answer)


def _said(plain: Plain) -> str:
    """What an error says of itself, in any of the carriers' ways."""
    error = next(iter(rows(plain, "errors")), part(plain, "error") or plain)
    words = text(error, "detail") or text(error, "message") or text(error, "error")
    code = text(error, "code")
    return "".join(f", {one}" for one in (code, " ".join(words.split())[:120]) if one)
