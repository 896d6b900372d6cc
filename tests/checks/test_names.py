"""Words that say nothing do not name anything, and asynchronous code stays where IO is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.checks.sources import CODE, PRODUCT, ROOT, Function, classes, functions, name_of, python_files

EMPTY_WORDS = {"manager", "handler", "service", "helper", "helpers", "util", "utils", "impl", "context"}
EMPTY_VERBS = {"process", "handle"}
ASYNC = (
    "journal/", "voicecall/actors/", "voicecall/audio/", "voicecall/adapters/speech/", "voicecall/adapters/agents/",
    "voicecall/web/", "voicecall/rpc/", "voicecall/cli/", "voicecall/testing/", "voicecall/tunnels/",
    "voicecall/embedding/", "voicecall/doctor/", "voicecall/metrics/",
    "voicecall/system.py", "voicecall/collecting.py", "voicecall/watching.py",
    "voicecall/assembly.py", "voicecall/talking.py", "voicecall/thinking.py",
)  # fmt: skip
STUBS = "voicecall/ports.py"


def words(name: str) -> set[str]:
    """The words of a name in snake_case, CamelCase or kebab-case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def test_no_name_is_an_empty_word() -> None:
    found: list[str] = []
    for path in python_files(*CODE):
        named = [path.stem, *(node.name for node in (*classes(path), *functions(path)))]
        found += [f"{name_of(path)}: {name}" for name in named if words(name) & EMPTY_WORDS or name in EMPTY_VERBS]
    assert found == []


def test_asynchronous_code_stays_in_the_shell() -> None:
    outside = [
        f"{name_of(path)}:{node.lineno} async def {node.name}"
        for path in python_files(*PRODUCT)
        for node in functions(path)
        if isinstance(node, ast.AsyncFunctionDef) and not _may_be_async(path, node)
    ]
    assert outside == []


def test_the_folders_that_may_be_asynchronous_exist() -> None:
    assert [place for place in (*ASYNC, STUBS) if not (ROOT / place).exists()] == []


def _may_be_async(path: Path, node: Function) -> bool:
    name = name_of(path)
    return name.startswith(ASYNC) or (name == STUBS and all(_says_nothing(line) for line in node.body))


def _says_nothing(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
