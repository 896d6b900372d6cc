"""The account's balance, applications and numbers (Telnyx, "Balance", "Call Control Applications", "Phone Numbers")."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from voicecall.testing.console import Console
from voicecall.testing.telnyx import errors

CREATED = "2026-01-01T00:00:00.000Z"
Plain = dict[str, Any]


def balance(console: Console) -> Plain:
    """``GET /balance``."""
    plain: Plain = {
        "available_credit": "500.00",
        "balance": "300.00",
        "credit_limit": "200.00",
        "currency": "USD",
        "pending": "10.00",
        "record_type": "balance",
    }
    return {"data": console.show("account", plain)}


def application(console: Console, connection_id: str) -> Plain:
    """``GET /call_control_applications/{id}``. Raises ``TelnyxError``."""
    url = console.webhook_url or None
    plain: Plain = {
        "id": connection_id,
        "active": True,
        "anchorsite_override": "Latency",
        "application_name": "Voice",
        "call_cost_in_webhooks": False,
        "created_at": CREATED,
        "dtmf_type": "RFC 2833",
        "first_command_timeout": False,
        "first_command_timeout_secs": 30,
        "inbound": {
            "channel_limit": None,
            "shaken_stir_enabled": False,
            "sip_subdomain": None,
            "sip_subdomain_receive_settings": "from_anyone",
        },
        "outbound": {"channel_limit": None, "outbound_voice_profile_id": "1293384261075731499"},
        "record_type": "call_control_application",
        "redact_dtmf_debug_logging": False,
        "tags": [],
        "updated_at": CREATED,
        "webhook_api_version": "2",
        "webhook_event_failover_url": url,
        "webhook_event_url": url,
        "webhook_timeout_secs": 25,
    }
    shown = console.show("application", plain)
    if shown is None:
        raise errors.not_found()
    return {"data": shown}


def numbers(console: Console, query: str, *, connection_id: str) -> Plain:
    """``GET /phone_numbers``. A filter that holds anything but digits finds nothing."""
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    wanted = asked.get("filter[phone_number]", "")
    found = [one for one in console.numbers if not wanted or (wanted.isdigit() and wanted in one)]
    shown = [console.show("number", _number(one, index, connection_id)) for index, one in enumerate(found)]
    rows = [one for one in shown if one is not None]
    meta = {"page_number": 1, "page_size": 20, "total_pages": 1, "total_results": len(rows)}
    return {"data": rows, "meta": meta}


def _number(number: str, index: int, connection_id: str) -> Plain:
    return {
        "id": str(1293384261075731500 + index),
        "activated_at": CREATED,
        "billing_group_id": None,
        "call_forwarding_enabled": False,
        "call_recording_enabled": False,
        "caller_id_name_enabled": False,
        "cnam_listing_enabled": False,
        "connection_id": connection_id,
        "connection_name": "Voice",
        "country_iso_alpha2": "US",
        "created_at": CREATED,
        "customer_reference": None,
        "deletion_lock_enabled": False,
        "emergency_address_id": None,
        "emergency_enabled": False,
        "emergency_status": "disabled",
        "external_pin": None,
        "hd_voice_enabled": False,
        "inbound_call_screening": "disabled",
        "messaging_profile_id": None,
        "messaging_profile_name": None,
        "phone_number": number,
        "phone_number_type": "local",
        "purchased_at": CREATED,
        "record_type": "phone_number",
        "source_type": "number_order",
        "status": "active",
        "tags": [],
        "updated_at": CREATED,
    }
