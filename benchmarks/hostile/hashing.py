"""What the comparison of hashes costs, as a share of an epoch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.hostile import cohort
from benchmarks.hostile.attack import Attack, Ground, Outcome
from benchmarks.hostile.commands import ask
from ricenet_v2.core import documents
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.splits import Splits
from ricenet_v2.store import tables
from ricenet_v2.store.cases import read_array
from ricenet_v2.store.frames import Verified
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.workspace import dataset_paths

KIND = "hashing"
_GOAL = 0.02
_SHAPE, _SPACING = (48, 56, 48), (3.8, 3.8, 3.8)
_SECONDS, _REPEATS = 1200.0, 5


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Time an epoch, and its reading with and without the comparison."""
    workspace = ground.folder
    write_cohort(
        workspace / "raw" / NAME, cases=20, test_cases=0, shape=_SHAPE, spacing=_SPACING, seed=0
    )
    given, log = ("--workspace", workspace), workspace / "log.txt"
    steps = (
        ("plan_and_preprocess", NAME, "--preset", cohort.PLAN, "--num_workers", 1, *given),
        ("train", NAME, 0, "-p", cohort.PLAN, "--epochs", 3, "--device", "cpu", *given),
    )
    for command, *words in steps:
        answer = ask(command, *words, log=log, seconds=_SECONDS)
        if answer.code != 0:
            raise SystemExit(f"ricenet_{command} failed:\n{answer.text[-2000:]}")
    paths = dataset_paths(NAME, workspace)
    history = tables.read_rows(paths.run(cohort.PLAN).fold(0).history)
    epoch = min(float(row["seconds"]) for row in history)
    plan = documents.read(Plan, paths.plan(cohort.PLAN))
    fold = documents.read(Splits, paths.splits).folds[0]
    n_drawn = plan.training.iterations_per_epoch * plan.training.batch_size
    cases = [fold.train[n % len(fold.train)] for n in range(n_drawn)] + list(fold.validation)
    verified = Verified()
    _reading(paths, cases, verified)
    # A new process has compared none yet.
    compared = min(_reading(paths, cases, Verified()) for _ in range(_REPEATS))
    plain = min(_reading(paths, cases, verified) for _ in range(_REPEATS))
    share = max(0.0, compared - plain) / epoch
    n_bytes = sum(_size(paths.cases(cohort.PLAN), case) for case in set(cases))
    said = (
        f"Comparing hashes takes {share:.2%} of the first epoch of a fold (goal: below "
        f"{_GOAL:.0%}), and nothing in later ones as long as the files stay the same. In the same "
        f"run on the CPU of this machine, reading the {len(cases)} cases of an epoch took "
        f"{1000 * compared:.1f} ms where the {len(set(cases))} different ones "
        f"({n_bytes / 2**20:.1f} MiB) are compared for the first time, {1000 * plain:.1f} ms "
        "where they were compared before, and"
        f" the whole epoch {epoch:.2f} s (preset {cohort.PLAN}, {_SHAPE} voxels)."
    )
    yield Outcome(KIND, "cost of comparing hashes", share < _GOAL, said)


def _reading(paths: DatasetPaths, cases: list[str], verified: Verified) -> float:
    """Seconds; the files are in the memory of the system."""
    start = time.perf_counter()
    for case in cases:
        read_array(paths.cases(cohort.PLAN), case, verified=verified)
    return time.perf_counter() - start


def _size(folder: Path, case: str) -> int:
    return (folder / f"{case}.b2nd").stat().st_size


ATTACK = Attack({KIND: f"comparing takes less than {_GOAL:.0%} of an epoch"}, attempts, {})
