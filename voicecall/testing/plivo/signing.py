"""Requests as Plivo sends them: a form or a query, a nonce, signatures (Plivo, "Signature validation").

Written apart from the codec that verifies them; Plivo's own library has the last word in the tests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import field, frozen

from voicecall.ports import HttpRequest

V3, MA_V3, V3_NONCE = "x-plivo-signature-v3", "x-plivo-signature-ma-v3", "x-plivo-signature-v3-nonce"
V2, MA_V2, V2_NONCE = "x-plivo-signature-v2", "x-plivo-signature-ma-v2", "x-plivo-signature-v2-nonce"
SIGNATURES = (V3, MA_V3, V2, MA_V2)


@frozen(kw_only=True)
class Signer:
    """Signs with the account's token, by the schemes that it uses: ``v3``, ``v2`` or both."""

    token: str = field(repr=False)
    schemes: frozenset[str]

    def request(
        self, method: Literal["POST", "GET"], url: str, fields: Mapping[str, str], *, nonce: str
    ) -> HttpRequest:
        """One request. Where the method is GET, the fields are added to the query."""
        body = b""
        headers = {"user-agent": "PlivoServer/1.0", "accept": "*/*"}
        if method == "POST":
            headers["content-type"] = "application/x-www-form-urlencoded; charset=UTF-8"
            body = urlencode(fields).encode()
        elif fields:
            url += ("&" if urlsplit(url).query else "?") + urlencode(fields)
        proof = self._proof(url, fields if method == "POST" else {}, nonce)
        return HttpRequest(method=method, url=url, headers={**headers, **proof}, body=body)

    def _proof(self, url: str, form: Mapping[str, str], nonce: str) -> dict[str, str]:
        headers: dict[str, str] = {}
        if "v3" in self.schemes:
            proof = self._hash(f"{signed_text(url, form)}.{nonce}")
            headers |= {V3: proof, MA_V3: proof, V3_NONCE: nonce}
        if "v2" in self.schemes:
            proof = self._hash(url.partition("?")[0] + nonce)
            headers |= {V2: proof, MA_V2: proof, V2_NONCE: nonce}
        return headers

    def _hash(self, text: str) -> str:
        return base64.b64encode(hmac.new(self.token.encode(), text.encode(), hashlib.sha256).digest()).decode("ascii")


def signed_text(url: str, form: Mapping[str, str]) -> str:
    """The URL, its parameters decoded and in order, and the fields of a form in order, with nothing between them."""
    base, _, query = url.partition("?")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    parts = ["&".join(f"{name}={value}" for name, value in pairs), "".join(name + form[name] for name in sorted(form))]
    told = ".".join(part for part in parts if part)
    return f"{base}?{told}" if told else base
