"""Which keys may change while the system runs, and what becomes of the others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.cases import CASES, NUMBER, PROVIDER, Case
from tests.config.test_every_key import at, look_up
from voicecall.config import Config, parse
from voicecall.config.current import Current, merge
from voicecall.config.keys import walk

LIVE = {row.path for row in walk(Config) if row.key.live}
CHOSEN = {NUMBER: "numbers.<E.164>", PROVIDER: "agent.providers.<id>"}
US = "+15550001234"


def config(**keys: Any) -> Config:
    return parse(keys, {})


def row_of(case: Case) -> str:
    chosen = next((name for name in CHOSEN if case.path.startswith(name)), "")
    return CHOSEN[chosen] + case.path.removeprefix(chosen) if chosen else case.path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path)
def test_each_key_either_counts_at_once_or_is_named_and_left_as_it_was(case: Case) -> None:
    old, new = parse({}, {}), parse(at(case.path, case.good), {})
    change, merged = merge(old, new)
    same = old == new
    if row_of(case) in LIVE:
        assert change.applied == (() if same else (case.path,))
        assert merged == new
    else:
        assert change.needs_restart == (() if same else (case.path,))
        assert merged == old


def test_what_makes_up_the_policy_of_a_call_is_live_and_what_is_opened_at_the_start_is_not() -> None:
    assert {"inboundGreeting", "phrases.filler", "patience.agentMs", "maxConcurrentCalls", "responseModel"} <= LIVE
    assert not {"serve.port", "provider", "twilio.authToken", "rpc.port", "tunnel.provider", "store", "enabled"} & LIVE


def test_both_kinds_in_one_change() -> None:
    current = Current(config=config(inboundGreeting="Hello."))
    new = config(inboundGreeting="Welcome.", serve={"port": 4000}, rpc={"port": 4001}, maxConcurrentCalls=3)
    change = current.update(new)
    assert change.plain() == {
        "applied": ["inboundGreeting", "maxConcurrentCalls"],
        "needsRestart": ["serve.port", "rpc.port"],
    }
    assert (current.config.inbound_greeting, current.config.max_concurrent_calls) == ("Welcome.", 3)
    assert (current.config.serve.port, current.config.rpc.port) == (3334, None)
    assert current.update(new).plain() == {"applied": [], "needsRestart": ["serve.port", "rpc.port"]}


def test_numbers_come_change_and_go() -> None:
    current = Current(config=config(numbers={US: {"inboundGreeting": "Old."}, "+15550000001": {"agentId": "a"}}))
    new = config(numbers={US: {"inboundGreeting": "New."}, "+15550000002": {"responseModel": "m"}})
    change = current.update(new)
    assert change.applied == (
        "numbers.+15550000001.agentId",
        "numbers.+15550000002.responseModel",
        f"numbers.{US}.inboundGreeting",
    )
    assert current.config == new


def test_a_key_waits_that_could_not_be_used_without_one_that_waits() -> None:
    agent = {"provider": "openai", "providers": {"openai": {"apiKey": "k"}}}
    elsewhere = {"openai": {"apiKey": "k"}, "openrouter": {"baseUrl": "https://openrouter.example/v1"}}
    current = Current(config=config(agent=agent))
    change = current.update(
        config(agent={**agent, "providers": elsewhere}, responseModel="openrouter/m", responseSystemPrompt="Be brief.")
    )
    assert change.applied == ("responseSystemPrompt",)
    assert change.needs_restart == ("responseModel", "agent.providers.openrouter.baseUrl")
    assert current.config.response_model is None


def test_all_of_it_waits_where_nothing_could_be_used_alone() -> None:
    current = Current(config=config(inboundPolicy="open", realtime={"enabled": True}))
    change = current.update(config(inboundPolicy="disabled", toNumber=US))
    assert change.applied == ("toNumber",)
    assert change.needs_restart == ("inboundPolicy", "realtime.enabled")


def test_a_call_goes_by_what_counted_when_it_began() -> None:
    living = ["a"]
    current = Current(config=config(inboundGreeting="One."), living=lambda: living)
    current.update(config(inboundGreeting="Two."))
    living.append("b")
    current.update(config(inboundGreeting="Three."))
    assert [current.of(call).inbound_greeting for call in "abc"] == ["One.", "Two.", "Three."]
    living.remove("a")
    current.update(config(inboundGreeting="Four."))
    assert [current.of(call).inbound_greeting for call in "abc"] == ["Four.", "Two.", "Four."], "the dead are forgotten"


def test_whoever_wants_to_know_of_a_change_is_told_of_one_that_counts() -> None:
    heard: list[str | None] = []
    current = Current(config=config(), changed=lambda now: heard.append(now.inbound_greeting))
    current.update(config(serve={"port": 4000}))
    current.update(config(inboundGreeting="Welcome."))
    assert heard == ["Welcome."]
    assert look_up(current.config, "serve.port") == 3334
