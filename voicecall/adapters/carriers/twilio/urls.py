"""The URLs that Twilio is given: they carry whose call it is and where in its flow, under Twilio's signature.

The fragment tells Twilio how patiently to ask (Twilio, "Connection overrides"); it is neither sent nor signed.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode

from voicecall.ports import Leg

FLOW_FRAGMENT = "#ct=2000&rt=10000&tt=15000&rc=5&rp=all"
"""A person waits for these answers, and we may be starting again at this moment."""
REPORT_FRAGMENT = "#rc=5&rp=all"

Flow = Literal["answer", "turn", "said", "wait", "stream", "asked", "fallback"]


def flow_url(leg: Leg, flow: Flow, **more: str | int) -> str:
    """Where Twilio asks what to do next. Without a form's ``Method`` it posts."""
    query = {"callId": leg.call_id, "flow": flow, "n": leg.nonce, **more}
    return f"{leg.webhook_url}?{urlencode(query)}{FLOW_FRAGMENT}"


def report_url(leg: Leg, report: Literal["status", "amd"]) -> str:
    """Where Twilio tells what happened; the answer means nothing."""
    return f"{leg.webhook_url}?{urlencode({'callId': leg.call_id, 'report': report})}{REPORT_FRAGMENT}"
