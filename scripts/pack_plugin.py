"""Makes the plugin's package, ``openclaw-voicecall-VERSION.tgz``, with the server's wheel in it.

``python scripts/pack_plugin.py FOLDER``: FOLDER gets the package, and ``plugin/openclaw/wheel`` the wheel, so that the
folder can be installed as it is, too. Needs npm; its last words say what it did.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = ROOT / "plugin/openclaw"
WHEELS = PLUGIN / "wheel"


def main(arguments: list[str]) -> int:
    """The exit status."""
    if len(arguments) != 1:
        return _fail("usage: python scripts/pack_plugin.py FOLDER")
    npm = shutil.which("npm")
    if npm is None:
        return _fail("npm is not on PATH; it comes with Node: https://nodejs.org")
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    theirs = json.loads((PLUGIN / "package.json").read_text(encoding="utf-8"))["version"]
    if ours != theirs:
        return _fail(f"plugin/openclaw/package.json: version is {theirs}, pyproject.toml says {ours}; make them one")
    _build_wheel()
    sys.stdout.write(f"{_pack(npm, Path(arguments[0]))}\n")
    return 0


def _build_wheel() -> None:
    shutil.rmtree(WHEELS, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", str(WHEELS), str(ROOT)], check=True)


def _pack(npm: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", "--json", "--pack-destination", str(folder.absolute())]
    done = subprocess.run(command, cwd=PLUGIN, check=True, capture_output=True, text=True)
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return folder / told[0]["filename"]


def _fail(words: str) -> int:
    sys.stderr.write(f"{words}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
