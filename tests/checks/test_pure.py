"""What import contracts cannot see: pure code reaches the world by no side door, and works when there is no world."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

from tests.checks.sources import ROOT, name_of, python_files, tree

PURE = ("voicecall/events", "voicecall/core", "voicecall/projections", "voicecall/adapters/carriers")
SIDE_DOORS = {"open", "input", "print", "exec", "eval", "compile", "__import__", "globals", "id", "hash"}

NO_WORLD = """
import json, os, random, secrets, socket, sys, threading, time, uuid
from voicecall.core.replay import replay
from voicecall.events.schema import decode_entry

entries = [decode_entry(json.dumps(body).encode()) for body in json.load(sys.stdin)]

def refuse(event, arguments):
    if event.split(".")[0] in ("open", "os", "socket", "subprocess", "import"):
        raise AssertionError(f"pure code asked for {event} {arguments}")

def unavailable(*_, **__):
    raise AssertionError("pure code asked for the time, chance or a thread")

for module, names in {
    time: ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep"),
    random: ("random", "randint", "choice", "getrandbits"),
    secrets: ("token_bytes", "token_hex"),
    os: ("urandom", "getpid"),
    uuid: ("uuid1", "uuid4"),
    threading: ("Thread", "Lock"),
    socket: ("socket",),
}.items():
    for name in names:
        setattr(module, name, unavailable)
sys.addaudithook(refuse)
found = replay(entries)
print(found.entries, len(found.divergences))
"""


def test_pure_code_uses_no_side_door() -> None:
    found = [
        f"{name_of(path)}:{node.lineno} {node.func.id}"
        for path in python_files(*PURE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SIDE_DOORS
    ]
    assert found == []


def test_pure_modules_import_when_they_are_imported_and_not_later() -> None:
    late = [
        f"{name_of(path)}:{node.lineno}"
        for path in python_files("voicecall/core", "voicecall/projections", "voicecall/adapters/carriers")
        for function in ast.walk(tree(path))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert late == []


def test_a_call_is_decided_without_clock_chance_files_and_sockets() -> None:
    bodies = json.dumps(_a_call()).encode()
    done = subprocess.run([sys.executable, "-c", NO_WORLD], cwd=ROOT, input=bodies, capture_output=True, check=False)
    assert (done.stdout.decode().strip(), done.stderr.decode()) == (f"{len(_a_call())} 0", "")


def _a_call() -> list[object]:
    """The bodies of one golden journal."""
    path = sorted((ROOT / "tests/golden").glob("rules-*/*.jsonl"))[0]
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line.get("b", line) for line in lines if line.get("s", "") == lines[0].get("s", "")]
