"""A command of ours, or a script, in a process of its own; run by path, not imported.

`request` has its words, its folder, its environment, and the file of its output.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path


def _answer(words: list[str], folder: str, environment: dict[str, str], output: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1, closefd=False) for n in (1, 2))
    name = Path(words[0]).name
    if name.startswith("ricenet_"):
        sys.argv = words
        added = environment.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[1:1] = [path for path in added if path and path not in sys.path]
        module = importlib.import_module(f"ricenet_v2.cli.{name.removeprefix('ricenet_')}")
        sys.exit(module.main())
    # A script may start processes that look at it again: it runs as a user would run it.
    os.execve(sys.executable, [sys.executable, *words[1:]], environment)


if __name__ == "__main__":
    _answer(*request)  # noqa: F821
