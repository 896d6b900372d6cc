"""``voicecall config check``, ``show`` and ``schema``."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shelf import terminal
from tests.system.street import Done
from voicecall.__main__ import main
from voicecall.config.schema import json_schema

BROKEN = """{
  // who calls whom
  provider: "twilio",
  fromNumber: "5550001234",
  serve: {
    prot: 4000,
    "path": 'voice',
  },
  allowFrom: [
    "+15550001234",
    "nobody",
  ],
  twilio: { accountSid: "AC0", authToken: "${NO_SUCH}" },
}
"""
WHOLE = """{
  messages: {
    tts: { provider: "openai", providers: { openai: { apiKey: "hunter2" } } },
  },
  plugins: { entries: { "voice-call": { enabled: true, config: {
    provider: "log",
    twilio: { from: "+15550001234" },
    inboundGreeting: "Hello, ${NAME}!",
    realtime: { providers: { google: { apiKey: "hunter3" } } },
    numbers: { "+15550001111": { responseModel: "m" } },
  } } } },
}
"""


def run(*arguments: str | Path) -> Done:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main(["config", *map(str, arguments)])
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    file = tmp_path / "broken.json5"
    file.write_text(BROKEN)
    return file


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "openclaw.json"
    file.write_text(WHOLE)
    monkeypatch.setenv("NAME", "Ann")
    monkeypatch.setenv("VOICECALL_RPC_TOKEN", "hunter4")
    monkeypatch.setenv("TELNYX_API_KEY", "hunter5")
    return file


def test_every_problem_is_told_once_with_its_line(broken: Path) -> None:
    done = run("check", "--config", broken)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        f"{broken}:13: twilio.authToken: got ${{NO_SUCH}}: the environment has no NO_SUCH: set it, or write "
        "$${NO_SUCH} for these characters",
        f'{broken}:4: fromNumber: got "5550001234": Expected E.164 format, e.g. +15550001234',
        f'{broken}:11: allowFrom[1]: got "nobody": Expected E.164 format, e.g. +15550001234',
        f'{broken}:7: serve.path: got "voice": expected a URL path that begins with "/", without spaces, "?" and "#"',
        f"{broken}:6: serve.prot: got 4000: unknown key; did you mean serve.port?",
    ]


def test_programs_get_the_problems_as_json(broken: Path) -> None:
    done = run("check", "--json", "--config", broken)
    told = json.loads(done.out)
    assert (done.code, told["ok"], told["file"], told["notices"]) == (2, False, str(broken), [])
    assert [(one["path"], one["line"]) for one in told["problems"]][-1] == ("serve.prot", 6)
    assert set(told["problems"][0]) == {"path", "value", "message", "line"}


def test_a_file_that_can_be_used_may_have_older_names(whole: Path) -> None:
    done = run("check", "--config", whole)
    assert (done.code, done.err) == (0, "")
    assert f"{whole}:7: note: plugins.entries.voice-call.config.twilio.from: is now called fromNumber" in done.out
    assert done.out.endswith(f"{whole}: can be used\n")


@pytest.mark.parametrize(("text", "words"), [("{", "not JSON5"), ("[]", "must be one object")])
def test_what_cannot_be_read_is_a_problem_too(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "x.json5"
    file.write_text(text)
    for found in (file, tmp_path / "missing"):
        done = run("check", "--json", "--config", found)
        (problem,) = json.loads(done.out)["problems"]
        assert done.code == 2
        assert words in problem["message"] or "there is no such file" in problem["message"]


def test_without_a_file_everything_is_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOICECALL_CONFIG", raising=False)
    done = run("check")
    assert (done.code, done.out) == (0, "no file, all defaults: can be used\n")
    assert json.loads(run("show").out)["settings"].keys() <= {"mock.secret", "tts.providers.openai.apiKey"}


def settings(*arguments: str | Path) -> dict[str, Any]:
    done = run("show", "--json", *arguments)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)["settings"]


def test_each_value_is_shown_with_where_it_is_from(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICECALL_CONFIG", str(whole))
    found = settings()
    ours = "plugins.entries.voice-call.config."
    origins = {path: (one["value"], one["from"], one.get("line")) for path, one in found.items()}
    assert origins["enabled"] == (True, "plugins.entries.voice-call.enabled", 5)
    assert origins["provider"] == ("mock", f"{ours}provider", 6)
    assert origins["fromNumber"] == ("+15550001234", f"{ours}twilio.from", 7)
    assert origins["inboundGreeting"] == ("Hello, Ann!", f"{ours}inboundGreeting", 8)
    assert origins["numbers.+15550001111.responseModel"] == ("m", f"{ours}numbers.+15550001111.responseModel", 10)
    assert origins["tts.provider"] == ("openai", "messages.tts.provider", 3)
    assert origins["rpc.token"] == ("********", "env VOICECALL_RPC_TOKEN", None)
    assert "serve.port" not in origins
    assert "telnyx.apiKey" not in origins, "another carrier is selected"
    assert (found["inboundGreeting"]["live"], found["provider"]["live"]) == (True, False)


def test_no_secret_is_shown(whole: Path) -> None:
    done = run("show", "--all", "--config", whole)
    assert "hunter" not in done.out
    assert json.loads(done.out)["settings"]["realtime.providers"]["value"] == "********"


def test_everything_includes_the_defaults(whole: Path) -> None:
    found = settings("--all", "--config", whole)
    assert found["serve.port"] == {"value": 3334, "from": "default", "live": False}
    assert found["store"] == {"value": None, "from": "default", "live": False}


def test_what_cannot_be_used_is_not_shown(broken: Path) -> None:
    done = run("show", "--config", broken)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 5


def test_people_see_a_table(whole: Path) -> None:
    with terminal("config", "show", "--config", str(whole)) as screen:
        shown = screen.finish()
    assert shown.code == 0
    for words in ("inboundGreeting", "Hello, Ann!", "line 8", "twilio.from", "********", "env VOICECALL_RPC_TOKEN"):
        assert words in shown.out, shown.out


def test_the_schema_is_printed() -> None:
    done = run("schema")
    assert done.code == 0
    assert json.loads(done.out) == json_schema()


def test_a_server_that_does_not_run_reads_nothing(tmp_path: Path) -> None:
    done = run("reload", "--state", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "voicecall serve" in done.err
