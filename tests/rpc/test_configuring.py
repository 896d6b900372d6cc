"""``voicecall.config.update`` and ``.reload``: what counts from now on, what waits, and every reason why not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rpc.stage import LISTENER, Stage, play
from voicecall.config import parse
from voicecall.config.current import Source
from voicecall.events.facts import CallPlaced
from voicecall.rpc.protocol import INVALID_PARAMS, REFUSED, RpcError

BASE: dict[str, Any] = {"provider": "mock", "maxConcurrentCalls": 8}
UPDATE, RELOAD = "voicecall.config.update", "voicecall.config.reload"


async def update(stage: Stage, config: object, name: str = "u1") -> dict[str, Any]:
    return await stage.methods.call(UPDATE, {"config": config, "requestId": name, "by": "test"})


def test_what_may_change_counts_for_the_next_call_and_the_rest_is_named() -> None:
    async def story(stage: Stage) -> None:
        changed = {**BASE, "toNumber": LISTENER, "outbound": {"defaultMode": "conversation"}, "serve": {"port": 4000}}
        assert await update(stage, changed) == {
            "applied": ["toNumber", "outbound.defaultMode"],
            "needsRestart": ["serve.port"],
        }
        placed = await stage.methods.call("voicecall.initiate", {"message": "Hello.", "requestId": "r1"})
        _, placing, *_ = await stage.system.entries(placed["callId"])
        assert isinstance(placing.event, CallPlaced)
        assert (placing.event.callee, placing.event.policy.mode) == (LISTENER, "conversation")

    play(story)


def test_the_gateways_whole_configuration_is_understood() -> None:
    async def story(stage: Stage) -> None:
        block = {**BASE, "inboundGreeting": "Welcome."}
        whole = {"plugins": {"entries": {"voice-call": {"enabled": True, "config": block}}}}
        assert (await update(stage, whole))["applied"] == ["inboundGreeting"]

    play(story)


def test_an_unusable_configuration_changes_nothing_and_says_every_reason() -> None:
    async def story(stage: Stage) -> None:
        before = stage.methods.config
        wrong = {**BASE, "inboundGreeting": "Welcome.", "maxConcurrentCals": 1, "serve": {"port": "x"}}
        with pytest.raises(RpcError) as caught:
            await update(stage, wrong)
        error = caught.value
        assert error.code == INVALID_PARAMS
        assert error.message.startswith("config: nothing was changed:\n")
        data = dict(error.data or {})
        assert (data["code"], data["field"]) == ("INVALID_REQUEST", "config")
        assert [one["path"] for one in data["problems"]] == ["serve.port", "maxConcurrentCals"]
        assert all(one["message"] in error.message for one in data["problems"])
        assert stage.methods.config is before
        assert (await update(stage, {**BASE, "inboundGreeting": "Welcome."}))["applied"] == ["inboundGreeting"], (
            "the name of a request that was refused may be used again"
        )

    play(story)


@pytest.mark.parametrize("config", ["x", [], 5])
def test_what_is_no_object_is_refused(config: object) -> None:
    async def story(stage: Stage) -> None:
        with pytest.raises(RpcError, match="config: expected an object"):
            await update(stage, config)

    play(story)


def test_a_request_has_a_name_and_its_repeat_gets_the_first_answer() -> None:
    async def story(stage: Stage) -> None:
        with pytest.raises(RpcError, match="requestId required"):
            await stage.methods.call(UPDATE, {"config": BASE})
        changed = {**BASE, "toNumber": LISTENER}
        first = await update(stage, changed)
        assert first["applied"] == ["toNumber"]
        assert await update(stage, changed) == first
        assert (await update(stage, changed, "u2"))["applied"] == []

    play(story)


def test_a_server_reads_its_own_file_again_if_it_has_one() -> None:
    async def story(stage: Stage) -> None:
        with pytest.raises(RpcError, match="started without a configuration file") as caught:
            await stage.methods.call(RELOAD, {"requestId": "r1"})
        assert caught.value.code == REFUSED
        configuring = stage.methods.configuring
        configuring.source = Source(
            interpret=configuring.source.interpret, reread=lambda: parse({**BASE, "toNumber": LISTENER}, {})
        )
        assert (await stage.methods.call(RELOAD, {"requestId": "r2"}))["applied"] == ["toNumber"]

    play(story)
