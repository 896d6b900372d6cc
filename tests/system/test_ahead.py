"""What a running system will probably say is rendered before anybody waits for it, once."""

from __future__ import annotations

from pathlib import Path

import trio
import trio.testing

from voicecall.config import parse
from voicecall.core.requests import PlaceCall
from voicecall.policies import known_phrases, outbound_policy
from voicecall.system import open_system
from voicecall.testing.vendors.elevenlabs import KEY, ElevenLabs
from voicecall.testing.vendors.listening import open_vendor

MESSAGE = "Your table is ready."


def test_phrases_when_it_starts_and_a_message_while_the_telephone_rings(tmp_path: Path) -> None:
    async def main() -> None:
        vendor = ElevenLabs()
        async with open_vendor(vendor.app()) as url:
            voices = {"elevenlabs": {"apiKey": KEY, "baseUrl": url}}
            given = {"inboundPolicy": "open", "inboundGreeting": "Welcome.", "tts": {"providers": voices}}
            config = parse({**given, "serve": {"port": 1}}, {})
            object.__setattr__(config.serve, "port", 0)
            async with open_system(config, state=tmp_path / "state") as system:
                carrier = system.calls.world.carriers["mock"]
                known = known_phrases(config, carrier.capabilities)
                assert known[0] == "Welcome."
                for phrase in known:
                    await vendor.until_spoken(phrase)
                policy = outbound_policy(config, message=MESSAGE, mode=None, capabilities=carrier.capabilities)
                for name in ("one", "two"):
                    await system.calls.supervisor.place(
                        PlaceCall(request_id=name, carrier="mock", caller="+15550000000", callee="+1", policy=policy)
                    )
                await vendor.until_spoken(MESSAGE)
            assert vendor.count("request") == len(known) + 1, "the second call says what was made for the first"

    trio.run(main, clock=trio.testing.MockClock(rate=20))
