"""A server as its operator sees it: its logs tell no secret, no number and no word, and its metrics tell the rest."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.system.street import PATIENCE_S, Street, open_street, reserved_port
from tests.system.test_model_process import KEY, OFFLINE, served
from voicecall.events import facts as fact
from voicecall.rpc.client import SOCKET
from voicecall.testing.vendors.openai_text import Answer, TextVendor

CALLEE, CALLER, STRANGER = "+15551112222", "+15553334444", "+15559998888"
WORDS = ("Pineapple", "Thursday", "Hello, this is voicecall", "marmalade", "Tell nobody")
TOKENS = ("rpc-token-of-ours", "elevenlabs-key-of-ours", "between us")
QUESTION = f"Pineapple? You may call me at {STRANGER}."
HEAR = {"do": "hear", "quietMs": 2_000}


TALKATIVE = """
import logging, os

def record(*told, **more):
    record = logging.LogRecord(*told, **more)
    record.msg = str(record.msg) + os.environ["GOSSIP"]
    return record

logging.setLogRecordFactory(record)
"""
"""A ``sitecustomize`` by which whatever a library logs goes on about everything that it should not."""


@contextmanager
def reading_logs(street: Street) -> Generator[list[str]]:
    """Every line that a client gets who reads the server's logs over RPC."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE_S)
        line.connect(str(street.state / SOCKET))
        asked = {"jsonrpc": "2.0", "id": 1, "method": "voicecall.log.subscribe", "params": {"level": "debug"}}
        line.sendall(json.dumps(asked).encode() + b"\n")
        file = line.makefile("r")
        assert json.loads(file.readline())["result"] == {"subscribed": True}
        lines: list[str] = []
        thread = Thread(target=lambda: lines.extend(file))
        thread.start()
        try:
            yield lines
        finally:
            thread.join(PATIENCE_S)


def scrape(port: int) -> dict[str, dict[str, float]]:
    """The samples by name, and by the values of their labels."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    told: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            told.setdefault(one.name, {})[" ".join(one.labels.values())] = one.value
    return told


def ask(street: Street, path: str, **more: Any) -> httpx.Response:
    return httpx.request("GET", f"http://127.0.0.1:{street.port}{path}", trust_env=False, **more)


def strangers(street: Street) -> None:
    """What a server gets from the internet."""
    url = f"http://127.0.0.1:{street.port}/voice/webhook?token=abcdefgh12345&from={STRANGER}"
    body = {"event": {"type": "call.ringing", "from": STRANGER, "text": WORDS[0]}}
    for headers in ({}, {"x-mock-signature": "0" * 64, "x-mock-timestamp": "1", "authorization": f"Bearer {KEY}"}):
        assert httpx.post(url, json=body, headers=headers, trust_env=False).status_code == 401
    assert ask(street, f"/call/{STRANGER}").status_code == 404


def talk(street: Street) -> None:
    """Two turns, of which the second finds no agent; keys, words of the operator's; and somebody calls."""
    words = [{"do": "say", "text": text} for text in (QUESTION, "And on Thursday?")]
    street.people(CALLEE, "answer", HEAR, words[0], HEAR, words[1], HEAR, HEAR, "hangUp")
    call_id = street.call(CALLEE, "Hello, this is voicecall.")
    street.saw(call_id, fact.AgentFinished, fact.AgentFinished)
    street.ask("dtmf", callId=call_id, digits="15557776666")
    street.ask("speak", callId=call_id, message=f"Tell nobody, not even {STRANGER}.")
    street.over(call_id)
    street.people(CALLER, HEAR, "hangUp")
    street.over(street.offer(CALLER))


def test_logs_hold_no_secret_no_number_and_no_word_and_metrics_tell_the_rest(tmp_path: Path) -> None:
    vendor = TextVendor(Answer(text="There is marmalade."), Answer(status=500), key=KEY)
    with served(vendor) as url, reserved_port() as rpc, reserved_port() as metrics:
        settings = {
            **OFFLINE,
            "agent": {"provider": "openai", "providers": {"openai": {"baseUrl": f"{url}/v1"}}},
            "rpc": {"port": rpc, "token": TOKENS[0]},
            "metrics": {"port": metrics},
        }
        with open_street(tmp_path, serving=False, **settings) as street:
            (tmp_path / "sitecustomize.py").write_text(TALKATIVE)
            environment = {
                "OPENAI_API_KEY": KEY,
                "ELEVENLABS_API_KEY": TOKENS[1],
                "OPENAI_LOG": "debug",
                "GOSSIP": " ".join((" and", KEY, *TOKENS, CALLEE, CALLER, STRANGER)),
                "PYTHONPATH": os.pathsep.join((str(tmp_path), *sys.path)),
            }
            server = street.serve("--log-level", "debug", "--log-format", "json", env=environment)
            assert server.ready["metricsPort"] == metrics
            with reading_logs(street) as read:
                assert ask(street, "/readyz").json()["ready"] is True
                strangers(street)
                talk(street)
                told = scrape(metrics)
                assert ask(street, "/metrics").status_code == 404, "the door may be public"
                assert server.stop() == 0
            logged = street.log
    lines = [json.loads(line) for line in logged.splitlines()]
    assert {line["level"] for line in lines} >= {"info", "warning"}
    events = [line["event"] for line in lines]
    assert {"a call is placed", "a call is offered", "the agent failed", "webhook refused"} <= set(events)
    assert any("HTTP Request: POST" in event and " and ****" in event for event in events), "libraries are heard"
    assert [json.loads(one)["params"]["message"]["event"] for one in read if "webhook refused" in one]
    for text in (logged, "".join(read)):
        for hidden in (KEY, *TOKENS, *WORDS, *(number.lstrip("+") for number in (CALLEE, CALLER, STRANGER)), "7776666"):
            assert hidden not in text
    assert sum(told["voicecall_calls_ended_total"].values()) == 2
    assert told["voicecall_calls"] == dict.fromkeys(("offered", "dialing", "ringing", "live", "ending"), 0)
    assert told["voicecall_failures_total"]["agent"] == 1
    assert told["voicecall_webhooks_total"]["headers"] == told["voicecall_webhooks_total"]["signature"] == 1
    assert told["voicecall_webhooks_total"]["accepted"] >= 4
    assert told["voicecall_turn_seconds_count"]["frame"] >= 1
    assert told["voicecall_effects_total"]["send_digits succeeded"] == 1
    assert told["voicecall_journal_sync_seconds_count"][""] > 20
    assert told["voicecall_ready"]["loop"] in (0, 1)
