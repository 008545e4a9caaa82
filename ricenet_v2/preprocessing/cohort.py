"""Preprocessing all cases of a dataset: once each, in parallel, each for itself."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.files import sha256_of_file, sha256_of_text
from ricenet_v2.core.pool import Task
from ricenet_v2.fingerprinting.workers import (
    KILLED_REMEDY,
    allowed_workers,
    available_memory,
    map_cases,
)
from ricenet_v2.preprocessing.memory import bytes_of_largest
from ricenet_v2.preprocessing.pipeline import load_case, preprocess_channels
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.voxels import voxels_hash
from ricenet_v2.store import cases as store
from ricenet_v2.store.raw import RawDataset

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CohortResult:
    """Case ids by what became of them; `failed` has the reason."""

    done: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: dict[str, str]


@dataclass(frozen=True)
class _Shared:
    """What each process gets once; `raw` holds no cases."""

    raw: RawDataset
    plan: Plan
    folder: Path
    overwrite: bool


@dataclass(frozen=True)
class _Task(Task):
    case: Case

    @property
    def name(self) -> str:
        return self.case.case_id


@dataclass(frozen=True)
class _Outcome:
    case_id: str
    skipped: bool = False
    error: str | None = None


def inputs_hash(images: tuple[Path, ...], brain: Path | None, plan: Plan) -> str:
    """SHA-256 over the input files and the parts of the plan that decide the voxels."""
    files = [sha256_of_file(path) for path in (*images, *([brain] if brain else []))]
    return sha256_of_text("\n".join([*files, voxels_hash(plan), str(bool(brain))]))


def preprocess_dataset(
    raw: RawDataset, plan: Plan, folder: Path, num_workers: int = 1, *, overwrite: bool = False
) -> CohortResult:
    """Preprocess the cases of both splits into `folder`.

    A case that is there with the same inputs and plan is skipped. A case that cannot be worked on,
    or whose process was killed twice, is named in the result, and the others are finished.

    Args:
        raw: The dataset, checked.
        plan: Decides everything.
        folder: Of the plan's cases.
        num_workers: Processes, lowered to what memory allows.
        overwrite: Make every case anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [_Task(case) for case in raw.cases]
    work = partial(_work, _Shared(replace(raw, cases=()), plan, folder, overwrite))
    workers = num_workers
    if num_workers > 1:
        needed = bytes_of_largest(raw, plan)
        workers = allowed_workers(num_workers, needed, len(tasks), available_memory())
    outcomes = map_cases(work, tasks, workers, "preprocessing", _killed)
    failed = {o.case_id: o.error for o in outcomes if o.error is not None}
    for text in failed.values():
        logger.error("%s", text)
    return CohortResult(
        done=tuple(o.case_id for o in outcomes if not o.skipped and o.error is None),
        skipped=tuple(o.case_id for o in outcomes if o.skipped),
        failed=failed,
    )


def _killed(task: _Task, reason: str) -> _Outcome:
    return _Outcome(task.name, error=f"{task.name}: {reason}. {KILLED_REMEDY}")


def _work(shared: _Shared, task: _Task) -> _Outcome:
    s, case_id = shared, task.name
    try:
        made = preprocess_case(s.raw, task.case, s.plan, s.folder, overwrite=s.overwrite)
    except (RicenetError, OSError, MemoryError, RuntimeError, ValueError) as error:
        return _Outcome(case_id, error=f"{case_id}: {error}")
    return _Outcome(case_id, skipped=not made)


def preprocess_case(
    raw: RawDataset, case: Case, plan: Plan, folder: Path, *, overwrite: bool = False
) -> bool:
    """Preprocess one case into an existing folder, from its files to its files.

    Returns:
        False where it was there with the same inputs and plan, and `overwrite` is not set.

    Raises:
        DatasetError: A file is missing or unreadable, or does not fit the plan.
        GeometryError: The channels lie on different grids.
    """
    images, brain = raw.images(case), raw.mask(case, "brain")
    made_of = inputs_hash(images, brain, plan)
    if not overwrite and _is_current(folder, case.case_id, made_of):
        return False
    voxels, grid, mask = load_case(images, brain)
    channels, record = preprocess_channels(voxels, grid, plan, case.case_id, mask, made_of)
    store.write_case(folder, channels, record, plan.storage_dtype)
    return True


def _is_current(folder: Path, case_id: str, made_of: str) -> bool:
    if not store.has_case(folder, case_id):
        return False
    try:
        record = store.read_record(folder, case_id)
        # Older versions kept no hashes of voxels, by which later trainings know the case again.
        is_current = record.inputs_hash == made_of and bool(record.voxel_hashes)
        return is_current and store.is_as_written(folder, record)
    except (RicenetError, OSError):
        return False
