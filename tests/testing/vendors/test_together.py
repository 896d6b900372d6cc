"""All simulated vendors behind one address, where any key is good and a model follows each conversation by itself."""

from __future__ import annotations

import socket
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import httpx
import pytest
import trio

from voicecall.testing.vendors.__main__ import main
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_text import Answer
from voicecall.testing.vendors.together import vendors_app

REPLIES = ("First.", "Second.", "Third.")


async def status(url: str, key: str, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """What a request is answered."""
    headers = {"authorization": f"Bearer {key}", "xi-api-key": key} if key else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        answer = await client.post(path, json=body)
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("path", "messages", "said"),
    [("/v1/chat/completions", "messages", '"content": "%s"'), ("/v1/responses", "input", '"text": "%s"')],
)
def test_a_conversation_is_answered_turn_by_turn_whoever_asked_before(path: str, messages: str, said: str) -> None:
    async def story() -> None:
        async with open_vendor(vendors_app([Answer(text=one) for one in REPLIES])) as url:
            for turns, reply in ((2, REPLIES[1]), (1, REPLIES[0]), (3, REPLIES[2]), (7, REPLIES[2])):
                talk = [{"role": role, "content": "x"} for role in ("assistant", "user")] * turns
                body = {"model": "m", "stream": True, messages: [{"role": "system", "content": "x"}, *talk]}
                code, text = await status(url, "any", path, body)
                assert (code, [one for one in REPLIES if said % one in text]) == (200, [reply])

    trio.run(story)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "x"}]}),
        ("/v1/audio/speech", {"model": "tts-1", "input": "Hi.", "voice": "alloy", "response_format": "pcm"}),
        ("/v1/text-to-speech/anybody/stream/with-timestamps?output_format=ulaw_8000", {"text": "Hi."}),
    ],
)
def test_any_key_is_good_and_none_is_not(path: str, body: dict[str, Any]) -> None:
    async def story() -> None:
        async with open_vendor(vendors_app([Answer(text="Hello.")], first_sound_s=0)) as url:
            codes = [(await status(url, key, path, body))[0] for key in ("sk-whatever", "none", "")]
            assert codes == [200, 200, 401]

    trio.run(story)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            code = main(["--port", str(port)])
    assert (code, out.getvalue()) == (1, "")
    assert err.getvalue().startswith(f"--port: cannot listen on 127.0.0.1:{port} (")
