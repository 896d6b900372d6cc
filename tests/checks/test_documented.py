"""The seams are documented, and documents that are generated are fresh."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.checks.sources import ROOT, name_of, python_files, tree


def test_every_seam_has_docstrings() -> None:
    seams = [ROOT / "voicecall/ports.py", ROOT / "journal/api.py", *python_files("voicecall/events")]
    bare: list[str] = []
    for path in seams:
        module = tree(path)
        if ast.get_docstring(module) is None:
            bare.append(name_of(path))
        bare += [f"{name_of(path)}:{node.lineno}" for node in module.body if _is_bare(node)]
    assert bare == []


def test_generated_documents_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/generate_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def _is_bare(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
        return False
    return ast.get_docstring(node) is None
