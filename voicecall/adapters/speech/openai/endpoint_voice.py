"""Speaking through the speech endpoint: one HTTP request a clause, whose sound is played while it still comes.

The endpoint knows no μ-law: it sends PCM at 24 kHz, in chunks of any length.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx2
import numpy as np
import trio
from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI, omit

from voicecall.adapters.speech.beside import open_beside
from voicecall.adapters.speech.openai.encoding import PCM_RATE
from voicecall.adapters.speech.openai.fault import FINAL, VendorFault, quote
from voicecall.adapters.speech.openai.settings import Speaking
from voicecall.audio.g711 import RATE, ulaw_encode
from voicecall.audio.resample import Resampler

KEPT_ALIVE_S = 120.0
"""How long an unused connection stays: the usual 5 s would mean a TLS handshake in most turns."""
CONNECT_S = 5.0
CONNECTIONS = 1_000
CONNECTIONS_KEPT = 50


@asynccontextmanager
async def open_endpoint_voice(settings: Speaking) -> AsyncGenerator[EndpointVoice]:
    """A voice with connections of its own, which are closed with it."""
    limits = httpx2.Limits(
        max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS_KEPT, keepalive_expiry=KEPT_ALIVE_S
    )
    timeout = httpx2.Timeout(settings.timeout_s, connect=CONNECT_S)
    client = AsyncOpenAI(
        api_key=settings.api_key,
        base_url=settings.base_url,
        max_retries=0,
        timeout=timeout,
        http_client=httpx2.AsyncClient(limits=limits, timeout=timeout),
    )
    async with client:
        yield EndpointVoice(client, settings)


class EndpointVoice:
    """See ``voicecall.ports.Synthesizer``. The iterator raises ``VendorFault``; a request is never repeated."""

    def __init__(self, client: AsyncOpenAI, settings: Speaking) -> None:
        self._speech = client.audio.speech.with_streaming_response  # the package imports it now, not in the first call
        self._settings = settings

    def describe(self) -> str:
        """See ``Synthesizer.describe``."""
        return f"OpenAI {self._settings.model}, voice {self._settings.voice}"

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[bytes]]:
        """See ``Synthesizer.speak``."""
        async with open_beside() as nursery, aclosing(self._audio(clauses, nursery)) as audio:
            yield audio

    async def _audio(self, clauses: AsyncIterator[str], nursery: trio.Nursery) -> AsyncGenerator[bytes]:
        async for clause in clauses:
            if not clause.strip():
                continue
            sent, sound = trio.open_memory_channel[bytes | VendorFault](math.inf)
            nursery.start_soon(self._request, clause, sent)
            async for piece in sound:
                if isinstance(piece, VendorFault):
                    raise piece
                yield piece

    async def _request(self, text: str, sound: trio.MemorySendChannel[bytes | VendorFault]) -> None:
        """Read one clause's sound, however slowly it is played.

        A task of its own, which waits for nothing but the network: the packages' generators must not be left half read.
        """
        narrow = Resampler(PCM_RATE, RATE)
        sounded = False
        with sound:
            try:
                async with self._speech.create(
                    model=self._settings.model,
                    voice=self._settings.voice,
                    input=text,
                    instructions=self._settings.instructions or omit,
                    response_format="pcm",
                ) as response:
                    async for chunk in response.iter_bytes():
                        if piece := _to_ulaw(narrow.feed(chunk)):
                            sounded = True
                            sound.send_nowait(piece)
            except (APIError, httpx2.HTTPError) as error:
                sound.send_nowait(self._fault(error))
            else:
                missing = VendorFault("OpenAI speech: there was no sound in the answer")
                sound.send_nowait(_to_ulaw(narrow.flush()) if sounded else missing)

    def _fault(self, error: APIError | httpx2.HTTPError) -> VendorFault:
        """What went wrong. The endpoint's own words quote the text, or half a key: they are cut and cleaned."""
        cause = error.__cause__ if isinstance(error, APIConnectionError) and error.__cause__ else error
        if isinstance(error, APIStatusError):
            words = f"{error.status_code} {_message(error)}"
        elif isinstance(cause, httpx2.TimeoutException):
            words = f"no answer within {self._settings.timeout_s:g} s"
        else:
            words = f"{type(cause).__name__}: {cause}"
        status = error.status_code if isinstance(error, APIStatusError) else 0
        text = f"OpenAI speech: {quote(words, self._settings.api_key)}"
        return VendorFault(text, status=status, final=status in FINAL)


def _message(error: APIStatusError) -> str:
    """The vendor's own words, without the code and the braces that the package puts around them."""
    match error.body:
        case {"message": str(text)}:
            return text
        case _:
            return error.message


def _to_ulaw(pcm: bytes) -> bytes:
    return ulaw_encode(np.frombuffer(pcm, np.int16))
