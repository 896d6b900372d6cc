"""``why-signature``: which address a refused webhook was signed for, from what the server kept or from a saved request.

Only a saved request can be checked again: of a refused one the server keeps the outline, without body and signature,
and what came of every address at the time.
"""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Any, cast

import msgspec
import trio
from attrs import frozen

from voicecall.accounts import account_of
from voicecall.assembly import carrier_of
from voicecall.cli.place import Place, fail, print_json, wants_json
from voicecall.config import Config, ConfigError, default_config, load
from voicecall.events import Instant
from voicecall.ports import HttpRequest
from voicecall.system import wall_clock
from voicecall.web.diagnosis import Proof, advice, everything
from voicecall.web.exposure import base_url, exposure_of
from voicecall.web.lessons import Lessons
from voicecall.web.refused_log import RefusedRequest, Verdict, read_refused

DESCRIBED = "docs/webhooks.md describes the form"


class CannotTell(Exception):
    """There is nothing to explain. The text says what to do."""


class SavedRequest(msgspec.Struct, rename="camel", kw_only=True):
    """A raw request as people save one. ``at`` is when it came, in milliseconds since the epoch; 0 is now."""

    url: str
    method: str = "POST"
    headers: dict[str, str] = {}
    body: str = ""
    body_base64: str = ""
    peer: str = "127.0.0.1"
    at: int = 0


@frozen(kw_only=True)
class Explained:
    """``passes`` is None for what was refused in the past."""

    about: dict[str, Any]
    verdicts: tuple[Verdict, ...]
    advice: str
    passes: bool | None = None


def why_signature(place: Place, which: str, *, json: bool) -> int:
    """0 when there is an explanation, for a saved request only when it would pass; else 1."""
    try:
        told = _kept(place, which) if re.fullmatch(r"last|r\d+", which) else _saved(place, Path(which))
    except (CannotTell, ConfigError) as error:
        return fail(str(error))
    if wants_json(json=json):
        print_json(_plain(told))
    else:
        _show(told)
    return 1 if told.passes is False else 0


# --- what the server kept --------------------------------------------------------------------------------------------


def _kept(place: Place, which: str) -> Explained:
    path = place.state / "refused.jsonl"
    kept = read_refused(path)
    if not kept:
        raise CannotTell(f"no refused request is kept at {path}: none was refused, or name another --state")
    if which == "last":
        # Strangers who try the door without any signature are no news while there is a better one.
        found = next((one for one in reversed(kept) if one.reason == "signature"), kept[-1])
    else:
        found = next((one for one in kept if one.id == which), None)
    if found is None:
        ids = " ".join(one.id for one in kept[-10:])
        raise CannotTell(f"{which}: not among the last {len(kept)} refused requests; the newest are {ids}")
    return Explained(about=_about(found), verdicts=found.verdicts, advice=_advice(found))


def _about(refused: RefusedRequest) -> dict[str, Any]:
    return {
        "id": refused.id,
        "at": refused.last,
        "times": refused.times,
        "carrier": refused.carrier,
        "status": refused.status,
        "reason": refused.reason,
        "why": refused.why,
        "method": refused.method,
        "url": refused.url,
        "peer": refused.peer,
        "client": refused.client,
        "headers": refused.headers,
        "bodyBytes": refused.body_bytes,
        "bodySha256": refused.body_sha256,
    }


def _advice(refused: RefusedRequest) -> str:
    match refused.reason:
        case "signature" if refused.examined:
            return advice(refused.verdicts)
        case "signature":
            return "other addresses were not tried: too many requests were refused at once, or this one was too large"
        case "headers":
            return (
                f"the request was not signed: {refused.why}; another sender than {refused.carrier}, or a proxy drops it"
            )
        case "method":
            return f"the carrier sends {refused.method}: set this webhook to POST in the carrier's console"
        case "path":
            return f"the request missed the webhook's path: {refused.why}"
        case "call":
            return f"{_let_in(refused)}, but the call is unknown: {refused.why} is not in the journal, so {_GONE}"
        case "format":
            return f"{_let_in(refused)}, but what was said is not understood: {refused.why}"
        case _ if any(one.matches for one in refused.verdicts):
            return f"{_let_in(refused)}; it was refused for another reason: {refused.reason} {refused.why}".rstrip()
        case _:
            return f"the signature was not looked at: {refused.reason} {refused.why}".rstrip()


def _let_in(refused: RefusedRequest) -> str:
    right = any(one.matches for one in refused.verdicts)
    return "the signature was right" if right else "the request was let in without proof, as the configuration says"


_GONE = (
    "another server of this account placed the call, its journal was erased, or this server uses another --state; "
    "the carrier was answered 200, with a hang-up where it asked what to do"
)


# --- a saved request -------------------------------------------------------------------------------------------------


def _saved(place: Place, path: Path) -> Explained:
    saved = _read(path)
    config = load(place.config, place.environment) if place.config else default_config(place.environment)
    request = _request(saved, path)
    base = base_url(config, config.serve.port)
    exposure = exposure_of(config, known=lambda: base + config.serve.path)
    account = account_of(config, mock_secret=_mock_secret(config, place.state))
    proof = Proof(
        carrier=carrier_of(config.provider),
        account=Lessons(place.state / "lessons.json").recall(config.provider, account),
        now=Instant(saved.at) if saved.at else _now(),
    )
    verdicts = tuple(
        proof.judge(request, candidate, believed=believed) for candidate, believed in everything(exposure, request)
    )
    about = {"file": str(path), "carrier": config.provider, "method": request.method, "url": request.url}
    passes = any(one.matches and one.believed for one in verdicts)
    return Explained(about=about, verdicts=verdicts, advice=advice(verdicts), passes=passes)


def _read(path: Path) -> SavedRequest:
    try:
        return msgspec.json.decode(path.read_bytes(), type=SavedRequest)
    except FileNotFoundError:
        raise CannotTell(f'{path}: no such file, and neither "last" nor the id of a refused request (r12)') from None
    except OSError as error:
        raise CannotTell(f"{path}: cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise CannotTell(f"{path}: not a saved request: {error}; {DESCRIBED}") from None


def _request(saved: SavedRequest, path: Path) -> HttpRequest:
    headers = {name.lower(): value for name, value in saved.headers.items()}
    url = saved.url
    if url.startswith("/"):
        url = f"http://{headers.get('host', 'localhost')}{url}"
    elif not url.startswith(("http://", "https://")):
        raise CannotTell(f'{path}: url: expected a whole URL, or one from its "/" on; {DESCRIBED}')
    if saved.body and saved.body_base64:
        raise CannotTell(f"{path}: body, bodyBase64: expected one of them; {DESCRIBED}")
    try:
        body = base64.b64decode(saved.body_base64, validate=True) if saved.body_base64 else saved.body.encode()
    except (binascii.Error, ValueError):
        raise CannotTell(f"{path}: bodyBase64: expected base64; {DESCRIBED}") from None
    return HttpRequest(method=saved.method.upper(), url=url, headers=headers, body=body, peer=saved.peer)


def _mock_secret(config: Config, state: Path) -> str:
    """The simulated network's key, which only a server makes."""
    if config.provider != "mock":
        return ""
    if config.mock.secret:
        return config.mock.secret.reveal()
    try:
        return (state / "mock.key").read_text(encoding="ascii").strip()
    except OSError:
        raise CannotTell(
            f"mock.secret: not set, and no server has made one in {state}; set it or name a --state"
        ) from None


def _now() -> Instant:
    async def read() -> Instant:
        return wall_clock()()

    return trio.run(read)


# --- telling ---------------------------------------------------------------------------------------------------------


def _plain(told: Explained) -> dict[str, Any]:
    right = next((one.url for one in told.verdicts if one.matches), None)
    passes = {} if told.passes is None else {"passes": told.passes}
    rows = [
        {"url": one.url, "source": one.source, "believed": one.believed, "matches": one.matches, "why": one.why}
        for one in told.verdicts
    ]
    return {**told.about, **passes, "matched": right, "advice": told.advice, "candidates": rows}


def _show(told: Explained) -> None:
    from rich.table import Table
    from rich.text import Text

    from voicecall.cli.rendering import moment, show

    about = Table.grid(padding=(0, 2))
    about.add_column(style="dim")
    about.add_column()
    for name, value in told.about.items():
        match name, value:
            case "at", int():
                about.add_row(name, moment(value))
            case "headers", dict():
                lines = (f"{header}: {content}" for header, content in cast("dict[str, str]", value).items())
                about.add_row(name, Text("\n".join(lines)))
            case _:
                about.add_row(name, Text(str(value)))
    tried = Table("", "signed for", "named by", "believed", box=None, header_style="dim", padding=(0, 2))
    for one in told.verdicts:
        mark = Text("✓", "bold green") if one.matches else Text("✗", "red")
        tried.add_row(mark, Text(one.url, overflow="fold"), Text(one.source), "yes" if one.believed else "no")
    show(about, *((tried,) if told.verdicts else ()), Text(told.advice, "bold"))
