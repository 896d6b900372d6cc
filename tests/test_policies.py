"""From configuration to the policy in a call's first fact."""

from __future__ import annotations

from typing import Any

import pytest

from voicecall.config import Config, parse
from voicecall.events import Mode, Patience
from voicecall.policies import (
    GREETING,
    full_policy,
    inbound_policy,
    known_phrases,
    outbound_policy,
    reply_timeout_ms,
    streams,
    verdict,
)
from voicecall.ports import Capability

US, THEM = "+15550000000", "+15550001000"
STREAMS = frozenset({Capability.STREAM})
SPEAKS = STREAMS | {Capability.SPEAK, Capability.MACHINE_DETECTION}


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
        capabilities=STREAMS,
    )
    assert (policy.mode, policy.greeting, policy.verdict) == (Mode.NOTIFY, "Hello!", "accept")
    assert (policy.notify_hangup_delay_ms, policy.ring_timeout_ms, policy.max_duration_ms) == (5_000, 20_000, 60_000)
    assert (policy.stale_ms, policy.transcript_timeout_ms, policy.keys_gap_ms) == (90_000, 7_000, 1_500)
    assert policy.agent == Patience(filler_ms=1, apology_ms=2, hangup_ms=3)
    assert policy.operator == Patience(filler_ms=4, apology_ms=5, hangup_ms=6)
    assert (policy.filler, policy.apology) == ("Hm.", "Sorry.")


def test_zero_turns_off_what_the_contract_says_it_turns_off() -> None:
    policy = outbound_policy(
        config(staleCallReaperSeconds=0, outbound={"notifyHangupDelaySec": 0}),
        message="",
        mode=None,
        capabilities=STREAMS,
    )
    assert (policy.stale_ms, policy.notify_hangup_delay_ms) == (0, 0)


@pytest.mark.parametrize("configured", ["notify", "conversation"])
def test_without_a_mode_the_configured_one_counts(configured: str) -> None:
    settings = config(outbound={"defaultMode": configured})
    assert outbound_policy(settings, message="Hi", mode=None, capabilities=STREAMS).mode == configured
    assert (
        outbound_policy(settings, message="Hi", mode=Mode.CONVERSATION, capabilities=STREAMS).mode is Mode.CONVERSATION
    )


@pytest.mark.parametrize("message", ["", "  ", "\n"])
def test_a_blank_message_is_none(message: str) -> None:
    assert outbound_policy(config(), message=message, mode=None, capabilities=STREAMS).greeting == ""


@pytest.mark.parametrize("configured", [{}, {"inboundGreeting": ""}, {"inboundGreeting": "  "}])
def test_a_caller_is_always_greeted(configured: dict[str, str]) -> None:
    assert inbound_policy(config(**configured), caller=THEM, callee=US, capabilities=STREAMS).greeting == GREETING


def test_a_dialed_number_may_have_its_own_greeting() -> None:
    settings = config(inboundGreeting="Everybody.", numbers={US: {"inboundGreeting": "Sales."}, THEM: {}})
    assert inbound_policy(settings, caller=THEM, callee=US, capabilities=STREAMS).greeting == "Sales."
    assert inbound_policy(settings, caller=US, callee=THEM, capabilities=STREAMS).greeting == "Everybody."
    assert inbound_policy(settings, caller=US, callee="+15550009999", capabilities=STREAMS).greeting == "Everybody."


def test_an_inbound_call_is_a_conversation() -> None:
    settings = config(outbound={"defaultMode": "notify"})
    assert inbound_policy(settings, caller=THEM, callee=US, capabilities=STREAMS).mode is Mode.CONVERSATION


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
        ("allowlist", "sip:+15550001000@example.com", "not-allowed"),
        ("allowlist", "sip:15550001000@phone.example", "not-allowed"),
        ("allowlist", "+15550001000;ext=a", "not-allowed"),
        ("pairing", "client:15550001000", "not-allowed"),
        ("allowlist", f"client:{THEM}", "not-allowed"),
        ("pairing", THEM, "accept"),
        ("pairing", US, "not-allowed"),
    ],
)
def test_who_may_come_in(policy: str, caller: str, expected: str) -> None:
    assert verdict(config(inboundPolicy=policy, allowFrom=[THEM]), caller) == expected


def test_nobody_is_on_an_empty_list() -> None:
    assert verdict(config(inboundPolicy="allowlist"), THEM) == "not-allowed"


@pytest.mark.parametrize(
    ("asked", "capabilities", "streaming"),
    [
        (False, STREAMS, True),
        (False, SPEAKS, False),
        (True, SPEAKS, True),
        (True, frozenset({Capability.SPEAK}), False),
    ],
)
def test_sound_comes_to_us_where_that_is_asked_for_or_nothing_else_can_be_done(
    asked: bool, capabilities: frozenset[Capability], streaming: bool
) -> None:
    assert streams(config(streaming={"enabled": asked}), capabilities) is streaming


@pytest.mark.parametrize(
    ("configured", "mode", "expected"),
    [(None, Mode.NOTIFY, "message"), (None, Mode.CONVERSATION, "hangup"), ("ignore", Mode.NOTIFY, "ignore")],
)
def test_machines_get_the_message_of_a_notify_call_and_end_a_conversation(
    configured: str | None, mode: Mode, expected: str
) -> None:
    settings = config(outbound={} if configured is None else {"onMachine": configured})
    assert outbound_policy(settings, message="Hi", mode=mode, capabilities=SPEAKS).on_machine == expected
    assert outbound_policy(settings, message="Hi", mode=mode, capabilities=STREAMS).on_machine == "ignore"
    assert outbound_policy(settings, message="Hi", mode=mode, capabilities=SPEAKS, keys="1").on_machine == "ignore"


def test_a_carrier_that_says_nothing_of_people_is_not_waited_for_as_long() -> None:
    silent = outbound_policy(config(), message="Hi", mode=Mode.NOTIFY, capabilities=SPEAKS)
    telling = SPEAKS | {Capability.PERSON_DETECTION}
    assert silent.detection_ms == 8_000
    assert outbound_policy(config(), message="Hi", mode=Mode.NOTIFY, capabilities=telling).detection_ms == 30_000


def test_a_stranger_is_told_a_code_and_a_paired_one_is_greeted() -> None:
    settings = config(inboundPolicy="pairing")
    told = inbound_policy(settings, caller=THEM, callee=US, capabilities=STREAMS, code="123456")
    assert (told.mode, told.verdict, told.greeting.count("1 2 3 4 5 6")) == (Mode.NOTIFY, "accept", 2)
    paired = inbound_policy(settings, caller=THEM, callee=US, capabilities=STREAMS, paired=True)
    assert (paired.mode, paired.verdict, paired.greeting) == (Mode.CONVERSATION, "accept", GREETING)
    nobody = inbound_policy(settings, caller=THEM, callee=US, capabilities=STREAMS)
    assert nobody.verdict == "not-allowed"


def test_who_finds_no_free_line_may_be_told_so() -> None:
    settings = config(phrases={"busy": "Later, please."})
    policy = full_policy(settings, inbound_policy(settings, caller=THEM, callee=US, capabilities=STREAMS))
    assert (policy.greeting, policy.mode) == ("Later, please.", Mode.NOTIFY)


def test_the_agent_has_as_much_time_as_the_dialed_number_gives_it() -> None:
    numbers = {US: {"responseTimeoutMs": 9_000}, "+15550000001": {}}
    patient = config(responseTimeoutMs=20_000, numbers=numbers)
    assert [reply_timeout_ms(patient, dialed) for dialed in (US, "1 555 000 0000", "+15550000001", THEM, "")] == [
        9_000, 9_000, 20_000, 20_000, 20_000,
    ]  # fmt: skip


def test_what_will_probably_be_said_is_known_where_calls_stream() -> None:
    numbers = {US: {"inboundGreeting": " Sales. "}, "+15550000001": {}}
    phrases = {"filler": "Hm.", "apology": "Sorry."}
    ours = ("Hm.", "Sorry.", "I am back. Sorry about the pause.")
    greeted = config(inboundPolicy="open", numbers=numbers, phrases=phrases)
    assert known_phrases(greeted, STREAMS) == (GREETING, "Sales.", *ours)
    assert known_phrases(config(phrases=phrases), STREAMS) == ours, "nobody may call us: nobody is greeted"
    assert known_phrases(greeted, SPEAKS) == (), "the carrier speaks"


@pytest.mark.parametrize(
    ("capabilities", "how"),
    [
        (STREAMS, "none"),
        (SPEAKS, "none"),
        (SPEAKS | {Capability.LISTEN}, "instead"),
        (SPEAKS | {Capability.LISTEN, Capability.SPEAK_BESIDE}, "beside"),
    ],
)
def test_how_a_carriers_own_voice_may_stand_in_for_ours(capabilities: frozenset[Capability], how: str) -> None:
    assert outbound_policy(config(), message="Hi", mode=None, capabilities=capabilities).voice_fallback == how


@pytest.mark.parametrize(
    ("tts", "voice"),
    [
        ({}, "Polly.Joanna"),
        ({"providers": {"openai": {"voice": "Onyx"}}}, "Polly.Brian"),
        ({"providers": {"openai": {"voice": "Polly.Vicki"}}}, "Polly.Vicki"),
        ({"providers": {"openai": {"voice": "Google.de-DE-Wavenet-A"}}}, "Google.de-DE-Wavenet-A"),
        ({"providers": {"openai": {"voice": "marin"}}}, "Polly.Joanna"),
        ({"provider": "elevenlabs", "providers": {"openai": {"voice": "onyx"}}}, "Polly.Joanna"),
    ],
)
def test_twilio_speaks_with_the_voice_that_is_most_like_the_configured_one(tts: dict[str, Any], voice: str) -> None:
    account = {"provider": "twilio", "fromNumber": US, "twilio": {"accountSid": "AC0", "authToken": "t"}}
    settings = config(**account, tts=tts)
    assert outbound_policy(settings, message="Hi", mode=None, capabilities=SPEAKS).voice == voice
    assert outbound_policy(config(tts=tts), message="Hi", mode=None, capabilities=SPEAKS).voice == ""
    numbered = config(**account, tts=tts, numbers={US: {"tts": {"voice": "fable", "provider": "openai"}}, THEM: {}})
    assert inbound_policy(numbered, caller=THEM, callee=US, capabilities=SPEAKS).voice == "Polly.Amy"
    assert inbound_policy(numbered, caller=US, callee=THEM, capabilities=SPEAKS).voice == voice
