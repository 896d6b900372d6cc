"""The repository's own files, as the checks see them."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("voicecall", "journal")
CODE = (*PRODUCT, "scripts", "benchmarks", "tests")
_MADE = {".git", ".venv", ".gateway", "__pycache__", ".hypothesis"}
_MADE |= {".pytest_cache", ".ruff_cache", ".import_linter_cache"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """Every Python file below ``folders`` of the root."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py") if not _MADE & set(path.parts))


def all_files() -> Iterator[Path]:
    """Every file that people wrote, whatever its kind."""
    for path in sorted(ROOT.rglob("*")):
        if path.is_file() and not _MADE & set(path.relative_to(ROOT).parts) and ".egg-info" not in str(path):
            yield path


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(path: Path) -> list[Function]:
    """Every function of one file, nested ones and methods too."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, Function)]


def classes(path: Path) -> list[ast.ClassDef]:
    """Every class of one file."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and text of every comment; what looks like one inside a string is not."""
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def name_of(path: Path) -> str:
    """The path as people write it."""
    return str(path.relative_to(ROOT))
