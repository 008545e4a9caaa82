"""Which faults of devices the tests on a pretended device find, by hand and not in CI.

    python -m benchmarks.device_bugs
    python -m benchmarks.device_bugs --only mixup

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
from pathlib import Path

from benchmarks.device_bugs.bug import DeviceBug
from benchmarks.device_bugs.bugs import BUGS
from benchmarks.mutation.forks import Forks
from benchmarks.mutation.tree import ROOT, copied

_TIMEOUT = 600.0


def found_by(bug: DeviceBug, forks: Forks) -> str:
    """The first test that fails with a fault; nothing where none does."""
    file = forks.tree / "ricenet_v2" / bug.file
    source = file.read_text(encoding="utf-8")
    try:
        file.write_text(bug.planted(forks.tree), encoding="utf-8")
        return forks.first_failure(bug.tests)
    finally:
        file.write_text(source, encoding="utf-8")


def main() -> int:
    """Plant all, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.device_bugs", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", default="", metavar="WORD", help="faults whose names hold this")
    only = parser.parse_args().only
    chosen = [bug for bug in BUGS if only in bug.name]
    for bug in chosen:
        bug.planted(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        forks = Forks(copied(Path(folder)), _TIMEOUT)
        tests = sorted({test for bug in chosen for test in bug.tests})
        if broken := forks.first_failure(tests):
            print(f"{broken} fails without any fault", file=sys.stderr)
            return 1
        print("| fault | file | on CUDA | found by |\n|---|---|---|---|", flush=True)
        rows, started = [], time.monotonic()
        for bug in chosen:
            test = found_by(bug, forks)
            rows.append((bug, test))
            name = test.rpartition("::")[2] or "nothing"
            print(f"| {bug.name} | `{bug.file}` | {bug.effect} | {name} |", flush=True)
    return _summary(rows, time.monotonic() - started)


def _summary(rows: list[tuple[DeviceBug, str]], seconds: float) -> int:
    """Print how many of each kind were found; 1 where one that must be found was not."""
    missed = [bug.name for bug, test in rows if not test and bug.effect != "legal"]
    counts = []
    for effect in ("wrong", "slow", "legal"):
        of = [test for bug, test in rows if bug.effect == effect]
        counts.append(f"{sum(map(bool, of))} of {len(of)} that are {effect} on CUDA")
    print(f"\nFound: {', '.join(counts)}; {seconds:.0f} s.")
    if missed:
        print(f"Not found: {'; '.join(missed)}.")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
