"""Twilio's account and console (Twilio, "Account", "IncomingPhoneNumber" and "Application" resources)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from voicecall.doctor.api import Api, Plain, basic, part, rows, text
from voicecall.doctor.findings import Finding, Note, doubtful, good, wrong
from voicecall.doctor.subject import Subject
from voicecall.doctor.webhooks import ID, check_numbers, compare, nothing_expected, unsaid

KEYS = "twilio.accountSid and twilio.authToken"
ADVICE = "copy both from the Twilio console; credentials belong to one region (twilio.region)"
ACCOUNT = ".json"
URLS = (("voice URL", "voice_url", "voice_method"), ("status callback", "status_callback", "status_callback_method"))


def open_api(subject: Subject) -> Api:
    """The account's part of the API."""
    sid, token = subject.account.secrets["account_sid"], subject.account.secrets["auth_token"]
    base = f"{subject.account.api_url.rstrip('/')}/2010-04-01/Accounts/{quote(sid, safe='')}"
    return Api(base=base, headers=basic(sid, token), fetch=subject.fetch)


def judge_account(plain: Plain) -> Iterator[Finding]:
    """What the account itself says."""
    status = text(plain, "status")
    if status != "active":
        yield wrong("account", f"the Twilio account is {status}", "see the Twilio console")
    elif text(plain, "type") == "Trial":
        message = "a trial account: it calls verified numbers only, and says so first"
        yield doubtful("account", message, "upgrade it, or verify the numbers that you call")


async def check_console(api: Api, subject: Subject, note: Note) -> None:
    """Our numbers, and where their calls are announced."""
    await check_numbers(subject, partial(_check_number, api, subject, note), note)


async def _check_number(api: Api, subject: Subject, note: Note, number: str) -> bool:
    answer = await api.get(f"/IncomingPhoneNumbers.json?PhoneNumber={quote(number, safe='')}")
    if answer.status != 200:
        note(unsaid("number", subject, answer))
        return False
    listed = rows(answer.plain, "incoming_phone_numbers")
    found = next((one for one in listed if one.get("phone_number") == number), None)
    if found is None:
        note(await _foreign(api, subject, number))
        return False
    if not part(found, "capabilities").get("voice"):
        note(wrong("number", f"{number} carries no calls", "use a number with the capability voice"))
        return False
    note(good("number", f"{number} belongs to the account"))
    return nothing_expected(subject) is not None or await _check_urls(api, subject, number, found, note)


async def _foreign(api: Api, subject: Subject, number: str) -> Finding:
    """A number of somebody else, from which calls may come when it is verified."""
    answer = await api.get(f"/OutgoingCallerIds.json?PhoneNumber={quote(number, safe='')}")
    if answer.status != 200:
        return unsaid("number", subject, answer)
    verified = any(one.get("phone_number") == number for one in rows(answer.plain, "outgoing_caller_ids"))
    if verified and not subject.inbound:
        return good("number", f"{number} is a verified caller id")
    if verified:
        message = f"{number} is a verified caller id: who calls it does not reach us"
        return wrong("number", message, "set fromNumber to a number of the account, or inboundPolicy to disabled")
    message = f"{number} is no number of the account, nor a verified caller id"
    return wrong("number", message, "set fromNumber to a number that the Twilio console lists")


async def _check_urls(api: Api, subject: Subject, number: str, found: Plain, note: Note) -> bool:
    """Whether all of them are ours. An application's or a trunk's count before the number's own."""
    where, fix = number, "clear it, so that the number's own URLs count"
    if trunk := text(found, "trunk_sid"):
        note(wrong(ID, f"{number}: its calls go to the SIP trunk {trunk}", fix))
        return False
    if application := text(found, "voice_application_sid"):
        answer = await api.get(f"/Applications/{quote(application, safe='')}.json")
        if answer.status not in (200, 404):
            note(unsaid(ID, subject, answer))
            return False
        if answer.status == 404:
            note(wrong(ID, f"{number}: its TwiML application {application} is not there", fix))
            return False
        where, found = f"TwiML application {application}", answer.plain
    return compare(subject, found, where, URLS, note)
