"""Shells complete what a person begins to type."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.cli.leaves import leaves
from tests.system.street import PATIENCE_S
from voicecall.__main__ import main
from voicecall.cli.app import app

Capture = pytest.CaptureFixture[str]

TYPED = """
source "$0"
complete -p voicecall
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_voicecall
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script(capsys: Capture, shell: str) -> str:
    assert main(["completion", shell]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("voicecall st", {"start", "status"}),
        ("voicecall status --c", {"--call-id", "--config"}),
        ("voicecall call --mode ", {"notify", "conversation"}),
        ("voicecall expose --mode f", {"funnel"}),
        ("voicecall pairing ", {"list", "approve", "revoke"}),
        ("voicecall completion z", {"zsh"}),
        ("voicecall speak --message st", set[str]()),
    ],
)
def test_bash_offers_what_may_follow(capsys: Capture, tmp_path: object, typed: str, offered: set[str]) -> None:
    file = f"{tmp_path}/voicecall"
    with open(file, "w") as out:
        out.write(script(capsys, "bash"))
    command = ["bash", "--norc", "-c", TYPED, file, *typed.split(" ")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    registered, *words = done.stdout.split("\n")
    assert (registered, done.stderr) == ("complete -F _voicecall voicecall", "")
    assert set(filter(None, words)) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_names_every_command_and_its_shell_understands_it(
    capsys: Capture, tmp_path: object, shell: str
) -> None:
    text = script(capsys, shell)
    assert [name for name, _ in leaves(app) if name.split()[-1] not in text] == []
    if shutil.which(shell):
        file = f"{tmp_path}/script"
        with open(file, "w") as out:
            out.write(text)
        subprocess.run([shell, "-n", file], timeout=PATIENCE_S, check=True)
