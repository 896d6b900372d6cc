"""The account, its numbers and applications (Plivo, "Account", "Number" and "Application")."""

from __future__ import annotations

from voicecall.testing.console import Console
from voicecall.testing.json_api import Plain

APPLICATION = "20260101000000001"


def resource(console: Console, path: list[str], *, auth_id: str) -> Plain | None:
    """What is at ``Account/{auth_id}/`` and a path behind it."""
    match path:
        case ["Number", name]:
            return number_object(console, name, auth_id=auth_id)
        case ["Application", name]:
            return application_object(console, name, auth_id=auth_id)
        case _:
            return account_object(console, auth_id=auth_id)


def account_object(console: Console, *, auth_id: str) -> Plain:
    """``GET /Account/{auth_id}/``."""
    plain: Plain = {
        "account_type": "standard",
        "address": "1 Simulated Street",
        "auth_id": auth_id,
        "auto_recharge": False,
        "billing_mode": "prepaid",
        "cash_credits": "100.00000",
        "city": "Nowhere",
        "name": "A simulated account",
        "resource_uri": f"/v1/Account/{auth_id}/",
        "state": "",
        "timezone": "UTC",
    }
    return console.show("account", plain) or plain


def number_object(console: Console, name: str, *, auth_id: str) -> Plain | None:
    """``GET /Account/{auth_id}/Number/{number}/``: Plivo writes numbers without a plus."""
    if f"+{name}" not in console.numbers:
        return None
    plain: Plain = {
        "added_on": "2026-01-01",
        "alias": None,
        "application": f"/v1/Account/{auth_id}/Application/{APPLICATION}/",
        "carrier": "Plivo",
        "city": "",
        "country": "United States",
        "mms_enabled": True,
        "monthly_rental_rate": "0.50000",
        "number": name,
        "number_type": "local",
        "region": "United States",
        "renewal_date": "2027-01-01",
        "resource_uri": f"/v1/Account/{auth_id}/Number/{name}/",
        "sms_enabled": True,
        "sms_rate": "0.00000",
        "sub_account": None,
        "type": "fixed",
        "voice_enabled": True,
        "voice_rate": "0.00550",
    }
    return console.show("number", plain)


def application_object(console: Console, name: str, *, auth_id: str) -> Plain | None:
    """``GET /Account/{auth_id}/Application/{app_id}/``."""
    if name != APPLICATION:
        return None
    url = console.webhook_url
    plain: Plain = {
        "answer_method": "POST",
        "answer_url": url,
        "app_id": name,
        "app_name": "Voice",
        "default_app": False,
        "default_endpoint_app": False,
        "enabled": True,
        "fallback_answer_url": url,
        "fallback_method": "POST",
        "hangup_method": "POST",
        "hangup_url": url,
        "log_incoming_messages": True,
        "message_method": "POST",
        "message_url": "",
        "public_uri": False,
        "resource_uri": f"/v1/Account/{auth_id}/Application/{name}/",
        "sip_uri": f"sip:{name}@app.plivo.com",
        "sub_account": None,
    }
    return console.show("application", plain)
