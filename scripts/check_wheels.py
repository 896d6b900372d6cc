"""Is there a wheel for another Python version of everything that the lock pins? Nothing is installed.

What is installed here already says most of it: a wheel for any Python 3 is one for that version too. The package index
is asked only about wheels that are made for one version.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

LOCKS = [Path(__file__).resolve().parent.parent / "requirements" / name for name in ("lock.txt", "newer.txt")]


def pins(text: str) -> dict[str, str]:
    """Each distribution's lines in a lock, by ``name==version``."""
    blocks = re.findall(
        r"^([a-z0-9][^\s=]*==\S+)((?: ; [^\n]*)? \\\n(?:    --hash=\S+(?: \\)?\n)+)", text, re.MULTILINE
    )
    return {pin: pin + hashes for pin, hashes in blocks}


def is_portable(pin: str) -> bool:
    """Whether the wheel installed for ``pin`` serves every Python 3."""
    name, _, version = pin.partition("==")
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return False
    tags = re.findall(r"^Tag: (\S+)", installed.read_text("WHEEL") or "", re.MULTILINE)
    return installed.version == version and any(tag.startswith(("py3-", "py2.py3-")) for tag in tags)


def main(version: str) -> int:
    """Ask about what is not portable; the exit status."""
    text = "".join(lock.read_text(encoding="utf-8") for lock in LOCKS)
    asked = {pin: lines for pin, lines in pins(text).items() if not is_portable(pin)}
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text("".join(asked.values()), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run"]
        command += ["--no-deps", "--only-binary=:all:", "--python-version", version, "--target", folder]
        done = subprocess.run([*command, "--require-hashes", "-r", str(wanted)], check=False)
    sys.stdout.write(f"wheels for Python {version}: {'all there' if done.returncode == 0 else 'MISSING, see above'}\n")
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else "3.13"))
