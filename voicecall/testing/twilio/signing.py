"""Requests as Twilio sends them: a form or a query, and the signature (Twilio, "Validating requests").

Written apart from the codec that verifies it; Twilio's own library has the last word in the tests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from voicecall.ports import HttpRequest

SIGNATURE = "x-twilio-signature"
IDEMPOTENCY = "i-twilio-idempotency-token"


def signed_request(method: Literal["POST", "GET"], url: str, fields: Mapping[str, str], *, token: str) -> HttpRequest:
    """One request, signed. Where the method is GET, the fields are added to the query."""
    text = urlencode(fields)
    headers = {"user-agent": "TwilioProxy/1.1", "accept": "*/*"}
    if method == "GET":
        if text:
            url += ("&" if urlsplit(url).query else "?") + text
        return HttpRequest(method=method, url=url, headers={**headers, SIGNATURE: _signature(url, {}, token)})
    headers |= {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        IDEMPOTENCY: hashlib.sha256(f"{url}\n{text}".encode()).hexdigest()[:36],
        SIGNATURE: _signature(url, fields, token),
    }
    return HttpRequest(method=method, url=url, headers=headers, body=text.encode())


def _signature(url: str, fields: Mapping[str, str], token: str) -> str:
    """Over https the port is left out of what is signed, over http it stays; a user and a password never count."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    host, colon, port = place.rpartition(":")
    if parts.scheme == "https" and colon and port.isdigit():
        place = host
    signed = urlunsplit(parts._replace(netloc=place, fragment=""))
    signed += "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode("ascii")
