"""The account, its numbers and applications (Twilio, "Account", "IncomingPhoneNumber", "OutgoingCallerId" and
"Application" resources), as far as calls go. Everything is on one page."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from voicecall.testing.console import Console
from voicecall.testing.twilio.resource import VERSION, Plain

CREATED = "Thu, 01 Jan 2026 00:00:00 +0000"
APPLICATION = "AP" + 32 * "a"


def account_object(console: Console, *, sid: str, token: str) -> Plain:
    """The account itself; its token is shown to whoever has it."""
    plain: Plain = {
        "auth_token": token,
        "date_created": CREATED,
        "date_updated": CREATED,
        "friendly_name": "A simulated account",
        "owner_account_sid": sid,
        "sid": sid,
        "status": "active",
        "subresource_uris": {"calls": f"/{VERSION}/Accounts/{sid}/Calls.json"},
        "type": "Full",
        "uri": f"/{VERSION}/Accounts/{sid}.json",
    }
    return console.show("account", plain) or plain


def numbers_page(console: Console, query: str, *, sid: str) -> Plain:
    """``GET IncomingPhoneNumbers.json``; ``PhoneNumber`` filters by a part of the number."""
    wanted = parse_qs(query).get("PhoneNumber", [""])[0].lstrip("+")
    numbers = [number for number in console.numbers if wanted in number]
    shown = [console.show("number", _number(console, number, index, sid)) for index, number in enumerate(numbers)]
    return _page("incoming_phone_numbers", [one for one in shown if one is not None], query, sid)


def caller_ids_page(console: Console, query: str, *, sid: str) -> Plain:
    """``GET OutgoingCallerIds.json``: numbers of others that calls may come from."""
    verified = console.show("caller_id", {}) or {}
    wanted = parse_qs(query).get("PhoneNumber", [""])[0]
    rows = [
        {
            "account_sid": sid,
            "date_created": CREATED,
            "date_updated": CREATED,
            "friendly_name": verified["phone_number"],
            "phone_number": verified["phone_number"],
            "sid": "PN" + 32 * "b",
            "uri": f"/{VERSION}/Accounts/{sid}/OutgoingCallerIds/PN{32 * 'b'}.json",
        }
        for _ in range(1)
        if verified and wanted in ("", verified["phone_number"])
    ]
    return _page("outgoing_caller_ids", rows, query, sid)


def application_object(console: Console, name: str, *, sid: str) -> Plain | None:
    """``GET Applications/{Sid}.json``: URLs that several numbers share."""
    if name != APPLICATION:
        return None
    urls = _urls(console)
    plain = {
        "account_sid": sid,
        "api_version": VERSION,
        "date_created": CREATED,
        "date_updated": CREATED,
        "friendly_name": "Voice",
        "message_status_callback": None,
        "sid": name,
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": "POST",
        "sms_status_callback": "",
        "sms_url": "",
        "uri": f"/{VERSION}/Accounts/{sid}/Applications/{name}.json",
        **urls,
    }
    return console.show("application", plain)


def _number(console: Console, number: str, index: int, account_sid: str) -> Plain:
    sid = f"PN{index:032x}"
    return {
        "account_sid": account_sid,
        "address_requirements": "none",
        "address_sid": None,
        "api_version": VERSION,
        "beta": False,
        "bundle_sid": None,
        "capabilities": {"fax": False, "mms": True, "sms": True, "voice": True},
        "date_created": CREATED,
        "date_updated": CREATED,
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "emergency_status": "Inactive",
        "friendly_name": number,
        "identity_sid": None,
        "origin": "twilio",
        "phone_number": number,
        "sid": sid,
        "sms_application_sid": "",
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": "POST",
        "sms_url": "",
        "status": "in-use",
        "trunk_sid": None,
        "uri": f"/{VERSION}/Accounts/{account_sid}/IncomingPhoneNumbers/{sid}.json",
        "voice_application_sid": "",
        "voice_receive_mode": "voice",
        **_urls(console),
    }


def _urls(console: Console) -> Mapping[str, object]:
    url = console.webhook_url
    return {
        "status_callback": url,
        "status_callback_method": "POST",
        "voice_caller_id_lookup": False,
        "voice_fallback_method": "POST",
        "voice_fallback_url": url,
        "voice_method": "POST",
        "voice_url": f"{url}#rc=5&rp=all" if url else "",
    }


def _page(name: str, rows: list[Plain], query: str, sid: str) -> Plain:
    parts = name.split("_")
    uri = f"/{VERSION}/Accounts/{sid}/{''.join(part.capitalize() for part in parts)}.json?{query}"
    return {
        name: rows,
        "end": max(0, len(rows) - 1),
        "first_page_uri": uri,
        "next_page_uri": None,
        "page": 0,
        "page_size": 50,
        "previous_page_uri": None,
        "start": 0,
        "uri": uri,
    }
