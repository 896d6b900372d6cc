"""Why there is no reply, in words that hold no secret."""

from __future__ import annotations

import pytest

from voicecall.adapters.agents.openai.failing import LONGEST, cause, refusal, without_keys

FIX = "agent.providers.openai.apiKey"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"code": "limit", "type": "tokens", "message": "Wait  a\nbit."}, "limit: Wait a bit."),
        ({"code": None, "type": "server_error", "message": ""}, "server_error"),
        ({"message": "Odd."}, "Odd."),
        ({}, "no reason given"),
        (None, "no reason given"),
        ("plain text", "plain text"),
    ],
)  # fmt: skip
def test_a_cause_is_code_and_message(error: object, said: str) -> None:
    assert cause(error) == said


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, {"code": "invalid_api_key", "message": "Wrong: abc"}, f"401 Unauthorized: invalid_api_key; check {FIX}"),
        (403, "no entry with abc", f"403 Forbidden; check {FIX}"),
        (404, {"code": "model_not_found", "message": "No gpt-x."}, "404 Not Found: model_not_found: No gpt-x."),
        (429, {"type": "requests", "message": "Slow."}, "429 Too Many Requests: requests: Slow."),
        (529, "overloaded", "529: overloaded"),
    ],
)  # fmt: skip
def test_a_refusal_says_its_status(status: int, body: object, said: str) -> None:
    assert refusal(status, body, fix=FIX) == said


def test_what_looks_like_a_key_is_not_repeated() -> None:
    said = without_keys("sk-proj-abcd1234**** and Bearer abcdef; key_1234567 but keyboards and risk-free")
    assert said == "******** and ********; ******** but keyboards and risk-free"
    assert len(without_keys("x" * 1_000)) == LONGEST + 1
