"""``voicecall`` and ``python -m voicecall``: the environment is read here and nowhere else in the command line."""

from __future__ import annotations

import gc
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 done, 1 failed (the reason is on stderr), 2 wrong usage. Without ``arguments`` it is the
    process's own command, after which the process ends."""
    from voicecall.cli.app import run

    if arguments is not None:
        return run(arguments)
    code = run(sys.argv[1:])
    gc.freeze()  # else the interpreter looks for garbage once more before it ends: a fifth of a short command's time
    return code


if __name__ == "__main__":
    raise SystemExit(main())
