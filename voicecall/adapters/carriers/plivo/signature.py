"""Proof that a request comes from Plivo (Plivo, "Signature validation"): V3 over URL, query and form; V2 over the URL.

V2 protects neither query nor body, so it never stands in for a V3 that is there and wrong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, parse_qsl, urlsplit

from voicecall.ports import BadSignature, HttpRequest

V3 = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")
V3_NONCE = "x-plivo-signature-v3-nonce"
V2 = ("x-plivo-signature-v2", "x-plivo-signature-ma-v2")
V2_NONCE = "x-plivo-signature-v2-nonce"


def has_v3(request: HttpRequest) -> bool:
    """Whether the request claims a V3 signature."""
    return any(name in request.headers for name in (*V3, V3_NONCE))


def verify(request: HttpRequest, *, token: str, accepted: str) -> None:
    """Raises ``BadSignature``. ``accepted``: ``v3``, ``v2``, or ``auto``, which takes V2 where no V3 is claimed."""
    if not token:
        raise BadSignature("no auth token is configured (plivo.authToken)")
    if accepted != "v2" and (has_v3(request) or accepted == "v3"):
        names, nonce_name, text = V3, V3_NONCE, signed_v3
    else:
        names, nonce_name, text = V2, V2_NONCE, signed_v2
    nonce = request.headers.get(nonce_name, "")
    given = [request.headers[name] for name in names if request.headers.get(name)]
    if not nonce or not given:
        raise BadSignature(f"{nonce_name if not nonce else names[0]}: the header is missing")
    try:
        expected = sign(text(request, nonce), token).encode()
    except ValueError as error:
        raise BadSignature(f"the URL or the body cannot be read: {error}") from error
    many = names is V3
    for header in given:
        for one in header.split(",") if many else [header]:
            signature = one.strip() if many else one
            if hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), expected):
                return
    raise BadSignature(f"{names[0]}: the signature does not match the URL" + (" and the body" if many else ""))


def sign(text: str, token: str) -> str:
    """Base64 of HMAC-SHA256."""
    digest = hmac.new(token.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")


def signed_v2(request: HttpRequest, nonce: str) -> str:
    """The text that a V2 signature covers."""
    return _base(request.url) + nonce


def signed_v3(request: HttpRequest, nonce: str) -> str:
    """The text that a V3 signature covers. Raises ``ValueError`` for what is no URL or no text."""
    query = _sorted_query(urlsplit(request.url).query)
    fields = "" if request.method == "GET" else _sorted_fields(request.body)
    text = _base(request.url)
    if query:
        text += f"?{query}"
    if fields:
        text += f".{fields}" if query else f"?{fields}"
    return f"{text}.{nonce}"


def _base(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _sorted_query(query: str) -> str:
    fields = parse_qs(query, keep_blank_values=True)
    return "&".join(f"{name}={value}" for name in sorted(fields) for value in sorted(fields[name]))


def _sorted_fields(body: bytes) -> str:
    return "".join(name + value for name, value in sorted(parse_qsl(body.decode("utf-8"), keep_blank_values=True)))
