"""``voicecall serve`` as the process it is, with a model that thinks in another one's place."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import trio

from tests.system.street import PATIENCE_S, open_street
from voicecall.events import facts as fact
from voicecall.events.policy import DEFAULT_POLICY
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_text import Answer, TextVendor

OFFLINE = {"streaming": {"provider": "offline"}, "tts": {"provider": "offline"}}
"""The model's key is one for voice and ear too."""
KEY = "sk-simulated"


@contextmanager
def served(vendor: TextVendor) -> Generator[str]:
    """Serve the vendor in a thread of its own; its URL."""
    told: queue.Queue[tuple[str, trio.lowlevel.TrioToken, trio.Event]] = queue.Queue()

    async def main() -> None:
        over = trio.Event()
        async with open_vendor(vendor.app) as url:
            told.put((url, trio.lowlevel.current_trio_token(), over))
            await over.wait()

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    url, token, over = told.get(timeout=PATIENCE_S)
    try:
        yield url
    finally:
        token.run_sync_soon(over.set)
        thread.join()


def test_a_model_answers_in_a_real_call_and_its_key_stays_a_secret(tmp_path: Path) -> None:
    vendor = TextVendor(Answer(text="I am **fine**.", reasoning="Hm."), Answer(status=500), key=KEY)
    patience = {"agentMs": [60_000, 120_000, 180_000]}
    with served(vendor) as url:
        agent = {"provider": "openai", "providers": {"openai": {"baseUrl": f"{url}/v1", "api": "responses"}}}
        with open_street(tmp_path, serving=False, agent=agent, patience=patience, **OFFLINE) as street:
            server = street.serve(env={"OPENAI_API_KEY": KEY})
            hear = {"do": "hear", "quietMs": 2_000}
            words = [{"do": "say", "text": text} for text in ("How are you?", "Fine, too.")]
            somebody = street.people("+15551112222", "answer", hear, words[0], hear, words[1], hear, "hangUp")
            call_id = street.call(somebody, "Hello, this is voicecall.")
            street.over(call_id)
            assert [(one["speaker"], one["text"]) for one in street.record(call_id)["transcript"]] == [
                ("bot", "Hello, this is voicecall."),
                ("user", "How are you?"),
                ("bot", "I am fine."),
                ("user", "Fine, too."),
                ("bot", DEFAULT_POLICY.apology),
            ]
            done, failed = street.events(call_id, fact.AgentFinished)
            assert done.reason == "done"
            assert "500 Internal Server Error" in failed.detail
            street.check(call_id)
            assert server.stop() == 0
            kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
            assert kept
            assert not any(KEY.encode() in one for one in kept)
    assert [one.ended for one in vendor.asked] == ["done", "done"]
