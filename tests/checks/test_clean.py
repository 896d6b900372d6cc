"""Nothing is left over, and nothing is waved through."""

from __future__ import annotations

import re
import tomllib

from tests.checks.sources import CODE, ROOT, all_files, comments, name_of, python_files

IGNORES = 10
_IGNORE = re.compile(r"#\s*(type:\s*ignore|(?:based)?pyright:|noqa|ruff:\s*noqa|flake8:)", re.IGNORECASE)
_NAMED = re.compile(r"# (noqa: [A-Z]+\d+|pyright: ignore\[report\w+\])")
_LEFT = re.compile(
    r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK", "NotImplemented" + "Error"]) + r")\b"
)
_MACHINE = re.compile(r"(?<![\w.~])/(work|root)/\w")
_TEXT = {".py", ".md", ".toml", ".txt", ".json", ".jsonl", ".yml", ".yaml", ".sh", ""}
_TARGETS = ("help", "install", "demo", "test", "check", "bench", "lock", "clean")


def test_ignores_are_few_and_name_their_rule() -> None:
    found = [
        f"{name_of(path)}:{line} {text}"
        for path in python_files(*CODE)
        for line, text in comments(path)
        if _IGNORE.search(text)
    ]
    assert [one for one in found if not _NAMED.search(one)] == []
    assert len(found) <= IGNORES, "\n".join(found)


def test_no_check_has_a_waiver_file() -> None:
    waivers = [
        name_of(path)
        for path in all_files()
        if re.search(r"waiver|baseline|allowlist|suppress", path.name) or path.name in (".flake8", "mypy.ini")
    ]
    assert waivers == []
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert not any("ignore_imports" in contract for contract in tools["importlinter"]["contracts"])
    assert not {"exclude", "ignore", "strict"} & set(tools["basedpyright"])
    assert "ignore" not in tools["ruff"]["lint"]
    assert tools["basedpyright"]["typeCheckingMode"] == "strict"


def test_nothing_is_left_to_do() -> None:
    left: list[str] = []
    for path in all_files():
        if path.suffix in _TEXT:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if _LEFT.search(line) or _MACHINE.search(line):
                    left.append(f"{name_of(path)}:{number} {line.strip()[:80]}")
    assert left == []


def test_the_makefile_has_the_words_people_type() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(_TARGETS) - targets == set()


def test_the_lock_pins_every_dependency_by_hash_and_names_no_index() -> None:
    lock = "".join((ROOT / "requirements" / name).read_text() for name in ("lock.txt", "newer.txt"))
    pinned = dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+) (?:; .*)?\\\n    --hash=sha256:", lock, re.MULTILINE))
    assert len(pinned) == len(re.findall(r"^[a-z0-9]", lock, re.MULTILINE))
    assert "://" not in lock
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for many in project["optional-dependencies"].values() for one in many)]
    named = {re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[ ]", name)[0].lower()) for name in wanted}
    assert named - set(pinned) == set()
