"""A system is part of a program that is not ours: it comes and goes with a block, and keeps to itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio

import voicecall
from tests.embedding.host import Host, run
from tests.system.street import LISTENS, PATIENCE_S, reserved_port
from voicecall.config import parse
from voicecall.events import facts as fact
from voicecall.rpc.client import connect

NOTHING_SEEN = """
import gc, json, sys, trio, voicecall

async def main():
    frozen = gc.get_freeze_count()
    async with voicecall.open_system(json.loads(sys.argv[1]), state=sys.argv[2]) as system:
        assert gc.get_freeze_count() == frozen
        await system.calls()

trio.run(main)
"""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def test_importing_the_package_imports_nothing_else() -> None:
    before = python("import sys; import importlib, typing; print(*sys.modules)").stdout.split()
    after = python("import sys; import voicecall; print(*sys.modules)").stdout.split()
    assert set(after) - set(before) <= {"voicecall", "__future__"}
    light = python("import sys, voicecall; voicecall.ConfigError; print(*sys.modules)").stdout.split()
    assert {"trio", "numpy", "voicecall.system"} & set(light) == set()


def test_every_name_is_there_and_no_other() -> None:
    assert sorted(voicecall.__all__) == list(voicecall.__all__)
    assert [name for name in voicecall.__all__ if getattr(voicecall, name).__name__ != name] == []
    assert set(voicecall.__all__) <= set(dir(voicecall))
    package: Any = voicecall
    with pytest.raises(AttributeError, match="has no attribute 'open_sytem'"):
        _ = package.open_sytem


def test_a_program_sees_nothing_of_it_that_it_does_not_ask_for(tmp_path: Path) -> None:
    with reserved_port() as port:
        config = {"serve": {"port": port}, "skipSignatureVerification": True}  # which is said loudly in a log
        done = python(NOTHING_SEEN, json.dumps(config), str(tmp_path / "state"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_hosts_own_exception_comes_out_as_it_is(tmp_path: Path) -> None:
    class Mine(Exception):
        pass

    async def story(host: Host) -> None:
        cause = KeyError("why")
        with pytest.raises(Mine) as caught:
            async with host.open():
                raise Mine from cause
        assert caught.value.__cause__ is cause
        several = ExceptionGroup("several", [Mine(), Mine()])
        with pytest.raises(ExceptionGroup, match="several") as group:
            async with host.open():
                raise several
        assert group.value.exceptions == several.exceptions
        with pytest.raises(OSError, match="the host's"):
            async with host.open():
                raise OSError("the host's")

    run(tmp_path, story)


def test_cancelling_the_host_ends_it_cleanly_and_no_call(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        calls = list[str]()

        async def program(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
            async with host.open() as system:
                calls.append((await system.initiate(LISTENS, "Hello.", mode="conversation")).call_id)
                async for event in system.tail(calls[0]):
                    if isinstance(event.fact, fact.MediaOpened):
                        task_status.started()
                await system.ask(calls[0], "never reached")

        async with trio.open_nursery() as nursery:
            await nursery.start(program)
            nursery.cancel_scope.cancel()
        assert not (host.state / "voicecall.sock").exists()
        async with host.open() as system:
            (living,) = await system.calls()
            assert living.call_id == calls[0]
            await system.end(calls[0])
            assert (await system.ended(calls[0])).end_reason == "hangup-bot"

    run(tmp_path, story)


def test_nothing_can_be_asked_of_a_system_that_is_closed(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        async with host.open() as system:
            pass
        with pytest.raises(voicecall.CallRefused, match="shutting down") as refusal:
            await system.initiate(LISTENS, "Hello.")
        assert refusal.value.code == "unavailable"
        with pytest.raises(voicecall.CallRefused, match=r"^the system is closed; ask while its block is running$"):
            system.tail()

    run(tmp_path, story)


def test_another_program_may_speak_to_it_over_the_socket(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        async with host.open() as system, connect(system.state) as client:
            assert await client.call("voicecall.status", {}) == {"found": True, "calls": []}
            answer: Any = await client.call("voicecall.hello", {})
            assert answer["provider"] == "mock"

    run(tmp_path, story)


def test_a_configuration_with_mistakes_names_them_all(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        for config, words in (
            ({**host.config, "toNumber": "911", "port": 5}, ["toNumber", "port"]),
            ("{ provider: ", ["not JSON5"]),
            (tmp_path / "missing.json5", ["there is no such file"]),
            ({**host.config, "enabled": False}, ["enabled: is false in the configuration; set it to true"]),
            (5, ["config: expected a Config, a mapping, JSON5 text or a Path"]),
        ):
            with pytest.raises(voicecall.ConfigError) as refusal:
                async with host.open(config=config):
                    pass
            assert [one for one in words if one not in str(refusal.value)] == []
        assert not host.state.exists()

    run(tmp_path, story)


def test_what_is_in_the_way_is_one_error_that_says_what_to_do(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        async with host.open() as system:
            with pytest.raises(
                voicecall.CannotOpen, match=r"holds this journal; stop it, or use .* over .*voicecall.sock$"
            ):
                async with host.open():
                    pass
            with pytest.raises(voicecall.CannotOpen, match=r"^serve.port: \d+ on 127.0.0.1 is already taken"):
                async with host.open(state=tmp_path / "another"):
                    pass
            assert await system.calls() == ()
        (tmp_path / "file").write_text("")
        with pytest.raises(voicecall.CannotOpen, match="check the path and its permissions, or use another state"):
            async with host.open(state=tmp_path / "file"):
                pass

    run(tmp_path, story)


def test_checked_configuration_plain_keys_text_and_file_are_the_same(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        file = tmp_path / "voicecall.json5"
        file.write_text(json.dumps(host.config))
        kept = set[str]()
        for config in (host.config, json.dumps(host.config), file, parse(host.config, {})):
            async with host.open(config=config) as system:
                kept.add(str(system.config))
                assert system.state == host.state
                assert system.webhook_url.endswith("/voice/webhook")
        assert len(kept) == 1

    run(tmp_path, story)
