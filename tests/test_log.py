"""Messages go where the process wants them, and without a wish nowhere that anybody sees."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
import structlog

from voicecall.log import get_logger

WITHOUT_A_WISH = """
from voicecall.log import get_logger
get_logger("voicecall.gate").error("a webhook was refused", reason="bad signature")
"""


def test_a_program_that_set_up_nothing_shows_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_A_WISH], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert not structlog.is_configured()


def test_logging_gets_a_record_with_words_and_data(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "voicecall"):
        get_logger("voicecall.gate").warning("100% refused", name="r12", message="a name that records have, too")
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("voicecall.gate", "WARNING")
    assert record.getMessage() == "100% refused name='r12' message='a name that records have, too'"
    assert vars(record)["voicecall"] == {"name": "r12", "message": "a name that records have, too"}


def test_a_level_that_the_host_does_not_want_costs_it_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "voicecall"):
        get_logger("voicecall.gate").info("opened")
    assert caplog.records == []


def test_structlog_gets_it_once_it_is_set_up_whenever_that_is(caplog: pytest.LogCaptureFixture) -> None:
    log = get_logger("voicecall.gate")
    log.info("to nobody")
    with structlog.testing.capture_logs() as logs:
        log.warning("refused", reason="late")
    assert logs == [{"event": "refused", "reason": "late", "log_level": "warning"}]
    assert [one.getMessage() for one in caplog.records if one.levelno > logging.INFO] == []
