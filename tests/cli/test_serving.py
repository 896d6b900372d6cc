"""``serve``: what it says when it runs, what it says when it cannot, and what it leaves behind (nothing)."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.shelf import terminal
from tests.system.street import PATIENCE_S, Child, Done, is_open, reserved_port, voicecall
from tests.tunnels.programs import programs
from voicecall.__main__ import main

POWERLESS = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
for capability in (1, 2):  # to override permissions of files: even root may not do what the bits forbid
    libc.prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


@contextmanager
def ports() -> Iterator[tuple[int, int]]:
    """A port for the door and one for the network."""
    with reserved_port() as door, reserved_port() as network:
        yield door, network


def configure(folder: Path, door: int, network: int, **more: object) -> tuple[str, ...]:
    """The options of a server with its own simulated network."""
    folder.mkdir(exist_ok=True)
    config = folder / "voicecall.json5"
    plain = {"serve": {"port": door}, "mock": {"apiUrl": f"http://127.0.0.1:{network}"}, **more}
    config.write_text(json.dumps(plain))
    return ("--simulate", "--config", str(config), "--state", str(folder / "state"))


def here(*arguments: str) -> Done:
    """Try to serve in this process: a server that cannot run ends at once, and must not leave anything to it."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main(["serve", *arguments])
    return Done(code, out.getvalue(), err.getvalue())


def refused(done: Done, words: str, state: Path, *closed: int) -> None:
    """The server said in one line why it does not run, and left nothing behind."""
    assert (done.code, done.out) == (1, "")
    assert words in done.err
    assert done.err.count("\n") == 1, done.err
    assert not (state / "voicecall.sock").exists()
    assert [port for port in closed if is_open(port)] == []


# --- it runs ---------------------------------------------------------------------------------------------------------


def test_programs_are_told_when_it_is_ready_and_nobody_else_may_read_its_files(tmp_path: Path) -> None:
    with ports() as (door, network):
        options = configure(tmp_path, door, network, recording=True)
        state = tmp_path / "state"
        server = Child.start("voicecall", "serve", *options, log=tmp_path / "log")
        try:
            ready = server.ready
            assert (ready["ready"], ready["port"], ready["url"]) == (True, door, f"http://127.0.0.1:{door}")
            assert (ready["network"], ready["state"]) == (f"http://127.0.0.1:{network}", str(state))
            assert ready["voice"]
            done = voicecall("call", "--to", "+15550001004", "-m", "Hi", "--wait", "--state", state)
            assert done.json["endReason"] == "busy"
        finally:
            code = server.stop()
        assert code == 0
        logged = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        assert [(one["level"], one["event"]) for one in logged] == [
            ("info", "a call is placed"),
            ("info", "a call is over"),
        ]
        assert not is_open(network)
        modes = {one.relative_to(state): stat.S_IMODE(one.stat().st_mode) for one in (state, *state.rglob("*"))}
        folders = {name: mode for name, mode in modes.items() if (state / name).is_dir()}
        assert set(folders.values()) == {0o700}
        assert {mode for name, mode in modes.items() if name not in folders} == {0o600}
        assert {"mock.key", "ticket.key", "network.log", "directory.bin"} <= {str(name) for name in modes}


def test_people_see_where_it_is_and_stop_it_with_a_key(tmp_path: Path) -> None:
    with ports() as (door, network):
        with terminal("serve", *configure(tmp_path, door, network)) as screen:
            screen.until("Ctrl-C stops")
            for words in ("voicecall is running", f"http://127.0.0.1:{door}/voice/webhook", f":{network}", "inbound"):
                assert words in screen.shown
            assert is_open(network)
            screen.type("\x03")
            shown = screen.finish()
        assert shown.code == 0
        assert "Traceback" not in shown.out
        assert not is_open(door)
        assert not is_open(network)


@pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo"])
def test_any_carrier_is_simulated_whatever_the_configuration_says_of_a_real_one(tmp_path: Path, carrier: str) -> None:
    with ports() as (door, network):
        real = {"publicUrl": "https://phone.example.com/voice/webhook", "twilio": {"accountSid": "AC" + "0" * 32}}
        options = configure(tmp_path, door, network, fromNumber="+15557770000", **real)
        server = Child.start("voicecall", "serve", *options, carrier, log=tmp_path / "log")
        try:
            assert (server.ready["carrier"], server.ready["network"]) == (carrier, f"http://127.0.0.1:{network}")
            state = tmp_path / "state"
            done = voicecall("call", "--to", "+15550001004", "-m", "Hi", "--wait", "--state", state)
            assert (done.json["provider"], done.json["endReason"]) == (carrier, "busy")
            assert done.json["from"] == "+15557770000"
        finally:
            assert server.stop() == 0
        wait_until_closed(network)


def test_the_provider_of_the_configuration_is_the_one_that_is_simulated(tmp_path: Path) -> None:
    with ports() as (door, network):
        options = configure(tmp_path, door, network, provider="plivo")
        server = Child.start("voicecall", "serve", *options, log=tmp_path / "log")
        assert server.ready["carrier"] == "plivo"
        server.kill()
        other = here(*options, "telnyx")
        assert other.code == 1
        assert f"the simulated phone network at http://127.0.0.1:{network} speaks plivo, not telnyx" in other.err
        assert is_open(network)
        again = Child.start("voicecall", "serve", *options, log=tmp_path / "log")
        assert again.stop() == 0
        wait_until_closed(network)


def test_what_else_is_wrong_with_a_configuration_is_told_before_a_network_is_started(tmp_path: Path) -> None:
    with ports() as (door, network):
        for wrong, words in (
            ({"maxConcurrentCalls": 0}, "maxConcurrentCalls"),
            ({"provider": "twillio"}, "twillio"),
            ({"provider": "twilio", "twilio": ["AC"]}, "twilio"),
        ):
            done = here(*configure(tmp_path, door, network, **wrong))
            assert (done.code, done.out) == (2, "")
            assert words in done.err
        done = here(*configure(tmp_path, door, network)[1:], "twilio")
        assert (done.code, done.err) == (
            2,
            "serve twilio: names a carrier only with --simulate; a real one is provider in the configuration\n",
        )
        assert not is_open(network)


def test_what_is_wrong_only_with_the_simulated_carrier_stops_its_network_again(tmp_path: Path) -> None:
    with ports() as (door, network):
        realtime = {"inboundPolicy": "open", "realtime": {"enabled": True}, "streaming": {"enabled": False}}
        done = here(*configure(tmp_path, door, network, **realtime), "plivo")
        assert done.code == 2
        assert 'provider must be "twilio", "telnyx", or "mock"' in done.err
        wait_until_closed(network)


def test_the_network_of_a_killed_server_is_taken_over_and_stopped_in_the_end(tmp_path: Path) -> None:
    with ports() as (door, network):
        options = configure(tmp_path, door, network)
        Child.start("voicecall", "serve", *options, log=tmp_path / "log").kill()
        assert is_open(network)
        server = Child.start("voicecall", "serve", *options, log=tmp_path / "log")
        assert server.ready["network"] == f"http://127.0.0.1:{network}"
        assert server.stop() == 0
        wait_until_closed(network)


def wait_until_closed(port: int) -> None:
    """It was asked to stop, by somebody who is not its parent."""
    for _ in range(100_000):
        if not is_open(port):
            return
    raise AssertionError(f"{port} is still open")


# --- it does not -----------------------------------------------------------------------------------------------------


def test_a_second_server_is_told_who_has_the_directory_and_harms_nobody(tmp_path: Path) -> None:
    with ports() as (door, network):
        options = configure(tmp_path, door, network)
        first = Child.start("voicecall", "serve", *options, log=tmp_path / "log")
        try:
            second = voicecall("serve", *options, "--port", "0")
            assert second.code == 1
            assert f"process {first.process.pid} on " in second.err
            assert "stop it, or use another directory" in second.err
            assert second.err.count("\n") == 1
            done = voicecall("call", "--to", "+15550001004", "-m", "Hi", "--wait", "--state", tmp_path / "state")
            assert done.json["endReason"] == "busy"
        finally:
            assert first.stop() == 0


def test_a_taken_port_is_named_with_the_setting(tmp_path: Path) -> None:
    with ports() as (_, network), socket.create_server(("127.0.0.1", 0)) as taken:
        door = taken.getsockname()[1]
        done = voicecall("serve", *configure(tmp_path, door, network))
        refused(done, f"serve.port: {door} on 127.0.0.1 is already taken", tmp_path / "state", network)
        assert "set serve.port to a free port" in done.err


def test_an_address_of_another_machine_is_no_address_to_bind(tmp_path: Path) -> None:
    with ports() as (door, network):
        options = configure(tmp_path, door, network)
        config = tmp_path / "voicecall.json5"
        config.write_text(config.read_text().replace('"serve": {', '"serve": {"bind": "192.0.2.1", '))
        words = "serve.bind: '192.0.2.1' is no address of this machine"
        refused(here(*options), words, tmp_path / "state", network, door)


def test_a_path_too_long_for_a_socket_is_refused_before_any_call_is_touched(tmp_path: Path) -> None:
    state = tmp_path / ("x" * 100)
    with ports() as (door, network):
        options = [*configure(tmp_path, door, network)[:-1], str(state)]
        done = here(*options)
        refused(done, "bytes are too long for a socket's path; use a shorter --state", state, door, network)
        assert not (state / "ticket.key").exists()


@pytest.mark.parametrize("simulate", [True, False])
def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path, simulate: bool) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o500)
    with ports() as (door, network):
        options = configure(tmp_path, door, network)[0 if simulate else 1 :]
        command = ("-c", POWERLESS, "-m", "voicecall", "serve", *options)
        done = run_python(*command)
        refused(done, str(state), state, door, network)
        assert "ermission" in done.err
    assert list(state.iterdir()) == []


def run_python(*arguments: str) -> Done:
    """Run Python and wait for it."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, timeout=PATIENCE_S, check=False)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_key_that_is_none_is_named_with_the_fix(tmp_path: Path) -> None:
    state = tmp_path / "state"
    for name, text in (("mock.key", ""), ("mock.key", "\xff\xfe"), ("ticket.key", "short")):
        state.mkdir(exist_ok=True)
        (state / name).write_bytes(text.encode("latin-1"))
        with ports() as (door, network):
            done = here(*configure(tmp_path, door, network))
            words = f"{state / name}: this is no key; remove the file to have a new one made\n"
            refused(done, words, state, door, network)
        (state / name).unlink()


@pytest.mark.parametrize(
    "answer", [b"", b"220 smtp.example ready\r\n", b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"]
)
def test_another_program_where_the_network_should_be_is_left_alone(tmp_path: Path, answer: bytes) -> None:
    with reserved_port() as door, socket.create_server(("127.0.0.1", 0)) as other:

        def serve() -> None:
            sock, _ = other.accept()
            with sock:
                sock.recv(1_000)
                sock.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        network = other.getsockname()[1]
        done = here(*configure(tmp_path, door, network))
        thread.join()
        refused(done, f"http://127.0.0.1:{network}", tmp_path / "state", door)
        assert done.err.startswith("mock.apiUrl: ")
        assert done.err.endswith("stop it, or set another mock.apiUrl\n")
        assert not (tmp_path / "state" / "journal").exists()


@pytest.mark.parametrize(
    ("settings", "does", "code", "words"),
    [
        ({"tunnel": {"provider": "ngrok"}}, None, 2, "tunnel.provider: Failed to start ngrok: there is no program"),
        ({"tunnel": {"provider": "ngrok"}}, {}, 2, "tunnel.ngrokAuthToken: ngrok error: "),
        ({"tunnel": {"provider": "ngrok", "ngrokAuthToken": "t"}}, {"crash": 3}, 1, "exited unexpectedly with code 3"),
    ],
)
def test_without_its_tunnel_it_does_not_run(
    tmp_path: Path, settings: dict[str, object], does: dict[str, object] | None, code: int, words: str
) -> None:
    with ports() as (door, network), programs(tmp_path / "bin", *([] if does is None else ["ngrok"])) as ngrok:
        ngrok.ngrok(**(does or {}))
        done = here(*configure(tmp_path, door, network, **settings)[1:])
        assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
        assert words in done.err
        assert not is_open(door)
        assert not (tmp_path / "state" / "ticket.key").exists()


# --- the configuration -----------------------------------------------------------------------------------------------


def test_every_problem_of_a_configuration_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "voicecall.json5"
    config.write_text("""{
        ringTimeoutMs: -5,
        serve: { port: 'http' },
        inboundPolicy: 'everyone',
        recroding: true,  // misspelled
    }""")
    code = main(["serve", "--config", str(config), "--state", str(tmp_path / "state")])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert lines[0] == "the configuration cannot be used:"
    for path in ("ringTimeoutMs", "serve.port", "inboundPolicy", "recroding"):
        assert sum(path in line for line in lines[1:]) == 1, err
    assert "-5" in err
    assert not (tmp_path / "state").exists()


def test_a_configuration_that_serves_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "voicecall.json5"
    config.write_text(json.dumps({"enabled": False}))
    code = main(["serve", "--config", str(config), "--state", str(tmp_path / "state")])
    words = "enabled: is false in the configuration; set it to true to serve calls"
    assert (code, capsys.readouterr().err) == (2, f"{words}\n")
    assert not (tmp_path / "state").exists()


# --- clients that cannot use the socket ------------------------------------------------------------------------------


def test_a_host_speaks_with_the_server_that_it_started_and_takes_it_along(tmp_path: Path) -> None:
    with ports() as (door, network):
        options = configure(tmp_path, door, network)
        command = [sys.executable, "-m", "voicecall", "serve", "--stdio", *options]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            ready = json.loads(server.stdout.readline())
            assert (ready["method"], ready["params"]["port"]) == ("voicecall.ready", door)
            server.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"voicecall.hello"}\n')
            server.stdin.flush()
            assert json.loads(server.stdout.readline())["result"]["protocol"] == 1
            server.stdin.close()
            assert server.wait(PATIENCE_S) == 0
        assert not is_open(door)
        assert not is_open(network)


def test_a_program_on_this_machine_comes_in_by_tcp_with_the_token(tmp_path: Path) -> None:
    with ports() as (door, network), reserved_port() as port:
        options = configure(tmp_path, door, network, rpc={"port": port})
        server = Child.start("voicecall", "serve", *options, log=tmp_path / "log")
        try:
            assert server.ready["rpcPort"] == port
            token = (tmp_path / "state/rpc.token").read_text().strip()
            for given, known in (("wrong", False), (token, True)):
                with socket.create_connection(("127.0.0.1", port)) as line, line.makefile("rwb") as file:
                    hello = {"jsonrpc": "2.0", "id": 1, "method": "voicecall.hello", "params": {"token": given}}
                    file.write(json.dumps(hello).encode() + b"\n")
                    file.flush()
                    assert ("result" in json.loads(file.readline())) is known
        finally:
            assert server.stop() == 0
        assert stat.S_IMODE((tmp_path / "state/rpc.token").stat().st_mode) == 0o600
        assert token not in (tmp_path / "log").read_text()
