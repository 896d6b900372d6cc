"""The URLs that Plivo is given: they carry whose call it is and where in its flow; V3 signatures cover them.

The fragment tells Plivo how patiently to ask (Plivo, "Callback timeouts and retries"); it is neither sent nor signed.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode

from voicecall.ports import Leg

FLOW_FRAGMENT = "#ct=2000&rt=10000&tt=20000&rc=5&rp=all"
"""A person waits for these answers, and we may be starting again at this moment."""
REPORT_FRAGMENT = "#rc=5&rp=all"

Flow = Literal["answer", "turn", "said", "wait", "silence", "stream", "asked", "fallback"]


def flow_url(leg: Leg, flow: Flow, **more: str | int) -> str:
    """Where Plivo asks what to do next, by POST."""
    query = {"callId": leg.call_id, "flow": flow, "n": leg.nonce, **more}
    return f"{leg.webhook_url}?{urlencode(query)}{FLOW_FRAGMENT}"


def report_url(leg: Leg, report: Literal["ring", "hangup", "amd"]) -> str:
    """Where Plivo tells what happened; the answer means nothing."""
    return f"{leg.webhook_url}?{urlencode({'callId': leg.call_id, 'report': report})}{REPORT_FRAGMENT}"
