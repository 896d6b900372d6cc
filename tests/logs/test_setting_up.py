"""Where messages go, what they look like, and that Python and its libraries take the same way."""

from __future__ import annotations

import gc
import json
import logging
import sys
import threading
import warnings
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog

from voicecall.__main__ import main
from voicecall.log import get_logger
from voicecall.logs.setting_up import logging_set_up
from voicecall.rpc.logs import LogFeed

log = get_logger(__name__)


class Logged:
    """What was logged inside ``with``."""

    def __init__(self, **settings: Any) -> None:
        self._settings, self._stderr = settings, StringIO()

    def __enter__(self) -> Logged:
        self._redirected = redirect_stderr(self._stderr)
        self._redirected.__enter__()
        self._set_up = logging_set_up(LogFeed(), **self._settings)
        self.redaction = self._set_up.__enter__()
        return self

    def __exit__(self, *told: Any) -> None:
        self._set_up.__exit__(*told)
        self._redirected.__exit__(*told)

    @property
    def text(self) -> str:
        return self._stderr.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


def test_a_message_is_a_line_of_json_or_of_text() -> None:
    with Logged() as logged:
        log.warning("the tunnel is lost", again_in_s=4, peer="+15550001234")
    assert "T" in logged.lines[0].pop("timestamp")
    (told,) = logged.lines
    told.pop("timestamp")
    assert told == {"event": "the tunnel is lost", "level": "warning", "again_in_s": 4, "peer": "[number]"}
    with Logged(form="text") as logged:
        log.warning("the tunnel is lost", again_in_s=4)
    assert "[warning  ] the tunnel is lost again_in_s=4" in logged.text
    assert "\x1b" not in logged.text


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [
        ("debug", ["d", "i", "w", "e"], ["i", "w", "e"]),
        ("info", ["i", "w", "e"], ["w", "e"]),
        ("warning", ["w", "e"], ["w", "e"]),
        ("error", ["e"], ["e"]),
    ],
)
def test_unimportant_messages_are_left_out_those_of_libraries_sooner(
    level: str, ours: list[str], theirs: list[str]
) -> None:
    library = logging.getLogger("httpx")
    for source, told in ((log, ours), (library, theirs)):
        with Logged(level=level) as logged:
            for name in ("debug", "info", "warning", "error"):
                getattr(source, name)(name[0])
        assert [one["event"] for one in logged.lines] == told


def test_libraries_and_warnings_are_heard_without_what_they_quote() -> None:
    chatty = logging.getLogger("openai")
    chatty.setLevel(logging.DEBUG)  # as OPENAI_LOG=debug does
    try:
        with Logged() as logged, warnings.catch_warnings():
            warnings.simplefilter("always")
            logged.redaction.learn(["sk-verysecret"])
            chatty.debug("Request options: %s", {"json_data": {"messages": ["what somebody said"]}})
            chatty.warning("retrying %s with %s", "+15550001234", "sk-verysecret")
            warnings.warn("the key sk-verysecret is old", stacklevel=1)
            chatty.warning("cannot be %d formatted", "what somebody said")
    finally:
        chatty.setLevel(logging.NOTSET)
    first, second = logged.lines
    assert (first["event"], first["logger"], first["level"]) == (
        "retrying [number] with ********",
        "openai",
        "warning",
    )
    assert second["logger"] == "py.warnings"
    assert "UserWarning: the key ******** is old" in second["event"]
    assert "what somebody said" not in logged.text


def fail(hidden: str) -> None:
    local = hidden  # noqa: F841
    try:
        raise KeyError("what somebody said")
    except KeyError as error:
        raise ValueError("+15550001234 and hush hush") from error


def test_a_failure_is_told_by_its_types_and_places_alone() -> None:
    with Logged() as logged:
        try:
            fail("hush hush")
        except ValueError as error:
            log.error("it failed", exc_info=error)
            logging.getLogger("hypercorn").exception("it failed")
    for told in logged.lines:
        cause, where, error, *places = told["failure"]
        assert (cause, error) == ("KeyError", "ValueError")
        assert where.endswith(" fail")
        assert places[0].endswith(" test_a_failure_is_told_by_its_types_and_places_alone")
        assert "test_setting_up.py:" in places[1]
    for hidden in ("hush", "somebody", "1555", "exc_info"):
        assert hidden not in logged.text


def test_with_transcripts_a_failure_has_its_texts_too_but_no_numbers() -> None:
    with Logged() as logged:
        logged.redaction.transcripts = True
        with pytest.raises(ExceptionGroup) as caught:
            raise ExceptionGroup("two", [ValueError("from +15550001234"), KeyError("k")])
        log.error("it failed", exc_info=caught.value)
    told = [line for line in logged.lines[0]["failure"] if ".py:" not in line]
    assert told == ["ExceptionGroup: two (2 sub-exceptions)", "  ValueError: from [number]", "  KeyError: 'k'"]


def test_what_python_prints_by_itself_takes_the_same_way() -> None:
    class Odd:
        def __del__(self) -> None:
            raise ValueError("what somebody said")

    def odd() -> None:
        raise ValueError("what somebody said")

    with Logged() as logged:
        thread = threading.Thread(target=odd)
        thread.start()
        thread.join()
        Odd()
        gc.collect()
    assert [(one["event"], one["failure"][0]) for one in logged.lines] == [
        ("a thread failed", "ValueError"),
        ("an exception was ignored", "ValueError"),
    ]
    assert "somebody" not in logged.text


def test_nothing_of_it_is_left_afterwards() -> None:
    def now() -> tuple[object, ...]:
        root = logging.getLogger()
        return (
            *(tuple(root.handlers), root.level, logging.raiseExceptions, warnings.showwarning),
            *(threading.excepthook, sys.unraisablehook, structlog.is_configured()),
        )

    before = now()
    with Logged():
        assert now() != before
    assert now() == before


def test_a_server_that_fails_says_where_in_one_line_without_what_it_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*told: Any, **more: Any) -> None:
        raise LookupError("+15550001234 and hush hush")

    monkeypatch.setattr("voicecall.cli.serving.open_system", broken)
    with redirect_stderr(StringIO()) as stderr:
        code = main(["serve", "--port", "0", "--state", str(tmp_path)])
    (told,) = [json.loads(line) for line in stderr.getvalue().splitlines()]
    assert (code, told["level"], told["event"]) == (1, "critical", "the server failed; this is a bug")
    assert "LookupError" in [line.strip() for line in told["failure"]]
    assert told["failure"][-1].endswith(" broken")
    assert "hush" not in stderr.getvalue()


def test_unknown_formats_and_levels_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--log-format", "xml"], ["--log-level", "loud"]):
        assert main(["serve", *options]) == 2
        assert options[0] in capsys.readouterr().err
