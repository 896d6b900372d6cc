"""From configuration to the policy in a call's first fact."""

from __future__ import annotations

from typing import Any

import pytest

from voicecall.config import Config, parse
from voicecall.events import Mode, Patience
from voicecall.policies import GREETING, inbound_policy, outbound_policy, verdict

US, THEM = "+15550000000", "+15550001000"


def config(**keys: Any) -> Config:
    return parse({"provider": "mock", **keys}, {})


def test_every_limit_that_a_decision_needs_is_in_the_policy() -> None:
    policy = outbound_policy(
        config(
            outbound={"notifyHangupDelaySec": 5},
            ringTimeoutMs=20_000,
            maxDurationSeconds=60,
            staleCallReaperSeconds=90,
            transcriptTimeoutMs=7_000,
            patience={"agentMs": [1, 2, 3], "operatorMs": [4, 5, 6]},
            phrases={"filler": "Hm.", "apology": "Sorry."},
        ),
        message="Hello!",
        mode=Mode.NOTIFY,
    )
    assert (policy.mode, policy.greeting, policy.verdict) == (Mode.NOTIFY, "Hello!", "accept")
    assert (policy.notify_hangup_delay_ms, policy.ring_timeout_ms, policy.max_duration_ms) == (5_000, 20_000, 60_000)
    assert (policy.stale_ms, policy.transcript_timeout_ms, policy.keys_gap_ms) == (90_000, 7_000, 1_500)
    assert policy.agent == Patience(filler_ms=1, apology_ms=2, hangup_ms=3)
    assert policy.operator == Patience(filler_ms=4, apology_ms=5, hangup_ms=6)
    assert (policy.filler, policy.apology) == ("Hm.", "Sorry.")


def test_zero_turns_off_what_the_contract_says_it_turns_off() -> None:
    policy = outbound_policy(
        config(staleCallReaperSeconds=0, outbound={"notifyHangupDelaySec": 0}), message="", mode=None
    )
    assert (policy.stale_ms, policy.notify_hangup_delay_ms) == (0, 0)


@pytest.mark.parametrize("configured", ["notify", "conversation"])
def test_without_a_mode_the_configured_one_counts(configured: str) -> None:
    settings = config(outbound={"defaultMode": configured})
    assert outbound_policy(settings, message="Hi", mode=None).mode == configured
    assert outbound_policy(settings, message="Hi", mode=Mode.CONVERSATION).mode is Mode.CONVERSATION


@pytest.mark.parametrize("message", ["", "  ", "\n"])
def test_a_blank_message_is_none(message: str) -> None:
    assert outbound_policy(config(), message=message, mode=None).greeting == ""


@pytest.mark.parametrize("configured", [{}, {"inboundGreeting": ""}, {"inboundGreeting": "  "}])
def test_a_caller_is_always_greeted(configured: dict[str, str]) -> None:
    assert inbound_policy(config(**configured), caller=THEM, callee=US).greeting == GREETING


def test_a_dialed_number_may_have_its_own_greeting() -> None:
    settings = config(inboundGreeting="Everybody.", numbers={US: {"inboundGreeting": "Sales."}, THEM: {}})
    assert inbound_policy(settings, caller=THEM, callee=US).greeting == "Sales."
    assert inbound_policy(settings, caller=US, callee=THEM).greeting == "Everybody."
    assert inbound_policy(settings, caller=US, callee="+15550009999").greeting == "Everybody."


def test_an_inbound_call_is_a_conversation() -> None:
    settings = config(outbound={"defaultMode": "notify"})
    assert inbound_policy(settings, caller=THEM, callee=US).mode is Mode.CONVERSATION


@pytest.mark.parametrize(
    ("policy", "caller", "expected"),
    [
        ("open", THEM, "accept"),
        ("open", "", "accept"),
        ("disabled", THEM, "disabled"),
        ("allowlist", THEM, "accept"),
        ("allowlist", "1 (555) 000-1000", "accept"),
        ("allowlist", "+5550001000", "not-allowed"),
        ("allowlist", "0001000", "not-allowed"),
        ("allowlist", "", "not-allowed"),
        ("allowlist", "anonymous", "not-allowed"),
        ("pairing", THEM, "accept"),
        ("pairing", US, "not-allowed"),
    ],
)
def test_who_may_come_in(policy: str, caller: str, expected: str) -> None:
    assert verdict(config(inboundPolicy=policy, allowFrom=[THEM]), caller) == expected


def test_nobody_is_on_an_empty_list() -> None:
    assert verdict(config(inboundPolicy="allowlist"), THEM) == "not-allowed"
