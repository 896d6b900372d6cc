"""Small files, small functions. Prints the distribution; fails at the limits only."""

from __future__ import annotations

import sys
from statistics import median, quantiles

import pytest

from tests.checks.sources import CODE, functions, name_of, python_files

MEDIAN, LARGEST, FUNCTION = 200, 400, 60


def test_files_are_small(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(*CODE)}
    lines = sorted(sizes.values())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(lines)} files, {sum(lines)} lines: median {median(lines):.0f}, "
            f"p90 {quantiles(lines, n=10)[-1]:.0f}, largest {lines[-1]}\n"
        )
    assert [f"{name_of(path)}: {size} lines" for path, size in sizes.items() if size > LARGEST] == []
    assert median(lines) < MEDIAN


def test_functions_are_short() -> None:
    long = [
        f"{name_of(path)}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in python_files(*CODE)
        for node in functions(path)
        if node.end_lineno is not None and node.end_lineno - node.lineno + 1 >= FUNCTION
    ]
    assert long == []
