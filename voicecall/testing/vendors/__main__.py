"""Every simulated vendor on one port, as a process of its own: ``python -m voicecall.testing.vendors``.

One line of JSON on stdout says that they are ready and at which addresses (``--speech-url``, ``baseUrl``); SIGTERM and
SIGINT end them. Any key is good. Times are what a vendor takes, in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys

import trio
import trio.testing
from quart_trio import QuartTrio

from voicecall.config.root import SCRIPT
from voicecall.fault import first
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_text import Answer
from voicecall.testing.vendors.together import vendors_app

PORT = 3336


async def serve(app: QuartTrio, port: int) -> None:
    """Serve until told to stop. Raises ``OSError``."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with open_vendor(app, port=port) as url:
            sys.stdout.write(json.dumps({"ready": True, "openai": f"{url}/v1", "elevenlabs": url}) + "\n")
            sys.stdout.flush()
            async for _ in signals:
                break


def main(arguments: list[str] | None = None) -> int:
    """The command. 1 when the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m voicecall.testing.vendors", description="Simulated vendors.")
    parser.add_argument("--port", type=int, default=PORT, help="port on loopback; 0 picks one (default %(default)s)")
    parser.add_argument("--reply", action="append", help="what the model answers; again: to the next turn, and so on")
    parser.add_argument("--first-word-ms", type=int, default=150, help="of a model's reply (default %(default)s)")
    parser.add_argument("--first-sound-ms", type=int, default=150, help="of a voice (default %(default)s)")
    parser.add_argument("--recognition-ms", type=int, default=150, help="of a caller's turn (default %(default)s)")
    parser.add_argument("--clock-rate", type=float, default=1.0, help="how many seconds pass in one (default 1)")
    given = parser.parse_args(arguments)
    app = vendors_app(
        [Answer(text=reply, first_s=given.first_word_ms / 1000) for reply in given.reply or SCRIPT],
        first_sound_s=given.first_sound_ms / 1000,
        recognition_s=given.recognition_ms / 1000,
    )
    clock = trio.testing.MockClock(rate=given.clock_rate) if given.clock_rate != 1 else None
    code = 0
    try:
        trio.run(serve, app, given.port, clock=clock)
    except* OSError as errors:
        sys.stderr.write(f"--port: cannot listen on 127.0.0.1:{given.port} ({first(errors)})\n")
        code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
