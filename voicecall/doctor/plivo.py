"""Plivo's account and console (Plivo, "Account", "Number" and "Application")."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote, urlsplit

from voicecall.doctor.api import Api, Plain, basic, is_spent, text
from voicecall.doctor.findings import Finding, Note, doubtful, good, wrong
from voicecall.doctor.subject import Subject
from voicecall.doctor.webhooks import ID, check_numbers, compare, nothing_expected, unsaid

KEYS = "plivo.authId and plivo.authToken"
ADVICE = "copy both from the overview of the Plivo console"
ACCOUNT = "/"
URLS = (("answer URL", "answer_url", "answer_method"), ("hangup URL", "hangup_url", "hangup_method"))


def open_api(subject: Subject) -> Api:
    """The account's part of the API."""
    name, token = subject.account.secrets["auth_id"], subject.account.secrets["auth_token"]
    base = f"{subject.account.api_url.rstrip('/')}/Account/{quote(name, safe='')}"
    return Api(base=base, headers=basic(name, token), fetch=subject.fetch)


def judge_account(plain: Plain) -> Iterator[Finding]:
    """What is left to spend."""
    credit = text(plain, "cash_credits")
    if is_spent(credit):
        yield doubtful("account", f"no credit is left ({credit})", "add credit in the Plivo console")


async def check_console(api: Api, subject: Subject, note: Note) -> None:
    """Our numbers, and the applications that their calls go to."""
    await check_numbers(subject, partial(_check_number, api, subject, note), note)


async def _check_number(api: Api, subject: Subject, note: Note, number: str) -> bool:
    answer = await api.get(f"/Number/{number.removeprefix('+')}/")
    if answer.status == 404:
        complain = wrong if subject.inbound else doubtful
        fix = "set fromNumber to a number that the Plivo console lists"
        note(complain("number", f"{number} is no number of the account", fix))
    elif answer.status != 200:
        note(unsaid("number", subject, answer))
    elif not answer.plain.get("voice_enabled"):
        note(wrong("number", f"{number} carries no calls", "use a number that is enabled for voice"))
    else:
        note(good("number", f"{number} belongs to the account"))
        return nothing_expected(subject) is not None or await _check_urls(api, subject, number, answer.plain, note)
    return False


async def _check_urls(api: Api, subject: Subject, number: str, plain: Plain, note: Note) -> bool:
    """Whether the application of a number, which is named by its address, asks us."""
    name = urlsplit(text(plain, "application")).path.rstrip("/").rpartition("/")[2]
    fix = f"assign an application whose answer URL is {subject.webhook_url}"
    if not name:
        note(wrong(ID, f"{number} has no application: who calls it does not reach us", fix))
        return False
    answer = await api.get(f"/Application/{quote(name, safe='')}/")
    if answer.status not in (200, 404):
        note(unsaid(ID, subject, answer))
        return False
    if answer.status == 404:
        note(wrong(ID, f"{number}: its application {name} is not there", fix))
        return False
    where = f"the application {text(answer.plain, 'app_name') or name}"
    return compare(subject, answer.plain, where, URLS, note)
