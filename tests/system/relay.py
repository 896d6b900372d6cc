"""A relay between the server and the network's API, at which a story can stop the world."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Literal

import httpx
from attrs import define, field

Moment = Literal["before", "after"]
PASSED_ON = ("authorization", "idempotency-key")


@define
class Relay:
    """Passes everything on, until it is told to strike."""

    url: str
    _strike: Callable[[], None] | None = None
    _moment: Moment = "after"
    _struck: Event = field(factory=Event)

    def interrupt(self, strike: Callable[[], None], moment: Moment) -> Event:
        """``strike`` once, ``before`` the network hears of the next dial or ``after``; nobody answers that dial."""
        self._strike, self._moment, self._struck = strike, moment, Event()
        return self._struck

    def strikes(self, moment: Moment) -> bool:
        """Whether this is the moment; then it is done."""
        strike = self._strike
        if strike is None or moment != self._moment:
            return False
        self._strike = None
        strike()
        self._struck.set()
        return True


@contextmanager
def open_relay(network: str) -> Generator[Relay]:
    """Relay to the network at this URL."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            dials = (self.command, self.path) == ("POST", "/calls")
            if dials and relay.strikes("before"):
                return
            headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
            answer = http.request(self.command, f"{network}{self.path}", content=body, headers=headers)
            if dials and relay.strikes("after"):
                return
            self.send_response(answer.status_code)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with httpx.Client(trust_env=False) as http, ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        relay = Relay(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield relay
        finally:
            server.shutdown()
            thread.join()
