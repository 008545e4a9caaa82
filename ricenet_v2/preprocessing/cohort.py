"""Preprocessing all cases of a dataset: once each, in parallel, each for itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ricenet_v2.core import html
from ricenet_v2.core.case_pool import KILLED_REMEDY, map_cases
from ricenet_v2.core.deadline import within
from ricenet_v2.core.errors import DiskFullError, RicenetError
from ricenet_v2.core.failures import reason_of
from ricenet_v2.core.files import check_writable, sha256_of_text
from ricenet_v2.core.memory import allowed_workers, available_memory
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.preprocessing.memory import bytes_of_largest
from ricenet_v2.preprocessing.pipeline import preprocess_channels
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plugins import require
from ricenet_v2.records.voxels import voxels_hash
from ricenet_v2.store import cases as store
from ricenet_v2.store.case_images import load_case
from ricenet_v2.store.image_files import sha256_of_image
from ricenet_v2.store.masks import missing_mask
from ricenet_v2.store.raw import RawDataset

logger = logging.getLogger(__name__)

_ABSENT = "missing"


@dataclass(frozen=True)
class CohortResult:
    """Case ids by outcome.

    Attributes:
        done: Preprocessed now.
        skipped: There already, and intact.
        failed: Cases that failed, with the reason.
        damaged: Cases of `done` whose files existed but were damaged, with the fault.
    """

    done: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: dict[str, str]
    damaged: dict[str, str] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        """Numbers of cases, and why cases failed, for notebooks."""
        rows = [(each, len(getattr(self, each))) for each in ("done", "skipped", "failed")]
        failed = [f"{case} failed: {reason}" for case, reason in self.failed.items()]
        damaged = [f"{case} was damaged: {fault}" for case, fault in self.damaged.items()]
        return html.table("Preprocessed cases", ("outcome", "cases"), rows, *failed, *damaged)


@dataclass(frozen=True)
class _Shared:
    """Data that each process gets once; `raw` holds no cases."""

    raw: RawDataset
    plan: Plan
    folder: Path
    overwrite: bool
    seconds: float | None


@dataclass(frozen=True)
class _Task(PoolTask):
    case: Case

    @property
    def name(self) -> str:
        return self.case.case_id


@dataclass(frozen=True)
class _Outcome:
    case_id: str
    skipped: bool = False
    error: str | None = None
    damage: str = ""


def inputs_hash(
    images: tuple[Path, ...], mask: Path | None, plan: Plan, absent: Collection[int] = ()
) -> str:
    """SHA-256 over the input files and the parts of the plan that decide the voxels.

    Args:
        images: Images of the case.
        mask: Mask that decides the region, where one does.
        plan: Decides everything.
        absent: Indices of channels that the case lacks.

    Raises:
        OSError: A file is missing or cannot be read.
    """
    files = [
        _ABSENT if index in absent else sha256_of_image(path) for index, path in enumerate(images)
    ]
    files += [sha256_of_image(mask)] if mask else []
    return sha256_of_text("\n".join([*files, voxels_hash(plan), str(bool(mask))]))


def preprocess_dataset(
    raw: RawDataset,
    plan: Plan,
    folder: Path,
    num_workers: int = 1,
    *,
    overwrite: bool = False,
    seconds: float | None = None,
) -> CohortResult:
    """Preprocess the cases of both splits into `folder`.

    A case that is there with the same inputs and plan is skipped if it is intact: its voxels are
    compared with their hash, and a damaged or exchanged one is made again. A case that cannot be
    processed, or whose process was killed twice, is named in the result, and the others are
    finished.

    Args:
        raw: The dataset, checked.
        plan: Decides everything.
        folder: Folder of the plan's cases.
        num_workers: Processes, lowered to what memory allows.
        overwrite: Make every case again.
        seconds: Time in seconds that a case may take; None for no limit.

    Raises:
        DatasetError: Nothing can be written into `folder`.
        PluginError: A package is missing that the plan needs.
    """
    require(plan)
    check_writable(folder)
    tasks = [_Task(case) for case in raw.cases]
    work = partial(_work, _Shared(replace(raw, cases=()), plan, folder, overwrite, seconds))
    workers = num_workers
    if num_workers > 1:
        needed = bytes_of_largest(raw, plan, seconds)
        workers = allowed_workers(num_workers, needed, len(tasks), available_memory())
    outcomes = map_cases(work, tasks, workers, "preprocessing", _killed)
    failed = {o.case_id: o.error for o in outcomes if o.error is not None}
    for text in failed.values():
        logger.error("%s", text)
    return CohortResult(
        done=tuple(o.case_id for o in outcomes if not o.skipped and o.error is None),
        skipped=tuple(o.case_id for o in outcomes if o.skipped),
        failed=failed,
        damaged={o.case_id: o.damage for o in outcomes if o.damage and o.error is None},
    )


def _killed(task: _Task, reason: str) -> _Outcome:
    return _Outcome(task.name, error=f"{task.name}: {reason}. {KILLED_REMEDY}")


def _work(shared: _Shared, task: _Task) -> _Outcome:
    try:
        return within(shared.seconds, _preprocessed, shared, task)
    except DiskFullError:  # no other case could be written either
        raise
    except Exception as error:
        logger.debug("Where %s failed:", task.name, exc_info=error)
        return _Outcome(task.name, error=f"{task.name}: {reason_of(error)}")


def _preprocessed(s: _Shared, task: _Task) -> _Outcome:
    damage: list[str] = []
    is_written = preprocess_case(
        s.raw, task.case, s.plan, s.folder, overwrite=s.overwrite, warn=damage.append
    )
    return _Outcome(task.name, skipped=not is_written, damage="; ".join(damage))


def preprocess_case(
    raw: RawDataset,
    case: Case,
    plan: Plan,
    folder: Path,
    *,
    overwrite: bool = False,
    warn: Callable[[str], None] = logger.warning,
) -> bool:
    """Preprocess one case into an existing folder, from its files to its files.

    Args:
        raw: The dataset.
        case: A case of the dataset.
        plan: Decides everything.
        folder: Folder of the plan's cases.
        overwrite: Make it again, even if it is there.
        warn: Is called with what is wrong with a case that was there and is damaged.

    Returns:
        False where it was there with the same inputs and plan, and `overwrite` is not set.

    Raises:
        RegionError: There is no mask that the region of the plan needs.
        MissingChannelError: Too few channels are there, or the plan does not allow that.
        DatasetError: A file is missing or unreadable, or does not fit the plan.
        GeometryError: The channels lie on different grids.
    """
    images, region = raw.images(case), raw.region_mask(case, plan.region)
    if region is None and plan.region is not None and plan.region.mask:
        raise missing_mask(raw, case, plan.region)
    absent = raw.absent(case) if plan.allows_missing else ()
    made_of = inputs_hash(images, region, plan, absent)
    if not overwrite and _is_current(folder, case.case_id, made_of, warn):
        return False
    voxels, grid, mask = load_case(images, region, absent)
    channels, record = preprocess_channels(voxels, grid, plan, case.case_id, mask, made_of)
    store.write_case(folder, channels, record, plan.storage_dtype)
    return True


def _is_current(folder: Path, case_id: str, made_of: str, warn: Callable[[str], None]) -> bool:
    if not store.has_case(folder, case_id):
        return False
    try:
        record = store.read_record(folder, case_id)
        # Older versions kept no hashes of voxels, by which later trainings know the case again.
        is_current = record.inputs_hash == made_of and bool(record.voxel_hashes)
        if is_current:
            store.check_array(folder, record)
    except RicenetError as error:
        warn(f"{Path(error.file or folder).name}: {error.what}")
        return False
    return is_current
