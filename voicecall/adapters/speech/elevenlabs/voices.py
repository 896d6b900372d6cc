"""A voice by its name: the vendor's API wants ids, people remember names.

The names of stock voices go on behind a dash ("Roger - Laid-Back, Casual"); what stands before it is enough.
https://elevenlabs.io/docs/api-reference/voices/search
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeVar

import httpx

from voicecall.adapters.speech.elevenlabs.failures import Misconfigured, failure, refusal
from voicecall.adapters.speech.elevenlabs.keys import VoiceKeys

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs
    from elevenlabs.core.request_options import RequestOptions

READ_S = 10.0
"""Between two pieces of an answer."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Hosts that no proxy of the environment is asked for."""
PAGE, PAGES = 100, 20
"""Voices on a page, the most that the vendor gives; and how many pages are read."""
NEAREST, SHOWN = 3, 8
ID = re.compile(r"[A-Za-z0-9]{20}")
Answer = TypeVar("Answer")


def wanted(keys: VoiceKeys) -> str:
    """The name or the id that the configuration gives."""
    return keys.voice or keys.voice_id


def is_name(voice: str) -> bool:
    """Whether this is no id."""
    return ID.fullmatch(voice) is None


@asynccontextmanager
async def open_client(keys: VoiceKeys) -> AsyncGenerator[AsyncElevenLabs]:
    """The vendor's client over an HTTP client of our own, closed on leaving. It is told not to try again."""
    from elevenlabs.client import AsyncElevenLabs

    timeout = httpx.Timeout(READ_S, connect=5.0)
    limits = httpx.Limits(max_connections=256, max_keepalive_connections=32, keepalive_expiry=120)
    direct = {f"all://{host}": None for host in LOOPBACK}
    async with httpx.AsyncClient(timeout=timeout, limits=limits, follow_redirects=False, mounts=direct) as http:
        yield AsyncElevenLabs(base_url=keys.base_url.rstrip("/"), api_key=_secret(keys), httpx_client=http)


async def find_voice(client: AsyncElevenLabs, keys: VoiceKeys) -> str:
    """The id of the voice that ``keys`` name. Raises ``Misconfigured`` with the nearest names, ``ElevenLabsFailed``."""
    names = await _names(client, keys)
    voice = match(wanted(keys), names)
    if voice is None:
        raise Misconfigured(_unknown(keys, [name for name, _ in names]))
    return voice


async def name_of(client: AsyncElevenLabs, keys: VoiceKeys) -> str:
    """What the voice of this id is called. Raises ``ElevenLabsFailed``: there is none, the key is refused."""
    voice = await _asked(client.voices.get(wanted(keys), request_options=_once()), keys)
    return str(getattr(voice, "name", None) or wanted(keys))


def match(name: str, names: Sequence[tuple[str, str]]) -> str | None:
    """The id that belongs to a name, among ``(name, id)``: the whole name, else what stands before the dash."""
    for short in (False, True):
        for known, voice in names:
            if _plain(known, short=short) == _plain(name):
                return voice
    return None


async def _names(client: AsyncElevenLabs, keys: VoiceKeys) -> list[tuple[str, str]]:
    """Every voice of the account, ``(name, id)``."""
    names: list[tuple[str, str]] = []
    token: str | None = None
    for _ in range(PAGES):
        search = client.voices.search(page_size=PAGE, next_page_token=token, request_options=_once())
        page = await _asked(search, keys)
        names += [(str(getattr(one, "name", None) or ""), one.voice_id) for one in page.voices]
        token = page.next_page_token
        if not (page.has_more and token):
            break
    return names


async def _asked(answer: Awaitable[Answer], keys: VoiceKeys) -> Answer:
    from elevenlabs.core.api_error import ApiError

    try:
        return await answer
    except ApiError as error:
        raise refusal(error.status_code or 0, error.body, secret=_secret(keys)) from None
    except httpx.HTTPError as error:
        raise failure(f"{type(error).__name__} {error}".strip(), secret=_secret(keys)) from error


def _unknown(keys: VoiceKeys, names: Sequence[str]) -> str:
    name, setting = wanted(keys), "voice" if keys.voice else "voiceId"
    by_plain = {_plain(one, short=True): one.partition(" - ")[0] for one in names if one}
    near = [by_plain[one] for one in get_close_matches(_plain(name), by_plain, n=NEAREST, cutoff=0.5)]
    hint = f"did you mean {_listed(near)}?" if near else f"there are {_listed(sorted(by_plain.values())[:SHOWN])}"
    return f'tts.providers.elevenlabs.{setting}: the account has no voice "{name}"; {hint}'


def _listed(names: Sequence[str]) -> str:
    return " or ".join(f'"{name}"' for name in names) or "none at all: add one at elevenlabs.io"


def _plain(name: str, *, short: bool = False) -> str:
    return " ".join((name.partition(" - ")[0] if short else name).lower().split())


def _once() -> RequestOptions:
    return {"max_retries": 0}


def _secret(keys: VoiceKeys) -> str:
    return keys.api_key.reveal() if keys.api_key else ""
