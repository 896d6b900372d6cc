"""Paths on a Tailscale node: both of ours, nobody else's, and none left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.tunnels.programs import HOST, Programs, logs, programs, run
from voicecall.config import parse
from voicecall.tunnels.opening import Public, open_public
from voicecall.tunnels.problems import CannotExpose, Misconfigured

DOOR = "http://127.0.0.1:3334"
FUNNEL = {"tunnel": {"provider": "tailscale-funnel"}}
BOTH = {"/voice/webhook": f"{DOOR}/voice/webhook", "/voice/stream": f"{DOOR}/voice/stream"}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Programs]:
    with programs(tmp_path / "bin", "tailscale") as found:
        yield found


def opened(state: Path, settings: dict[str, Any], port: int = 3334) -> AbstractAsyncContextManager[Public]:
    """The door on a port, made public as the settings say."""
    return open_public(parse(settings, {}), state=state, port=port, otherwise=f"http://127.0.0.1:{port}")


def refused(state: Path, settings: dict[str, Any] = FUNNEL) -> CannotExpose:
    """Why the door cannot be made public."""
    found: list[CannotExpose] = []

    async def story() -> None:
        try:
            async with opened(state, settings):
                raise AssertionError("it is public")
        except* CannotExpose as errors:
            found.extend(one for one in errors.exceptions if isinstance(one, CannotExpose))

    run(story)
    (error,) = found
    assert "\n" not in str(error)
    return error


@pytest.mark.parametrize("mode", ["serve", "funnel"])
def test_webhooks_and_media_are_public_as_long_as_it_is_needed(node: Programs, tmp_path: Path, mode: str) -> None:
    async def story() -> None:
        async with opened(tmp_path, {"tunnel": {"provider": f"tailscale-{mode}"}}) as public:
            assert public.webhook_url() == f"https://{HOST}/voice/webhook"
            assert public.media_url() == f"wss://{HOST}/voice/stream"
            assert node.served() == BOTH
            assert node.funnels() == (["443"] if mode == "funnel" else [])

    run(story)
    assert node.served() == {}
    assert node.changes() == [
        f"tailscale {mode} --bg --yes --set-path /voice/webhook {DOOR}/voice/webhook",
        f"tailscale {mode} --bg --yes --set-path /voice/stream {DOOR}/voice/stream",
        f"tailscale {mode} --set-path /voice/webhook off",
        f"tailscale {mode} --set-path /voice/stream off",
    ]
    assert [one.name for one in tmp_path.iterdir()] == ["bin"]


def test_another_port_is_in_every_command_and_address(node: Programs, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, {**FUNNEL, "tailscale": {"port": 8443}}) as public:
            assert public.webhook_url() == f"https://{HOST}:8443/voice/webhook"
            assert node.served(8443) == BOTH

    run(story)
    assert all(" --https 8443 " in command for command in node.changes())
    assert node.served(8443) == {}


def test_the_older_setting_has_a_public_path_of_its_own(node: Programs, tmp_path: Path) -> None:
    settings = {"tailscale": {"mode": "funnel", "path": "/phone"}, "serve": {"path": "/hook"}}

    async def story() -> None:
        async with opened(tmp_path, settings) as public:
            assert public.webhook_url() == f"https://{HOST}/phone"
            assert node.served() == {"/phone": f"{DOOR}/hook", "/voice/stream": f"{DOOR}/voice/stream"}

    run(story)


def test_a_public_url_is_somebody_elses_business(node: Programs, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, {**FUNNEL, "publicUrl": "https://phone.example.com"}) as public:
            assert public.webhook_url() == f"{DOOR}/voice/webhook"

    with logs() as told:
        run(story)
    assert [line["level"] for line in told.lines] == ["warning"]
    assert node.commands() == []


def test_paths_that_have_gone_come_back_within_a_minute(node: Programs, tmp_path: Path) -> None:
    async def story() -> None:
        clock: Any = trio.lowlevel.current_clock()
        async with opened(tmp_path, FUNNEL):
            node.web({})
            node.tailscale(hangs="/voice/stream")
            await trio.testing.wait_all_tasks_blocked()
            clock.jump(60)
            await node.said("mount")
            assert node.served() == {"/voice/webhook": BOTH["/voice/webhook"]}
            node.tailscale()
            clock.jump(10)
        assert node.served() == {}

    run(story)


def test_a_daemon_that_goes_away_and_comes_back_keeps_the_paths(node: Programs, tmp_path: Path) -> None:
    async def story() -> None:
        clock: Any = trio.lowlevel.current_clock()
        with logs() as told:
            async with opened(tmp_path, FUNNEL) as public:
                node.tailscale(down="yes")
                await trio.testing.wait_all_tasks_blocked()
                clock.jump(60)
                assert "Is Tailscale running?" in (await told.until("the tunnel is lost"))["error"]
                assert not public.up
                node.tailscale(host="renamed.tail1234.ts.net")
                node.web({})
                clock.jump(1)
                await told.until("the door has another public address")
                assert (public.up, public.media_url()) == (True, "wss://renamed.tail1234.ts.net/voice/stream")

    run(story)


# --- what is not ours, and what was ----------------------------------------------------------------------------------


def test_a_second_path_that_fails_takes_the_first_one_with_it(node: Programs, tmp_path: Path) -> None:
    node.tailscale(refuses="/voice/stream")
    error = refused(tmp_path)
    assert type(error) is CannotExpose
    assert "Another client is changing the serve config" in str(error)
    assert node.served() == {}
    assert node.changes()[-1] == "tailscale funnel --set-path /voice/webhook off"
    assert not (tmp_path / "tailscale.json").exists()


def test_what_others_serve_is_left_as_it_is(node: Programs, tmp_path: Path) -> None:
    theirs = {"/voice/stream": "http://127.0.0.1:8080/x", "/": "http://127.0.0.1:8080"}
    node.web(theirs, funnel=True)
    error = refused(tmp_path)
    assert type(error) is Misconfigured
    assert str(error).startswith("tunnel.provider: /voice/stream on port 443 already leads to http://127.0.0.1:8080/x")
    assert (node.served(), node.changes()) == (theirs, [])


def test_paths_that_were_there_before_are_there_after(node: Programs, tmp_path: Path) -> None:
    node.web({**BOTH, "/": "http://127.0.0.1:8080"}, funnel=True)

    async def story() -> None:
        async with opened(tmp_path, FUNNEL):
            pass

    run(story)
    assert node.changes() == []


def leave_behind(state: Path, node: Programs, port: int = 4000) -> dict[str, str]:
    """What a server on another port leaves when it is killed."""
    door = f"http://127.0.0.1:{port}"
    paths = {path: target.replace(DOOR, door) for path, target in BOTH.items()}
    kept = [{"mode": "funnel", "port": 443, "path": path, "target": target} for path, target in paths.items()]
    (state / "tailscale.json").write_text(json.dumps({"mounts": kept}))
    node.web(paths, funnel=True)
    return paths


def test_paths_of_a_killed_server_lead_to_the_new_one(node: Programs, tmp_path: Path) -> None:
    leave_behind(tmp_path, node)

    async def story() -> None:
        async with opened(tmp_path, FUNNEL):
            assert node.served() == BOTH

    run(story)
    assert node.served() == {}


def test_the_same_paths_of_a_killed_server_are_used_again_and_removed(node: Programs, tmp_path: Path) -> None:
    leave_behind(tmp_path, node, port=3334)

    async def story() -> None:
        async with opened(tmp_path, FUNNEL):
            assert node.changes() == []

    run(story)
    assert (node.served(), len(node.changes())) == ({}, 2)


def test_without_tailscale_now_a_killed_servers_paths_go_all_the_same(node: Programs, tmp_path: Path) -> None:
    leave_behind(tmp_path, node)

    async def story() -> None:
        async with opened(tmp_path, {}) as public:
            assert node.served() == {}
            assert public.webhook_url() == f"{DOOR}/voice/webhook"

    run(story)
    assert [one.name for one in tmp_path.iterdir()] == ["bin"]


def test_a_path_that_somebody_has_taken_over_since_is_theirs(node: Programs, tmp_path: Path) -> None:
    paths = leave_behind(tmp_path, node)
    node.web({**paths, "/voice/webhook": "http://127.0.0.1:8080"}, funnel=True)

    async def story() -> None:
        async with opened(tmp_path, {}):
            assert node.served() == {"/voice/webhook": "http://127.0.0.1:8080"}

    run(story)


def test_a_path_that_somebody_has_taken_over_since_is_not_taken_back(node: Programs, tmp_path: Path) -> None:
    theirs = {**leave_behind(tmp_path, node), "/voice/webhook": "http://127.0.0.1:8080"}
    node.web(theirs, funnel=True)
    assert "/voice/webhook on port 443 already leads to http://127.0.0.1:8080" in str(refused(tmp_path))
    assert node.served() == {"/voice/webhook": "http://127.0.0.1:8080"}


def test_what_cannot_be_removed_now_is_removed_the_next_time(node: Programs, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, FUNNEL):
            node.tailscale(denied="yes")

    with logs() as told:
        run(story)
    assert [line["event"] for line in told.lines][-1] == "paths stay public until voicecall serves again"
    assert node.served() == BOTH
    assert (tmp_path / "tailscale.json").stat().st_mode & 0o777 == 0o600

    async def next_time() -> None:
        node.tailscale()
        async with opened(tmp_path, {}):
            assert node.served() == {}

    run(next_time)


def test_a_record_that_nobody_can_read_is_told_and_harms_nobody(node: Programs, tmp_path: Path) -> None:
    (tmp_path / "tailscale.json").write_text('{"mounts": [{"mode"')

    async def story() -> None:
        async with opened(tmp_path, FUNNEL):
            assert node.served() == BOTH

    with logs() as told:
        run(story)
    assert "nobody knows which paths are ours" in [line["event"] for line in told.lines]
    assert node.served() == {}


# --- why not ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("does", "words"),
    [
        (
            {"state": "NeedsLogin"},
            ["Is Tailscale running? (its state is NeedsLogin); log in with `sudo tailscale up`"],
        ),
        ({"denied": "yes"}, ["Access denied: serve config denied", "`sudo tailscale set --operator=$USER`"]),
        (
            {"not_enabled": "ends"},
            ["Funnel is not enabled on your tailnet.", "at https://login.tailscale.com/f/funnel?node=nABC123CNTRL"],
        ),
        (
            {"ports": "10000"},
            ["tailscale.port: got 443: ", "is not allowed for funnel", "set tailscale.port to 443, 8443"],
        ),
        (
            {"refuses": "/voice/webhook", "words": "updating config: listener already exists for port 443"},
            ["tailscale.port: got 443: ", "set it to a port that nobody uses"],
        ),
    ],
)
def test_why_it_cannot_be_public_is_said_with_the_setting_and_the_fix(
    node: Programs, tmp_path: Path, does: dict[str, str], words: list[str]
) -> None:
    node.tailscale(**does)
    error = refused(tmp_path)
    assert type(error) is Misconfigured
    assert str(error).startswith(("tunnel.provider: ", "tailscale.port: "))
    assert [word for word in words if word not in str(error)] == []
    assert node.served() == {}


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ({"down": "yes"}, "(failed to connect to local tailscaled; it doesn't appear to be running"),
        ({"state": "Starting"}, "(its state is Starting); it may be running in a moment"),
    ],
)
def test_a_daemon_that_is_not_there_yet_is_no_fault_of_the_configuration(
    node: Programs, tmp_path: Path, does: dict[str, str], words: str
) -> None:
    node.tailscale(**does)
    error = refused(tmp_path)
    assert type(error) is CannotExpose
    assert f"tunnel.provider: Could not get Tailscale DNS name. Is Tailscale running? {words}" in str(error)


def test_without_the_program_it_is_said_where_to_get_it(tmp_path: Path) -> None:
    with programs(tmp_path / "bin"):
        error = refused(tmp_path, {"tailscale": {"mode": "serve"}})
    assert type(error) is Misconfigured
    assert str(error) == (
        "tailscale.mode: Failed to start tailscale: there is no program of that name on PATH; install it "
        '(https://tailscale.com/download), or set tailscale.mode to "off"'
    )


@pytest.mark.parametrize(
    ("does", "word", "limit_s", "kind", "words"),
    [
        ({"not_enabled": "waits"}, "enabling", 10, Misconfigured, "Funnel is not enabled on your tailnet."),
        ({"hangs": "/voice/stream"}, "mount", 10, CannotExpose, "did not end within 10 s"),
        ({"hangs": "status"}, "status", 2.5, CannotExpose, "`tailscale status` did not end within 2.5 s"),
    ],
)
def test_a_program_that_does_not_end_is_not_waited_for(
    node: Programs, tmp_path: Path, does: dict[str, str], word: str, limit_s: float, kind: type[Exception], words: str
) -> None:
    node.tailscale(**does)
    found: list[BaseException] = []

    async def story() -> None:
        clock: Any = trio.lowlevel.current_clock()
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def wait() -> None:
                await node.said(word)
                clock.jump(limit_s)

            try:
                async with opened(tmp_path, FUNNEL):
                    pass
            except* CannotExpose as errors:
                found.extend(errors.exceptions)

    run(story)
    assert [type(one) for one in found] == [kind]
    assert words in str(found[0])
    assert node.served() == {}
