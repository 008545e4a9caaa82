"""The masks that the region of a plan needs, and what is said where one is not there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ricenet_v2.core.errors import RegionError
from ricenet_v2.core.listing import first_of
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.store.raw import RawDataset, mask_path, masks_folder

_MOST_NAMED = 5
_PLAN_ANEW = "plan without it (--region head --overwrite)"


def no_mask(case_id: str, name: str, file: Path | None, remedy: str) -> RegionError:
    """The error of one case without its mask.

    Args:
        case_id: The case.
        name: `brain` or `lesion`.
        file: Where it was looked for; None where no folder of masks is known.
        remedy: Action that the user can take.
    """
    return RegionError(
        f"There is no {name} mask of this case, which the region of the plan needs.",
        case=case_id,
        file=file,
        expected=f"the file {file.name}" if file else f"CASE_{name} in a folder of masks",
        got="no such file" if file else "no folder of masks",
        remedy=remedy,
    )


def missing_mask(raw: RawDataset, case: Case, region: RegionPlan) -> RegionError:
    """The error of a case of a dataset that lacks the mask of its plan."""
    folder = masks_folder(raw.folder, case.split)
    path = mask_path(folder, case.case_id, region.mask, raw.dataset.file_ending)
    remedy = f"Add the mask, take the case out of cases.csv, or {_PLAN_ANEW}."
    return no_mask(case.case_id, region.mask, path, remedy)


def check_masks(raw: RawDataset, cases: Sequence[Case], region: RegionPlan) -> None:
    """Refuse a region that some cases have no mask for.

    Raises:
        RegionError: The cases are named.
    """
    if not region.mask:
        return
    missing = [case for case in cases if raw.mask(case, region.mask) is None]
    if not missing:
        return
    if len(missing) == 1:
        raise missing_mask(raw, missing[0], region)
    names = [case.case_id for case in missing]
    folder = masks_folder(raw.folder, missing[0].split)
    path = mask_path(folder, names[0], region.mask, raw.dataset.file_ending)
    raise RegionError(
        f"{len(missing)} of {len(cases)} cases have no {region.mask} mask, which the region needs.",
        file=path,
        expected=f"a file CASE_{region.mask}{raw.dataset.file_ending} for each case",
        got=f"none of {first_of(names, _MOST_NAMED)}",
        remedy=f"Add the masks, take the cases out of cases.csv, or {_PLAN_ANEW}.",
    )
