"""Running one side of a benchmark in a process of its own, with as many cores as the other side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
STATED = (
    "Both sides run in processes that are bound to that many cores, with "
    f"{', '.join(f'`{name}`' for name in VARIABLES)} set to the same number."
)


def run(module: str, words: list[str], threads: int) -> Any:
    """The JSON that a benchmark prints as its last line.

    Args:
        module: E.g. `benchmarks.resampling`.
        words: Its arguments.
        threads: Cores and threads it may use.

    Raises:
        SystemExit: It fails.
    """
    environment = {**os.environ, **dict.fromkeys(VARIABLES, str(threads))}
    with _bound(threads):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", module, *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"{module} {' '.join(words)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def _bound(threads: int) -> Iterator[None]:
    """Bind to the first cores, where the system can; children inherit it."""
    get, put = (getattr(os, f"sched_{verb}affinity", None) for verb in ("get", "set"))
    if get is None or put is None:
        yield
        return
    before = get(0)
    if threads > len(before):
        raise SystemExit(f"{threads} threads were asked for, but there are {len(before)} cores.")
    put(0, sorted(before)[:threads])
    try:
        yield
    finally:
        put(0, before)
