"""Telnyx's account and portal (Telnyx, "Balance", "Call Control Applications", "Phone Numbers")."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from cryptography.exceptions import UnsupportedAlgorithm

from voicecall.adapters.carriers.telnyx.signature import read_key
from voicecall.doctor.api import Api, Plain, is_spent, part, rows, text
from voicecall.doctor.findings import Finding, Note, doubtful, good, wrong
from voicecall.doctor.subject import Subject
from voicecall.doctor.webhooks import check_numbers, compare, nothing_expected, unsaid

KEYS = "telnyx.apiKey"
ADVICE = "make one in the Telnyx portal under Account, Keys & Credentials, API Keys"
ACCOUNT = "/balance"
URLS = (("webhook URL", "webhook_event_url", ""),)


def open_api(subject: Subject) -> Api:
    """The API."""
    headers = {"authorization": f"Bearer {subject.account.secrets['api_key']}"}
    return Api(base=subject.account.api_url.rstrip("/"), headers=headers, fetch=subject.fetch)


def judge_account(plain: Plain) -> Iterator[Finding]:
    """What is left to spend."""
    credit = text(part(plain, "data"), "available_credit")
    if is_spent(credit):
        yield doubtful("account", f"no credit is left ({credit})", "add funds in the Telnyx portal")


async def check_console(api: Api, subject: Subject, note: Note) -> None:
    """The application, the numbers that lead to it, and the key that its webhooks are proven by."""
    name = subject.account.secrets["connection_id"]
    _check_key(subject, note)
    answer = await api.get(f"/call_control_applications/{quote(name, safe='')}")
    application = answer.status == 200 and _check_application(subject, part(answer.plain, "data"), note)
    if answer.status in (400, 404, 422):
        message = f"there is no Voice API application {name} (HTTP {answer.status})"
        fix = "set telnyx.connectionId to the id of one: Telnyx portal, Voice, Programmable"
        note(wrong("application", message, fix))
    elif answer.status != 200:
        note(unsaid("application", subject, answer))
    await check_numbers(subject, partial(_check_number, api, subject, name, note), note, before=application)


def _check_key(subject: Subject, note: Note) -> None:
    """Whether what is configured is a key at all; only a webhook tells whether it is the account's."""
    for key in filter(None, (one.strip() for one in subject.account.secrets["public_key"].split(","))):
        try:
            read_key(key)
        except (ValueError, UnsupportedAlgorithm):
            fix = "copy it from the Telnyx portal: Account, Keys & Credentials, Public Key"
            note(wrong("public-key", "telnyx.publicKey is no Ed25519 key: every webhook would be refused", fix))
            return


def _check_application(subject: Subject, plain: Plain, note: Note) -> bool:
    """Whether calls are announced as they should be."""
    where = f"the application {text(plain, 'application_name') or text(plain, 'id')}"
    found: list[Finding] = []
    if not plain.get("active"):
        found.append(wrong("application", f"{where} is switched off", "activate it in the Telnyx portal"))
    version = text(plain, "webhook_api_version")
    if version != "2":
        message = f"{where}: its webhooks are of version {version}"
        found.append(wrong("application", message, "set the webhook API version to 2"))
    if not text(part(plain, "outbound"), "outbound_voice_profile_id"):
        message = f"{where} has no outbound voice profile: it may call nobody"
        found.append(wrong("application", message, "assign one that allows the destinations"))
    for one in found or [good("application", f"{where} is active, version 2")]:
        note(one)
    return nothing_expected(subject) is not None or compare(subject, plain, where, URLS, note)


async def _check_number(api: Api, subject: Subject, connection: str, note: Note, number: str) -> bool:
    """Whether a number is ours, in service, and its calls come to the application."""
    # The filter wants digits alone.
    answer = await api.get(f"/phone_numbers?filter%5Bphone_number%5D={number.removeprefix('+')}")
    found = next((one for one in rows(answer.plain, "data") if one.get("phone_number") == number), None)
    if answer.status != 200:
        note(unsaid("number", subject, answer))
        return False
    if found is None:
        complain = wrong if subject.inbound else doubtful
        fix = "set fromNumber to a number that the Telnyx portal lists"
        note(complain("number", f"{number} is no number of the account", fix))
    elif text(found, "status") != "active":
        note(wrong("number", f"{number} is not in service: {text(found, 'status')}", "see the Telnyx portal"))
    elif subject.inbound and text(found, "connection_id") != connection:
        other = text(found, "connection_name") or text(found, "connection_id") or "nothing"
        message = f"{number} is connected to {other}, not to the application {connection}"
        note(wrong("number", message, "connect it in the Telnyx portal under Numbers"))
    else:
        note(good("number", f"{number} belongs to the account"))
        return True
    return False
