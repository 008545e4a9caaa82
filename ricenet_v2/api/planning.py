"""Check a raw dataset, measure it, plan for it, split it into folds, and preprocess it."""

from __future__ import annotations

from ricenet_v2.api import access
from ricenet_v2.api.locations import DatasetInput, PathInput, paths_of
from ricenet_v2.api.planning_steps import Observer, PlanOptions
from ricenet_v2.api.planning_work import DatasetPlanning
from ricenet_v2.api.public import public
from ricenet_v2.core.options import check_positive, check_whole
from ricenet_v2.preprocessing.cohort import CohortResult
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.plan import Plan

__all__ = ["plan", "plan_and_preprocess", "preprocess", "verify"]


@public
def verify(
    dataset: DatasetInput,
    options: PlanOptions | None = None,
    *,
    workspace: PathInput | None = None,
    overwrite: bool = False,
    num_workers: int = 1,
    case_timeout: float | None = None,
    observer: Observer | None = None,
) -> Integrity:
    """Check every table and image of a raw dataset, and its folds if a group is given.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        options: Options of planning, of which those of folds, `region`, `straighten` and
            `allow_missing_channels` are used.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        overwrite: Check as `plan` with `overwrite` would.
        num_workers: Largest number of processes.
        case_timeout: Seconds that a case may take; as long as it takes where None.
        observer: Is called with each step as it is done.

    Returns:
        The findings; they are also written to integrity.json.

    Raises:
        DatasetError: There is no such dataset, or its tables cannot be read; or its cases do not
            allow the requested folds, or lack the mask of `region`.
        OptionError: Options of folds are mutually exclusive.

    Example:
        >>> rn.verify("1", workspace=space).errors
        ()
    """
    _check(num_workers, case_timeout)
    options, paths = options or PlanOptions(), paths_of(dataset, workspace)
    run = DatasetPlanning(paths, options, overwrite, num_workers, case_timeout, observer)
    integrity = run.check()
    if not integrity.errors:
        run.check_region()
        run.check_folds()
    return integrity


@public
def plan(
    dataset: DatasetInput,
    options: PlanOptions | None = None,
    *,
    workspace: PathInput | None = None,
    overwrite: bool = False,
    num_workers: int = 1,
    case_timeout: float | None = None,
    observer: Observer | None = None,
) -> Plan:
    """Check a raw dataset, measure it, plan for it and split it into folds.

    Writes integrity.json, dataset_fingerprint.json, ricenet_plan.json and its page, and
    splits_final.json. An existing plan is kept if it fits the data and the options that are set;
    with `PlanOptions()` so is one that was made with other options.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        options: User-specified planning decisions.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        overwrite: Replace an existing plan, and folds of other cases or of another group.
        num_workers: Largest number of processes.
        case_timeout: Seconds that checking or measuring a case may take; as long as it takes where
            None.
        observer: Is called with each step as it is done.

    Returns:
        The plan, with every decision and its reason.

    Raises:
        IntegrityError: The dataset has errors.
        RegionError: Cases lack the mask that the region needs.
        DatasetError: Its cases do not allow the requested folds; the message has the largest
            possible number. Or the existing folds were made with other options.
        OptionError: Options of folds are mutually exclusive.
        PlanError: The existing plan was made with other options, or none can be made.
        InUseError: Another process trains on it.

    Example:
        >>> plan = rn.plan("1", rn.PlanOptions(batch_size=2), workspace=space)
        >>> plan.training.batch_size
        2
    """
    _check(num_workers, case_timeout)
    options, paths = options or PlanOptions(), paths_of(dataset, workspace)
    with access.planning(paths, options.preset):
        run = DatasetPlanning(paths, options, overwrite, num_workers, case_timeout, observer)
        return run.plan()


@public
def preprocess(
    dataset: DatasetInput,
    plan: str = "auto",
    *,
    workspace: PathInput | None = None,
    overwrite: bool = False,
    num_workers: int = 1,
    case_timeout: float | None = None,
    observer: Observer | None = None,
) -> CohortResult:
    """Crop, resample and normalise every case of a planned dataset.

    Existing cases, made from the same images by the same plan, are kept.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        plan: Name of the plan.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        overwrite: Make every case again, and delete those that are no longer in cases.csv.
        num_workers: Largest number of processes.
        case_timeout: Seconds that a case may take; as long as it takes where None.
        observer: Is called with each step as it is done.

    Returns:
        Case identifiers by outcome; a case that failed does not stop the others.

    Raises:
        TrainingError: The dataset is not planned.
        InUseError: Another process trains on its cases.

    Example:
        >>> rn.preprocess("1", workspace=space).failed
        {}
    """
    _check(num_workers, case_timeout)
    paths = paths_of(dataset, workspace)
    options = PlanOptions(preset=plan)
    with access.planning(paths, plan):
        run = DatasetPlanning(paths, options, overwrite, num_workers, case_timeout, observer)
        return run.preprocess(run.stored_plan())


@public
def plan_and_preprocess(
    dataset: DatasetInput,
    options: PlanOptions | None = None,
    *,
    workspace: PathInput | None = None,
    overwrite: bool = False,
    num_workers: int = 1,
    case_timeout: float | None = None,
    observer: Observer | None = None,
) -> tuple[Plan, CohortResult]:
    """Do `plan` and `preprocess` while nobody else uses the dataset; see there."""
    _check(num_workers, case_timeout)
    options, paths = options or PlanOptions(), paths_of(dataset, workspace)
    with access.planning(paths, options.preset):
        run = DatasetPlanning(paths, options, overwrite, num_workers, case_timeout, observer)
        planned = run.plan()
        return planned, run.preprocess(planned)


def _check(num_workers: int, case_timeout: float | None) -> None:
    check_whole(num_workers=num_workers)
    check_positive(case_timeout=case_timeout)
