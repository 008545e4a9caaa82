"""Whether the images of a dataset are still those that its cases were preprocessed from."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.failures import logged
from ricenet_v2.core.listing import first_of
from ricenet_v2.preprocessing.cohort import inputs_hash
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.region import BRAIN_MASK
from ricenet_v2.records.voxels import voxels_hash
from ricenet_v2.store import cases as store
from ricenet_v2.store.image_files import image_files
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import RawDataset

logger = logging.getLogger(__name__)

SECONDS = 20.0
"""Time limit for reading images; only those written after their case are read."""
_THREADS = 8
_MOST_NAMED = 5


@dataclass(frozen=True)
class RawChanges:
    """Training cases whose files changed after they were preprocessed.

    Attributes:
        changed: Cases with other images or another mask, by their content.
        unread: Cases that may have, by their times of change: reading them would take too long.
    """

    changed: tuple[str, ...]
    unread: tuple[str, ...]

    def sentences(self, dataset: str) -> list[str]:
        """Each kind in a sentence that says what to do."""
        again = f"ricenet_plan_and_preprocess {dataset}"
        sentences = []
        if self.changed:
            sentences.append(
                f"The images of {len(self.changed)} training case(s) differ from those that "
                "were preprocessed, from which networks learn: "
                f"{first_of(self.changed, _MOST_NAMED)}. Run {again}, or bring the former images "
                "back."
            )
        if self.unread:
            sentences.append(
                f"The images of {len(self.unread)} training case(s) were written after they were "
                "preprocessed, and are too many to be compared now: "
                f"{first_of(self.unread, _MOST_NAMED)}. {again} compares them."
            )
        return sentences


def warn_raw_changes(raw: RawDataset, plan: Plan, paths: DatasetPaths) -> None:
    """Warn of images that changed; nothing where that is unknown: training needs none."""
    try:
        for sentence in raw_changes(raw, plan, paths).sentences(plan.dataset):
            logger.warning("Warning: %s", sentence)
    except Exception as error:  # noqa: BLE001 - no training ends for a doubt
        logged(logger, "Cannot determine whether the raw images have changed", error)


def raw_changes(
    raw: RawDataset, plan: Plan, paths: DatasetPaths, seconds: float = SECONDS
) -> RawChanges:
    """Compare files that were written after their case was preprocessed with what it was made of.

    By the later of the two times of change of a file, of which `cp -p` and `rsync -t` set only one.
    Cases whose images are not there, and cases of another plan, are skipped.

    Args:
        raw: The dataset.
        plan: Plan of the preprocessed cases.
        paths: Paths of the dataset.
        seconds: Time in seconds after which no further case is read.
    """
    folder, made_by = paths.cases(plan.name), voxels_hash(plan)
    cases = [case for case in raw.split("train") if store.has_case(folder, case.case_id)]
    with ThreadPoolExecutor(_THREADS) as threads:
        later = threads.map(lambda case: _is_later(raw, case, folder, plan), cases)
        suspects = [case for case, is_later in zip(cases, later, strict=True) if is_later]
    changed, unread = [], []
    until = time.monotonic() + seconds
    for case in suspects:
        record = store.read_record(folder, case.case_id)
        if record.plan_hash != made_by:
            continue
        if time.monotonic() >= until:
            unread.append(case.case_id)
        elif (
            inputs_hash(
                raw.images(case),
                raw.region_mask(case, plan.region),
                plan,
                _absent(raw, case, plan),
            )
            != record.inputs_hash
        ):
            changed.append(case.case_id)
    return RawChanges(tuple(changed), tuple(unread))


def _is_later(raw: RawDataset, case: Case, folder: Path, plan: Plan) -> bool:
    """Whether a file of a case was written after it was preprocessed, or its mask is gone."""
    images, mask = raw.images(case), raw.region_mask(case, plan.region)
    absent = _absent(raw, case, plan)
    images = tuple(path for index, path in enumerate(images) if index not in absent)
    if not images or not all(path.is_file() for path in images):
        return False
    if plan.allows_missing and _lacks_others(raw, case, absent, folder):
        return True
    if mask is None and (
        plan.region.mask
        if plan.region is not None
        else store.read_record(folder, case.case_id).region == BRAIN_MASK
    ):
        return True
    paths = images if mask is None else (*images, mask)
    states = [file.stat() for path in paths for file in image_files(path)]
    last = max(max(state.st_mtime_ns, state.st_ctime_ns) for state in states)
    return last > store.written_at(folder, case.case_id)


def _absent(raw: RawDataset, case: Case, plan: Plan) -> tuple[int, ...]:
    return raw.absent(case) if plan.allows_missing else ()


def _lacks_others(raw: RawDataset, case: Case, absent: tuple[int, ...], folder: Path) -> bool:
    """Whether an image has come or gone since; a file that is gone has no time of change."""
    names = {raw.dataset.channels[index].name for index in absent}
    return names != set(store.read_record(folder, case.case_id).missing)
