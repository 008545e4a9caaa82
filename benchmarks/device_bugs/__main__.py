"""Faults of devices that the tests on a pretended device find, by hand and not in CI.

    python -m benchmarks.device_bugs
    python -m benchmarks.device_bugs --only mixup
    python -m benchmarks.device_bugs --write

Each fault is planted in a copy of the working tree, and the tests of its part are run until one
fails. Ends with 1 where a fault is not found that gives errors, wrong values or waits on CUDA. What
is legal there, another way than the one that is meant, need not be found. Takes some minutes, and
an operating system with fork.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from benchmarks.device_bugs.bug import DeviceBug, Effect
from benchmarks.device_bugs.bugs import BUGS
from benchmarks.mutation.forks import Forks
from benchmarks.mutation.tree import ROOT, copied

_TIMEOUT = 600.0
EFFECTS: tuple[Effect, ...] = ("wrong", "slow", "legal")
Rows = list[tuple[DeviceBug, str]]


def found_by(bug: DeviceBug, forks: Forks) -> str:
    """The first test that fails with a fault; nothing where none does."""
    file = forks.tree / "ricenet_v2" / bug.file
    source = file.read_text(encoding="utf-8")
    try:
        file.write_text(bug.planted(forks.tree), encoding="utf-8")
        return forks.first_failure(bug.tests)
    finally:
        file.write_text(source, encoding="utf-8")


def _tried(bug: DeviceBug, free: Queue[Forks]) -> str:
    forks = free.get()
    try:
        return found_by(bug, forks)
    finally:
        free.put(forks)


def _failing(test: str, free: Queue[Forks]) -> str:
    forks = free.get()
    try:
        return forks.first_failure([test])
    finally:
        free.put(forks)


def main() -> int:
    """Plant all, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.device_bugs", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", default="", metavar="WORD", help="faults whose names hold this")
    parser.add_argument("--write", action="store_true", help="put the counts into the page")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="faults at a time")
    parser.add_argument(
        "--unchecked", action="store_true", help="the tests are known to pass without a fault"
    )
    options = parser.parse_args()
    chosen = [bug for bug in BUGS if options.only in bug.name]
    for bug in chosen:
        bug.planted(ROOT)
    tests = sorted({test for bug in chosen for test in bug.tests})
    rows: Rows = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        free = Queue[Forks]()
        for number in range(options.jobs):
            free.put(Forks(copied(Path(folder) / str(number)), _TIMEOUT))
        known = [] if options.unchecked else tests
        broken = [test for test in pool.map(lambda t: _failing(t, free), known) if test]
        if broken:
            print(f"without any fault these fail: {', '.join(broken)}", file=sys.stderr)
            return 1
        print("| fault | file | on CUDA | found by |\n|---|---|---|---|", flush=True)
        outcomes = pool.map(lambda bug: _tried(bug, free), chosen)
        for bug, test in zip(chosen, outcomes, strict=True):
            rows.append((bug, test))
            name = test.rpartition("::")[2] or "nothing"
            print(f"| {bug.name} | `{bug.file}` | {bug.effect} | {name} |", flush=True)
    print(f"\n{counted(rows)}\n\n{time.monotonic() - started:.0f} s")
    if options.write and not options.only:
        from benchmarks import page

        page.write(ROOT / "documentation" / "benchmarks.md", "device bugs", counted(rows))
    missed = [bug.name for bug, test in rows if not test and bug.effect != "legal"]
    if missed:
        print(f"Not found: {'; '.join(missed)}.")
    return int(bool(missed))


def counted(rows: Rows) -> str:
    """How many of each effect were found, by the package that they were planted in."""
    from benchmarks import page  # not before the tests have run: it imports the package

    folders = sorted({bug.file.partition("/")[0] for bug, _ in rows})
    counts = {
        (folder, effect): [
            bool(test)
            for bug, test in rows
            if bug.effect == effect and bug.file.startswith(f"{folder}/")
        ]
        for folder in folders
        for effect in EFFECTS
    }
    lines = [[f"`{folder}`", *(_share(counts[folder, e]) for e in EFFECTS)] for folder in folders]
    sums = [_share([detected for f in folders for detected in counts[f, e]]) for e in EFFECTS]
    columns = ("package", *(f"{effect} on CUDA" for effect in EFFECTS))
    return page.table(columns, [*lines, ["all", *sums]])


def _share(detections: list[bool]) -> str:
    return f"{sum(detections)} of {len(detections)}" if detections else "-"


if __name__ == "__main__":
    raise SystemExit(main())
