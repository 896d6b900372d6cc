"""A carrier that signs the URL it was given, as real ones do, over the codec of the simulated network.

It stands for any carrier in tests of what is the same for all of them: which URL a signature is tried on.
"""

from __future__ import annotations

import hashlib
import hmac

from attrs import frozen

from tests.web.kit import SECRET
from voicecall.adapters.carriers.mock.codec import MockCarrier
from voicecall.events import Instant
from voicecall.ports import Account, BadSignature, HttpRequest

SIGNATURE = "x-url-signature"


@frozen(kw_only=True)
class UrlSigner(MockCarrier):
    """``X-Url-Signature`` is the hex HMAC-SHA256 of URL, line break, body. There is no timestamp and no nonce."""

    name: str = "twilio"
    required_headers: tuple[tuple[str, ...], ...] = ((SIGNATURE,),)

    def verify(self, request: HttpRequest, *, account: Account, now: Instant) -> None:
        given = request.headers.get(SIGNATURE, "").encode()
        if not hmac.compare_digest(given, seal(request.url, request.body, account.secrets["webhook"]).encode()):
            raise BadSignature(f"Invalid signature for URL: {request.url}")


def seal(url: str, body: bytes, secret: str = SECRET) -> str:
    """The signature of ``body`` sent to ``url``."""
    return hmac.new(secret.encode(), url.encode() + b"\n" + body, hashlib.sha256).hexdigest()


def sealed(url: str, body: bytes, **more: str) -> dict[str, str]:
    """Headers of a request that was signed for ``url``; underscores in names are dashes."""
    return {SIGNATURE: seal(url, body), **{name.replace("_", "-"): value for name, value in more.items()}}
