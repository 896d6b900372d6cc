"""The simulated model speaks as the real one: the openai package reads it, and its types know every part."""

from __future__ import annotations

from typing import Any

import openai
import pytest
import trio
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from tests.adapters.agents.openai.kit import play
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_text import Answer, Call, TextVendor
from voicecall.testing.vendors.openai_text_wire import chat, responses

ANSWER = Answer(text="It is ten.\n", reasoning="Hm, hm.", calls=(Call("look_up", '{"day": "Monday"}'), Call("hang_up")))
CHUNKS = TypeAdapter(ChatCompletionChunk)
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def data(event: str) -> str:
    return event.split("data: ", 1)[1].strip()


@pytest.mark.parametrize("answer", [ANSWER, Answer(text="No.", breaks="filter"), Answer()])
def test_the_packages_types_know_every_event(answer: Answer) -> None:
    *chunks, done = [data(event) for _, event in chat(answer, "gpt-test")]
    for chunk in chunks:
        read = CHUNKS.validate_json(chunk)
        known = {"reasoning_content"} if "reasoning_content" in chunk else set()
        assert set(read.choices[0].delta.model_extra or {}) == known
        assert not read.model_extra
    assert done == "[DONE]"
    kinds: list[str] = []
    for _, event in responses(answer, "gpt-test"):
        read = EVENTS.validate_json(data(event))
        kinds.append(read.type)
        assert event.startswith(f"event: {read.type}\n")
        assert not read.model_extra
    assert kinds[0] == "response.created"
    assert kinds[-1] == ("response.incomplete" if answer.breaks else "response.completed")


def test_the_package_reads_a_whole_response() -> None:
    async def story() -> None:
        vendor = TextVendor(ANSWER)
        async with (
            open_vendor(vendor.app) as url,
            openai.AsyncOpenAI(api_key=vendor.key, base_url=f"{url}/v1", max_retries=0) as client,
            client.responses.stream(model="gpt-test", input="What time is it?") as stream,
        ):
            final = await stream.get_final_response()
            assert final.output_text == ANSWER.text
            calls = [(one.name, one.arguments) for one in final.output if one.type == "function_call"]
            assert calls == [(one.name, one.arguments) for one in ANSWER.calls]

    play(story)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(status=400, code="invalid_value"), openai.BadRequestError),
        (Answer(status=404, code="model_not_found"), openai.NotFoundError),
        (Answer(status=429, code="insufficient_quota"), openai.RateLimitError),
        (Answer(status=503), openai.InternalServerError),
    ],
)
def test_the_package_understands_a_refusal(answer: Answer, kind: type[openai.APIStatusError]) -> None:
    async def story() -> None:
        vendor = TextVendor(answer)
        async with (
            open_vendor(vendor.app) as url,
            openai.AsyncOpenAI(api_key=vendor.key, base_url=f"{url}/v1", max_retries=0) as client,
        ):
            with pytest.raises(kind) as caught:
                await client.responses.create(model="gpt-test", input="Hello?")
            assert (caught.value.code, caught.value.status_code) == (answer.code, answer.status)

    play(story)


def test_a_wrong_key_is_refused_and_quoted() -> None:
    async def story() -> None:
        vendor = TextVendor(ANSWER)
        async with (
            open_vendor(vendor.app) as url,
            openai.AsyncOpenAI(api_key="sk-wrong", base_url=f"{url}/v1", max_retries=0) as client,
        ):
            with pytest.raises(openai.AuthenticationError, match="sk-wrong"):
                await client.chat.completions.create(model="gpt-test", messages=[{"role": "user", "content": "Hi"}])

    play(story)


def test_answers_are_given_in_order_and_the_last_one_again() -> None:
    async def story() -> None:
        vendor = TextVendor(Answer(text="One."), Answer(text="Two."))
        async with (
            open_vendor(vendor.app) as url,
            openai.AsyncOpenAI(api_key=vendor.key, base_url=f"{url}/v1", max_retries=0) as client,
        ):
            heard: list[str] = []
            for _ in range(3):
                async with client.responses.stream(model="gpt-test", input="And?") as stream:
                    heard.append((await stream.get_final_response()).output_text)
            assert heard == ["One.", "Two.", "Two."]
            assert [asked.body["input"] for asked in vendor.asked] == ["And?"] * 3
            with trio.fail_after(10):
                await vendor.asked[-1].over.wait()

    play(story)
