"""``voicecall`` and ``python -m voicecall``: the environment is read here and nowhere else in the command line."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 done, 1 failed (the reason is on stderr), 2 wrong usage."""
    from voicecall.cli.app import run

    return run(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    raise SystemExit(main())
