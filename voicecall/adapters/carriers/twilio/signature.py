"""Proof that a request comes from Twilio (Twilio, "Validating requests").

An HMAC over the URL that was requested and, for forms, over every field; keyed with the account's auth token. There is
no time in it: a captured request stays valid, so repeats are recognized by what they say (``inbound.py``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

from voicecall.ports import BadSignature, HttpRequest

SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"
ALGORITHMS = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}
PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
FORM = "application/x-www-form-urlencoded"


def verify(request: HttpRequest, *, token: str) -> None:
    """Raises ``BadSignature``. ``request.url`` is the public URL, as Twilio was given it."""
    if not token:
        raise BadSignature("no auth token is configured (twilio.authToken)")
    given = request.headers.get(SIGNATURE, "")
    if not given:
        raise BadSignature(f"{SIGNATURE}: the header is missing")
    algorithm = _algorithm(request.headers.get(SETTINGS, ""))
    fields = _signed_fields(request)
    try:
        urls = tuple(spellings(request.url))
    except ValueError as error:
        raise BadSignature(f"the URL cannot be read: {error}") from error
    for url in urls:
        expected = sign(url + fields, token, algorithm=algorithm)
        if hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode()):
            return
    raise BadSignature(f"{SIGNATURE}: the signature does not match the URL and the body")


def sign(text: str, token: str, *, algorithm: str = "HMAC_SHA1") -> str:
    """Base64 of the HMAC of ``text``, the URL and the fields behind it."""
    digest = hmac.new(token.encode(), text.encode("utf-8", "surrogatepass"), ALGORITHMS[algorithm]).digest()
    return base64.b64encode(digest).decode("ascii")


def form_text(body: str) -> str:
    """The fields of a form as they are signed: sorted by name, each distinct value of a name once, values sorted."""
    fields: dict[str, set[str]] = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        fields.setdefault(name, set()).add(value)
    return "".join(name + value for name in sorted(fields) for value in sorted(fields[name]))


def spellings(url: str) -> Iterator[str]:
    """The ways in which Twilio may have written the URL it signed: as it is, without and with its scheme's usual port,
    and for a media socket with a slash at the end. A port that is not the usual one is never exchanged."""
    parts = urlsplit(url)._replace(fragment="")
    yield from dict.fromkeys(
        urlunsplit(parts._replace(netloc=place, path=path))
        for path in _paths(parts.scheme, parts.path)
        for place in _places(parts.scheme, parts.netloc)
    )


def _paths(scheme: str, path: str) -> Iterator[str]:
    yield path
    if scheme in ("ws", "wss") and not path.endswith("/"):
        yield path + "/"


def _places(scheme: str, netloc: str) -> Iterator[str]:
    place = netloc.rpartition("@")[2]
    host, colon, port = place.rpartition(":")
    usual = PORTS.get(scheme)
    yield place
    if colon and port.isascii() and port.isdigit() and len(port) <= 5:
        # Calls over https are signed without the port, whichever it is.
        if scheme in ("https", "wss") or int(port) == usual:
            yield host
    elif usual:
        yield f"{place}:{usual}"


def _algorithm(settings: str) -> str:
    for part in settings.split(","):
        name, _, value = part.strip().partition("=")
        if name == "algorithm":
            if value not in ALGORITHMS:
                raise BadSignature(f"{SETTINGS}: unknown algorithm")
            return value
    return "HMAC_SHA1"


def _signed_fields(request: HttpRequest) -> str:
    if request.method == "GET" or not request.body:
        return ""
    digest = parse_qs(urlsplit(request.url).query).get("bodySHA256", [""])[-1]
    if digest:
        if not hmac.compare_digest(hashlib.sha256(request.body).hexdigest(), digest):
            raise BadSignature("bodySHA256: the hash in the URL is not the body's")
        return ""
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadSignature("the body is not UTF-8") from error
    if FORM not in request.headers.get("content-type", FORM):
        raise BadSignature("bodySHA256: missing from the URL of a request that is not a form")
    return form_text(text)
