"""An ngrok agent: asked as it wants to be, heard, kept alive, and never left behind."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.tunnels.programs import Programs, logs, programs, run
from voicecall.config import parse
from voicecall.tunnels.ngrok import end_leftover
from voicecall.tunnels.opening import Public, open_public
from voicecall.tunnels.problems import CannotExpose, Misconfigured

TOKEN = "2abcDEF_notARealToken"


@pytest.fixture
def ngrok(tmp_path: Path) -> Iterator[Programs]:
    with programs(tmp_path / "bin", "ngrok") as found:
        yield found


def opened(state: Path, token: str = TOKEN, **tunnel: Any) -> AbstractAsyncContextManager[Public]:
    """The door on port 3334, made public by ngrok."""
    config = parse({"tunnel": {"provider": "ngrok", **tunnel}}, {"NGROK_AUTHTOKEN": token} if token else {})
    return open_public(config, state=state, port=3334, otherwise="http://127.0.0.1:3334")


def refused(state: Path, token: str = TOKEN, **tunnel: Any) -> CannotExpose:
    """Why the door cannot be made public."""
    found: list[CannotExpose] = []

    async def story() -> None:
        try:
            async with opened(state, token, **tunnel):
                raise AssertionError("it is public")
        except* CannotExpose as errors:
            found.extend(one for one in errors.exceptions if isinstance(one, CannotExpose))

    run(story)
    assert not (state / "ngrok.pid").exists()
    (error,) = found
    return error


def test_the_door_is_where_ngrok_says_as_long_as_it_is_needed(ngrok: Programs, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as public:
            assert public.webhook_url() == "https://one.ngrok-free.app/voice/webhook"
            assert public.media_url() == "wss://one.ngrok-free.app/voice/stream"

    run(story)
    begun, ended = ngrok.calls()
    assert begun["argv"] == ["ngrok", "http", "3334", "--log", "stdout", "--log-format", "json"]
    assert begun["token"] == TOKEN
    assert ended["ended"]
    assert [one.name for one in tmp_path.iterdir()] == ["bin"]


def test_a_domain_of_ours_is_asked_for(ngrok: Programs, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, ngrokDomain="phone.example.com") as public:
            assert public.webhook_url() == "https://phone.example.com/voice/webhook"

    run(story)
    assert ngrok.calls()[0]["argv"][-2:] == ["--domain", "phone.example.com"]


def test_an_address_that_changes_while_the_agent_runs_is_the_one_for_new_calls(ngrok: Programs, tmp_path: Path) -> None:
    ngrok.ngrok(urls=["https://one.example", "https://two.example"])

    async def story() -> None:
        with logs() as told:
            async with opened(tmp_path) as public:
                clock: Any = trio.lowlevel.current_clock()
                clock.jump(100)
                os.kill(ngrok.calls()[0]["pid"], signal.SIGUSR1)
                line = await told.until("the door has another public address")
                assert line["url"] == public.webhook_url() == "https://two.example/voice/webhook"
                assert [one["event"] for one in told.lines if one["level"] == "error"] == []

    run(story)


def test_an_agent_that_dies_is_started_again_with_ever_longer_pauses(ngrok: Programs, tmp_path: Path) -> None:
    ngrok.ngrok(urls=["https://one.example", "https://two.example"])

    async def story() -> None:
        clock: Any = trio.lowlevel.current_clock()
        with logs() as told:
            async with opened(tmp_path) as public:
                os.kill(ngrok.calls()[0]["pid"], signal.SIGKILL)
                line = await told.until("the tunnel is lost")
                assert "ngrok exited unexpectedly with code -9" in line["error"]
                assert (public.up, line["again_in_s"]) == (False, 1)
                ngrok.ngrok(crash=3)
                clock.jump(1)
                line = await told.until("the tunnel is lost")
                assert (public.up, line["again_in_s"]) == (False, 2)
                ngrok.ngrok(urls=["https://two.example"])
                clock.jump(2)
                await told.until("the door has another public address")
                assert (public.up, public.webhook_url()) == (True, "https://two.example/voice/webhook")
                clock.jump(61)
                os.kill(ngrok.calls()[-1]["pid"], signal.SIGKILL)
                assert (await told.until("the tunnel is lost"))["again_in_s"] == 1

    run(story)


# --- why not ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "does", "kind", "words"),
    [
        ("", {}, Misconfigured, ["tunnel.ngrokAuthToken: ngrok error: ", "ERR_NGROK_4018", "or NGROK_AUTHTOKEN in"]),
        (TOKEN, {"error": [f"failed: {TOKEN} was revoked", "ERR_NGROK_107"]}, Misconfigured, ["failed: ******** was"]),
        (TOKEN, {"wrong": True}, Misconfigured, ["tunnel.ngrokAuthToken: ", "Your authtoken: ********", "105"]),
        (
            TOKEN,
            {"error": ["failed to start tunnel: This domain is reserved for another account.", "ERR_NGROK_320"]},
            Misconfigured,
            ["tunnel.ngrokDomain: ngrok error: ", "reserved for another account", "to a domain of your account"],
        ),
        (
            TOKEN,
            {"error": ["failed to start tunnel: The endpoint 'https://x' is already online.", "ERR_NGROK_334"]},
            CannotExpose,
            ["tunnel.provider: ngrok error: ", "already online", "stop the other ngrok"],
        ),
        (
            TOKEN,
            {"error": ["authentication failed: The account has been suspended.", "ERR_NGROK_338"]},
            CannotExpose,
            ["tunnel.provider: ngrok error: ", "see https://ngrok.com/docs/errors/err_ngrok_338"],
        ),
        (
            TOKEN,
            {"crash": 7},
            CannotExpose,
            ["tunnel.provider: ngrok exited unexpectedly with code 7; `ngrok diagnose`"],
        ),
    ],
)
def test_why_there_is_no_tunnel_is_said_with_the_setting_and_the_fix(
    ngrok: Programs, tmp_path: Path, token: str, does: dict[str, Any], kind: type[CannotExpose], words: list[str]
) -> None:
    ngrok.ngrok(**does)
    error = refused(tmp_path, token)
    assert type(error) is kind
    assert [word for word in words if word not in str(error)] == []
    assert TOKEN not in str(error)
    assert "\n" not in str(error)


def test_a_token_that_is_only_ngroks_own_is_not_quoted_either(
    ngrok: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGROK_AUTHTOKEN", TOKEN)
    ngrok.ngrok(wrong=True)
    error = refused(tmp_path, token="")
    assert TOKEN not in str(error)


def test_without_the_program_it_is_said_where_to_get_it(tmp_path: Path) -> None:
    with programs(tmp_path / "bin"):
        error = refused(tmp_path)
    assert type(error) is Misconfigured
    assert str(error) == (
        "tunnel.provider: Failed to start ngrok: there is no program of that name on PATH; install it "
        '(https://ngrok.com/download), or set tunnel.provider to "none"'
    )


def test_an_agent_that_tells_no_address_is_given_30_seconds(ngrok: Programs, tmp_path: Path) -> None:
    ngrok.ngrok(offline=True)

    async def story() -> None:
        clock: Any = trio.lowlevel.current_clock()
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def wait() -> None:
                await ngrok.said("offline")
                clock.jump(29)
                await trio.testing.wait_all_tasks_blocked()
                assert not late
                clock.jump(1)

            late: list[BaseException] = []
            try:
                async with opened(tmp_path):
                    pass
            except* CannotExpose as errors:
                late.extend(errors.exceptions)
        assert "ngrok startup timed out (30s): failed to dial ngrok server" in str(late[0])

    run(story)
    with pytest.raises(ProcessLookupError):
        os.kill(ngrok.calls()[0]["pid"], 0)


def test_an_agent_that_does_not_listen_is_killed(ngrok: Programs, tmp_path: Path) -> None:
    ngrok.ngrok(stubborn=True)

    async def story() -> None:
        clock: Any = trio.lowlevel.current_clock()
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def wait() -> None:
                await ngrok.said("stubborn")
                clock.jump(2)

            async with opened(tmp_path):
                pass

    run(story)
    with pytest.raises(ProcessLookupError):
        os.kill(ngrok.calls()[0]["pid"], 0)


# --- what a killed server leaves -------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["ngrok", "none"])
def test_the_agent_of_a_killed_server_is_ended_before_there_is_another(
    ngrok: Programs, tmp_path: Path, provider: str
) -> None:
    command = [ngrok.folder / "ngrok", "http", "3334", "--log", "stdout", "--log-format", "json"]
    environment = {**os.environ, "NGROK_AUTHTOKEN": TOKEN}
    with (tmp_path / "ngrok.pid").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        left = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, pass_fds=[file.fileno()], start_new_session=True
        )
        file.write(f"{left.pid}\n")
    assert left.stdout is not None
    while b"started tunnel" not in left.stdout.readline():
        assert left.poll() is None

    async def story() -> None:
        async with opened(tmp_path, provider=provider):
            assert [one.get("pid", "ended") for one in ngrok.calls()][:2] == [left.pid, "ended"]

    with left:
        run(story)
    assert left.returncode == 0
    assert not (tmp_path / "ngrok.pid").exists()


def test_an_agent_whose_number_nobody_knows_is_left_to_the_operator(ngrok: Programs, tmp_path: Path) -> None:
    with (tmp_path / "ngrok.pid").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(CannotExpose, match="stop it"):
            trio.run(end_leftover, tmp_path)


def test_a_process_that_only_has_the_number_of_an_agent_is_left_alone(ngrok: Programs, tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as other:
        (tmp_path / "ngrok.pid").write_text(f"{other.pid}\n")

        async def story() -> None:
            async with opened(tmp_path):
                pass

        run(story)
        assert other.poll() is None
        other.kill()
