"""An ngrok agent, version 3."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from threading import Thread
from typing import IO, NoReturn

PROMISED = ["http", "--log", "stdout", "--log-format", "json"]
HERE = os.path.dirname(os.path.abspath(sys.argv[0]))


def file(name: str, mode: str = "r") -> IO[str]:
    """A file beside the program: how it behaves, what was asked of it, where a test waits for it."""
    return open(os.path.join(HERE, name), mode)


with file("ngrok.does", "a+") as does:
    does.seek(0)
    DOES = json.loads(does.read() or "{}")


def note(**more: object) -> None:
    """Note what was asked, and more."""
    with file("calls.jsonl", "a") as calls:
        calls.write(json.dumps({"argv": ["ngrok", *sys.argv[1:]], **more}) + "\n")


def say(word: str) -> None:
    """Tell the test where we are."""
    with file("fifo", "w") as fifo:
        fifo.write(word + "\n")


def log(level: str, message: str, **more: object) -> None:
    """A line of the log."""
    line = {"lvl": level, "msg": message, "t": "2026-01-01T12:00:00+0000", **more}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def refuse(text: str, code: str) -> NoReturn:
    """What the cloud does not want is logged, and told to people."""
    whole = f"{text}\r\n\r\n{code}\r\n"
    log("eror", "session closing", obj="tunnels.session", err=whole)
    log("info", "accept failed", obj="csess", err="reconnecting session closed")
    log("crit", "command failed", err=whole)
    told = (*text.splitlines(), "", code, f"https://ngrok.com/docs/errors/{code.lower()}", "")
    sys.stderr.writelines(f"ERROR:  {line}\n" for line in told)
    sys.exit(1)


def authenticate(token: str) -> None:
    """Only whoever has an account may go on."""
    if not token:
        refuse(
            "authentication failed: Usage of ngrok requires a verified account and authtoken.\n\n"
            "Sign up for an account: https://dashboard.ngrok.com/signup\n"
            "Install your authtoken: https://dashboard.ngrok.com/get-started/your-authtoken",
            "ERR_NGROK_4018",
        )
    if DOES.get("wrong"):
        text = "authentication failed: The authtoken you specified does not look like a proper ngrok authtoken.\n"
        refuse(f"{text}Your authtoken: {token}\nInstructions are on your dashboard", "ERR_NGROK_105")


def open_relay(port: str) -> str:
    """Really bring everything to the door; the address where."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        while True:
            outside, _ = listener.accept()
            note(brings=listener.getsockname()[1])
            inside = socket.create_connection(("127.0.0.1", int(port)))
            for pair in ((outside, inside), (inside, outside)):
                Thread(target=pump, args=pair, daemon=True).start()

    Thread(target=accept, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def main(arguments: list[str]) -> None:
    """Open a tunnel until told to stop; SIGUSR1 is the cloud that gives it another address."""
    signal.alarm(120)  # a story that failed may have forgotten us
    token = os.environ.get("NGROK_AUTHTOKEN", "")
    note(token=token, pid=os.getpid())
    with file("calls.jsonl") as calls:
        run = sum("pid" in json.loads(line) for line in calls) - 1
    assert [arguments[0], *arguments[2:6]] == PROMISED, arguments
    log("info", "no configuration paths supplied")
    log("info", "starting web service", obj="web", addr="127.0.0.1:4040", allow_hosts=[])
    authenticate(token)
    if "error" in DOES:
        refuse(*DOES["error"])
    if "crash" in DOES:
        sys.exit(DOES["crash"])
    if DOES.get("offline"):
        log("eror", "failed to reconnect session", obj="csess", err="failed to dial ngrok server with address")
        say("offline")
        signal.pause()
    log("info", "client session established", obj="tunnels.session")
    domain = arguments[arguments.index("--domain") + 1] if "--domain" in arguments else ""
    urls = [f"https://{domain}"] if domain else DOES.get("urls", ["https://one.ngrok-free.app"])
    told = {signal.SIGUSR1, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, told)  # also for the relay's threads
    if DOES.get("relays"):
        urls = [open_relay(arguments[1])]
    while True:
        address = f"http://localhost:{arguments[1]}"
        url = urls[min(run, len(urls) - 1)]
        log("info", "started tunnel", obj="tunnels", name="command_line", addr=address, url=url)
        run += 1
        while signal.sigwait(told) == signal.SIGTERM:
            if not DOES.get("stubborn"):
                note(ended=True)
                return
            say("stubborn")


main(sys.argv[1:])
