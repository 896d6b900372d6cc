"""Every branch of the core and of the vocabulary is told by the tests that mirror them, not by accident elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.checks.sources import ROOT

MIRRORS = ("tests/core", "tests/events")


def test_every_branch_of_core_and_events_is_told_by_their_own_tests(tmp_path: Path) -> None:
    run = _coverage(tmp_path, "run", "-m", "pytest", *MIRRORS)
    assert run.returncode == 0, run.stdout
    report = _coverage(tmp_path, "report")
    assert report.returncode == 0, report.stdout


def _coverage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COVERAGE_FILE": str(folder / "coverage")}
    environment.pop("PYTEST_XDIST_WORKER", None)
    command = [sys.executable, "-m", "coverage", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
