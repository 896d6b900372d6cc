"""What we ask of Telnyx: every effect is one documented command, or declined."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from attrs import evolve as change

from tests.adapters.carriers.telnyx.kit import CALL, LEG, OURS, plain, read_state
from voicecall.adapters.carriers.telnyx import carrier
from voicecall.events import AnyEffect, EffectId, Instant
from voicecall.events import effects as do
from voicecall.ports import Capability, HttpRequest, Leg, Stance
from voicecall.testing.telnyx.errors import TelnyxError
from voicecall.testing.telnyx.fields import ACTIONS, DIAL, check

ID = EffectId("7.0")
BASE = "https://api.telnyx.com/v2"
CALL_PATH = f"{BASE}/calls/v3%3AexampleCallControlIdAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
UNKNOWN = change(LEG, vendor_call_id="")
RING = do.Dial(caller="+12025550123", callee="+14155550142", ring_timeout_ms=30_000)
STREAM = {
    "stream_url": "wss://voice.example.com/voice/stream",
    "stream_track": "inbound_track",
    "stream_codec": "PCMU",
    "stream_bidirectional_mode": "rtp",
    "stream_bidirectional_codec": "PCMU",
    "stream_bidirectional_sampling_rate": 8_000,
    "stream_bidirectional_target_legs": "self",
}
COMMANDS: list[tuple[AnyEffect, str, dict[str, Any]]] = [
    (do.Reject(reason="busy"), "reject", {"cause": "USER_BUSY"}),
    (do.Reject(reason="not-allowed"), "reject", {"cause": "CALL_REJECTED"}),
    (do.Hangup(), "hangup", {}),
    (do.OpenMedia(), "streaming_start", {**STREAM, "custom_parameters": [{"name": "ticket", "value": LEG.ticket}]}),
    (do.StopSpeaking(utterance=2), "playback_stop", {"stop": "all"}),
    (
        do.Listen(),
        "transcription_start",
        {
            "transcription_engine": "Google",
            "transcription_engine_config": {"transcription_engine": "Google", "interim_results": True},
            "transcription_tracks": "inbound",
        },
    ),
    (do.SendDigits(digits="12w#W"), "send_dtmf", {"digits": "12w#W"}),
]
DECLINED: tuple[AnyEffect, ...] = (
    do.AskAgent(turn=1, text="hello"),
    do.StartTimer(name="ring", due=Instant(1)),
    do.Conclude(reason="error"),
    do.UnknownEffect(),
)
SPEAK = do.Speak(utterance=3, text="Größe: 3 € & <mehr>")


def sent(effect: AnyEffect, leg: Leg = LEG) -> HttpRequest:
    request = carrier.encode(ID, effect, leg)
    assert request is not None
    return request


def body(effect: AnyEffect, leg: Leg = LEG) -> dict[str, Any]:
    """The fields of a command, its name aside."""
    fields = json.loads(sent(effect, leg).body)
    assert fields.pop("command_id") == f"{OURS}:7.0"
    return fields


def test_every_effect_is_a_command_or_declined() -> None:
    known = {type(one) for one, _, _ in COMMANDS} | {type(one) for one in DECLINED}
    assert known | {do.Dial, do.Answer, do.Speak, do.Reconcile} == set(get_args(AnyEffect))
    assert [one for one in DECLINED if carrier.encode(ID, one, LEG) is not None] == []
    assert carrier.capabilities == frozenset(Capability)


@pytest.mark.parametrize(("effect", "action", "fields"), COMMANDS, ids=[name for _, name, _ in COMMANDS])
def test_an_effect_is_this_command(effect: AnyEffect, action: str, fields: dict[str, Any]) -> None:
    request = sent(effect)
    assert (request.method, request.url) == ("POST", f"{CALL_PATH}/actions/{action}")
    assert request.headers == {"authorization": "Bearer KEY_hush", "content-type": "application/json"}
    assert body(effect) == fields
    check(json.loads(request.body), ACTIONS[action])


def test_a_dial_says_whose_call_it_is_and_where_its_events_go() -> None:
    request = sent(RING, UNKNOWN)
    assert (request.method, request.url) == ("POST", f"{BASE}/calls")
    fields = body(RING, UNKNOWN)
    assert read_state(fields.pop("client_state")) == {"callId": OURS, "direction": "outbound"}
    policies = fields.pop("webhook_retries_policies")
    assert {name: sum(one["retries_ms"]) for name, one in policies.items()}["call.answered"] >= 30_000
    assert fields == {
        "connection_id": "1234567890123456789",
        "to": "+14155550142",
        "from": "+12025550123",
        "timeout_secs": 30,
        "webhook_url": "https://voice.example.com/voice/webhook",
        "webhook_url_method": "POST",
    }
    check(json.loads(request.body), DIAL)


@pytest.mark.parametrize(("ring_ms", "seconds"), [(0, 5), (4_999, 5), (61_500, 61), (10_000_000, 600)])
def test_a_telephone_rings_as_long_as_the_vendor_lets_it(ring_ms: int, seconds: int) -> None:
    assert body(change(RING, ring_timeout_ms=ring_ms), UNKNOWN)["timeout_secs"] == seconds


def test_a_machine_is_looked_for_and_its_greeting_may_be_long() -> None:
    request = sent(change(RING, detect_machine=True), UNKNOWN)
    fields = json.loads(request.body)
    assert fields["answering_machine_detection"] == "detect_beep"
    assert fields["answering_machine_detection_config"] == {"greeting_total_analysis_time_millis": 30_000}
    check(fields, DIAL)


@pytest.mark.parametrize("stance", [Stance.STREAM, Stance.LISTEN])
def test_an_inbound_call_is_answered_with_a_stream_or_without(stance: Stance) -> None:
    leg = change(LEG, stance=stance, direction="inbound")
    assert sent(do.Answer(), leg).url == f"{CALL_PATH}/actions/answer"
    fields = body(do.Answer(), leg)
    check(fields, ACTIONS["answer"])
    told = read_state(fields.pop("client_state"))
    assert {name: value for name, value in fields.items() if name.startswith("stream")} == (
        STREAM if stance is Stance.STREAM else {}
    )
    ticket = {"ticket": LEG.ticket} if stance is Stance.STREAM else {}
    assert told == {"callId": OURS, "direction": "inbound", **ticket}
    assert fields["webhook_url"] == LEG.webhook_url


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_what_is_to_be_said_comes_back_with_the_news_that_it_was(direction: Any) -> None:
    fields = body(SPEAK, change(LEG, direction=direction))
    check(fields, ACTIONS["speak"])
    told = read_state(fields.pop("client_state"))
    assert told == {"callId": OURS, "direction": direction, "effect": "7.0", "utterance": 3}
    assert fields == {"payload": SPEAK.text, "payload_type": "text", "voice": "AWS.Polly.Joanna-Neural"}
    assert body(SPEAK, change(LEG, voice="Telnyx.KokoroTTS.af"))["voice"] == "Telnyx.KokoroTTS.af"


def test_a_call_in_doubt_is_asked_for_by_its_name_or_looked_for_among_the_living() -> None:
    request = sent(do.Reconcile())
    assert (request.method, request.url, request.body) == ("GET", CALL_PATH, b"")
    assert request.headers == {"authorization": "Bearer KEY_hush"}
    request = sent(do.Reconcile(), UNKNOWN)
    path = "connections/1234567890123456789/active_calls?page%5Bnumber%5D=1&page%5Bsize%5D=250"
    assert (request.method, request.url) == ("GET", f"{BASE}/{path}")


@pytest.mark.parametrize("effect", [*(one for one, _, _ in COMMANDS), do.Answer(), SPEAK], ids=str)
def test_nothing_can_be_asked_of_a_call_that_has_no_name_yet(effect: AnyEffect) -> None:
    assert carrier.encode(ID, effect, UNKNOWN) is None


def test_an_id_is_quoted_in_the_path() -> None:
    odd = change(LEG, vendor_call_id="v3:a/b?c#d e_-")
    assert sent(do.Hangup(), odd).url == f"{BASE}/calls/v3%3Aa%2Fb%3Fc%23d%20e_-/actions/hangup"


def test_an_answer_to_a_webhook_carries_nothing() -> None:
    for flow in (True, False):
        reply = carrier.reply(((ID, do.Hangup()), (ID, SPEAK)), LEG, flow=flow)
        assert (reply.response.status, reply.response.body, reply.carried, reply.answers) == (200, b"{}", (), False)
    assert carrier.reply((), None).response.status == 200


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("rest-dial", ""),
        ("rest-speak", "speak"),
        ("rest-gather", "gather"),
        ("rest-send-dtmf", "send_dtmf"),
        ("rest-streaming-start", "streaming_start"),
        ("rest-transcription-start", "transcription_start"),
    ],
)
def test_the_reader_that_judges_our_commands_takes_the_vendors_samples(name: str, action: str) -> None:
    fields = plain(f"{name}.request.json")
    if not action:
        fields["answering_machine_detection"] = "detect"  # a premium detection is one too
    check(fields, ACTIONS[action] if action else DIAL)
    with pytest.raises(TelnyxError, match="there is no such field"):
        check({**fields, "surprise": 1}, ACTIONS[action] if action else DIAL)


def test_no_secret_is_in_a_body() -> None:
    for effect in (*(one for one, _, _ in COMMANDS), do.Answer(), SPEAK, RING):
        assert b"KEY_hush" not in sent(effect).body
        assert CALL not in str(sent(effect).headers)
