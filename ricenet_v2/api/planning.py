"""Check a raw dataset, measure it, plan for it, split it into folds, and preprocess it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ricenet_v2.api import access, fold_assignment, plan_choice
from ricenet_v2.api.fold_assignment import FoldAssignment
from ricenet_v2.api.locations import DatasetInput, PathInput, paths_of
from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, TrainingError
from ricenet_v2.fingerprinting.fingerprint import measure
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.network.mixed import MixedPrecision
from ricenet_v2.network.stages import StageCost, stage_costs
from ricenet_v2.preprocessing.cohort import CohortResult, preprocess_dataset
from ricenet_v2.records.fingerprint import Fingerprint
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.plan import Plan
from ricenet_v2.reporting.plan.alternatives import alternatives_of
from ricenet_v2.reporting.plan.page import write_plan_page
from ricenet_v2.store.cases import delete_case, leftovers
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import RawDataset, load_raw_dataset

__all__ = [
    "CohortResult",
    "IntegrityError",
    "PlanOptions",
    "plan",
    "plan_and_preprocess",
    "preprocess",
    "verify",
]

Observer = Callable[["PlanningStep"], None]


@dataclass(frozen=True)
class PlanOptions:
    """What a user decides of a plan; None leaves it to the fingerprint of the dataset.

    Attributes:
        preset: Set of planning rules: `auto`, `small`, `resenc_l`, `paper`, or that of a plugin.
        gpu_memory_gb: GiB that one training step may take; None asks the CUDA device.
        precision: In which a training step must fit; None is bfloat16 where there is a CUDA device.
        spacing: Target spacing, mm along (z, y, x).
        input_size: Voxels along (z, y, x) that the network sees.
        batch_size: Samples of a training step.
        straighten: Resample images that lie tilted along the axes of the patient.
        group: Column of cases.csv of which each fold holds out one value; `none` for folds that are
            stratified by class; None keeps the folds that are there, else stratifies.
    """

    preset: str = "auto"
    gpu_memory_gb: float | None = None
    precision: Literal["float32", "bfloat16"] | None = None
    spacing: Sequence[float] | None = None
    input_size: Sequence[int] | None = None
    batch_size: int | None = None
    straighten: bool = False
    group: str | None = None

    def fixed(self) -> dict[str, Any]:
        """What the planner is not to decide, by the names of its arguments."""
        return {
            "memory_gb": self.gpu_memory_gb,
            "precision": self.precision,
            "spacing": None if self.spacing is None else tuple(float(mm) for mm in self.spacing),
            "input_size": None if self.input_size is None else tuple(self.input_size),
            "batch_size": self.batch_size,
            "straighten": self.straighten or None,
        }


@dataclass(frozen=True)
class NewPlan:
    """A plan, with what it was made from and what it costs.

    Attributes:
        plan: The plan.
        fingerprint: That it was made from.
        parts: Cost of each part of its network.
        notes: What is to be known of it, in sentences.
    """

    plan: Plan
    fingerprint: Fingerprint
    parts: tuple[StageCost, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnlistedCases:
    """Preprocessed cases that are not in cases.csv.

    Attributes:
        folder: That they lie in.
        case_ids: Of these cases.
        are_deleted: Whether they were deleted.
    """

    folder: Path
    case_ids: tuple[str, ...]
    are_deleted: bool


PlanningStep = Integrity | FoldAssignment | Fingerprint | NewPlan | CohortResult | UnlistedCases


class IntegrityError(DatasetError):
    """The check of a raw dataset ended with errors; `integrity` has all findings."""

    def __init__(self, integrity: Integrity, file: Path) -> None:
        """Name the first error and say where all are.

        Args:
            integrity: The findings.
            file: That they are written to.
        """
        self.integrity = integrity
        first, n = integrity.errors[0], len(integrity.errors)
        super().__init__(
            f"The check of {integrity.dataset} ended with {n} error{'s' if n > 1 else ''}, first "
            f"of all {first.check}: {first.found}.",
            case=first.case or None,
            file=file,
            expected=first.expected or None,
            remedy=first.remedy or None,
        )


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
    """Check every table and image of a raw dataset, and its folds where a group is named.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        options: Of which `group` and `straighten` matter here.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        overwrite: Check as `plan` with `overwrite` would.
        num_workers: Largest number of processes.
        case_timeout: Seconds that a case may take; as long as it takes where None.
        observer: Is called with each step as it is done.

    Returns:
        The findings; they are also written to integrity.json.

    Raises:
        DatasetError: There is no such dataset, or its tables cannot be read; or there are no errors
            and the column of `group` makes no folds.

    Example:
        >>> rn.verify("1", workspace=space).errors
        ()
    """
    options, paths = options or PlanOptions(), paths_of(dataset, workspace)
    run = _Planning(paths, options, overwrite, num_workers, case_timeout, observer)
    integrity = run.check()
    if not integrity.errors and options.group is not None:
        run.assign_folds()
    return integrity


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

    What is written: integrity.json, fingerprint.json, ricenet_plan.json and its page, splits.json.
    A plan that is there stays where it fits the data and the options.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        options: What the planner is not to decide.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        overwrite: Replace an existing plan, and folds of other cases or of another group.
        num_workers: Largest number of processes.
        case_timeout: Seconds that checking or measuring a case may take; as long as it takes where
            None.
        observer: Is called with each step as it is done.

    Returns:
        The plan, with every decision and its reason. A dataset that is too small for folds has no
        splits.json, and training refuses it.

    Raises:
        IntegrityError: The dataset has errors.
        PlanError: There is a plan that was made otherwise, or none can be made.
        InUseError: Another process trains on it.

    Example:
        >>> plan = rn.plan("1", rn.PlanOptions(batch_size=2), workspace=space)
        >>> plan.training.batch_size
        2
    """
    options, paths = options or PlanOptions(), paths_of(dataset, workspace)
    run = _Planning(paths, options, overwrite, num_workers, case_timeout, observer)
    with access.planning(paths, options.preset):
        return run.plan()


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

    Cases that are there, made of the same images by the same plan, are kept.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        plan: Name of the plan.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        overwrite: Make every case anew, and delete those that are no longer in cases.csv.
        num_workers: Largest number of processes.
        case_timeout: Seconds that a case may take; as long as it takes where None.
        observer: Is called with each step as it is done.

    Returns:
        Case identifiers by what became of them; a case that failed does not keep the others from
        being done.

    Raises:
        TrainingError: The dataset is not planned.
        InUseError: Another process trains on its cases.

    Example:
        >>> rn.preprocess("1", workspace=space).failed
        {}
    """
    paths = paths_of(dataset, workspace)
    options = PlanOptions(preset=plan)
    run = _Planning(paths, options, overwrite, num_workers, case_timeout, observer)
    with access.planning(paths, plan):
        return run.preprocess(run.stored_plan())


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
    options, paths = options or PlanOptions(), paths_of(dataset, workspace)
    run = _Planning(paths, options, overwrite, num_workers, case_timeout, observer)
    with access.planning(paths, options.preset):
        planned = run.plan()
        return planned, run.preprocess(planned)


class _Planning:
    """The steps for one dataset, each of which an observer hears of."""

    def __init__(
        self,
        paths: DatasetPaths,
        options: PlanOptions,
        overwrite: bool,
        num_workers: int,
        seconds: float | None,
        observer: Observer | None,
    ) -> None:
        self._paths, self._options, self._overwrite = paths, options, overwrite
        self._workers, self._seconds = num_workers, seconds
        self._observe = observer or (lambda _step: None)
        self._raw: RawDataset = load_raw_dataset(paths.raw)
        keeps_plan = plan_choice.is_straightened(paths.plan(options.preset)) and not overwrite
        self._straightens = options.straighten or keeps_plan

    def check(self) -> Integrity:
        integrity = check(
            self._raw, self._workers, straighten=self._straightens, seconds=self._seconds
        )
        documents.write(self._paths.integrity, integrity)
        self._observe(integrity)
        return integrity

    def assign_folds(self) -> FoldAssignment:
        folds = fold_assignment.chosen_folds(
            self._raw.cases, self._paths, self._options.group, overwrite=self._overwrite
        )
        self._observe(folds)
        return folds

    def plan(self) -> Plan:
        integrity = self.check()
        if integrity.errors:
            raise IntegrityError(integrity, self._paths.integrity)
        folds, paths, preset = self.assign_folds(), self._paths, self._options.preset
        with fold_assignment.replacing(folds, paths, preset):  # refused before all is measured
            pass
        fingerprint = measure(
            self._raw,
            self._workers,
            paths.measurements,
            straighten=self._straightens,
            seconds=self._seconds,
        )
        self._observe(fingerprint)
        new = self._new_plan(fingerprint, folds)
        self._observe(new)
        documents.write(paths.fingerprint, fingerprint)
        with fold_assignment.replacing(folds, paths, preset):
            if folds.splits is not None:
                documents.write(paths.splits, folds.splits)
            else:
                # Folds of the cases that were there before would belong to nothing.
                paths.splits.unlink(missing_ok=True)
        return new.plan

    def _new_plan(self, fingerprint: Fingerprint, folds: FoldAssignment) -> NewPlan:
        paths, preset = self._paths, self._options.preset
        then, damage = plan_choice.earlier(paths.fingerprint)
        measured = plan_choice.FingerprintChange(fingerprint, then)
        plan, notes = plan_choice.plan_for(
            self._raw,
            measured,
            paths.plan(preset),
            preset,
            self._options.fixed(),
            folds.splits,
            overwrite=self._overwrite,
        )
        casts = MixedPrecision("cuda") if plan.memory.precision == "bfloat16" else None
        n_channels, n_classes = len(plan.channels), len(plan.classes)
        batch = plan.training.batch_size
        parts = stage_costs(plan.network, n_channels, n_classes, plan.input_size, batch, casts)
        write_plan_page(paths.page(preset), fingerprint, plan, parts, alternatives_of(plan))
        return NewPlan(plan, fingerprint, tuple(parts), (*damage, *notes))

    def stored_plan(self) -> Plan:
        path = self._paths.plan(self._options.preset)
        if not path.is_file():
            raise TrainingError(
                "This dataset is not planned yet.",
                file=path,
                remedy=f"Run ricenet_plan_and_preprocess {self._paths.name} first.",
            )
        return documents.read(Plan, path)

    def preprocess(self, plan: Plan) -> CohortResult:
        raw, folder = self._raw, self._paths.cases(plan.name)
        result = preprocess_dataset(
            raw, plan, folder, self._workers, overwrite=self._overwrite, seconds=self._seconds
        )
        self._observe(result)
        listed = {case.case_id for case in raw.cases}
        for place, ids in leftovers(self._paths.preprocessed, listed).items():
            is_replaced = self._overwrite and place == folder
            for case_id in ids if is_replaced else ():
                delete_case(place, case_id)
            self._observe(UnlistedCases(place, tuple(ids), is_replaced))
        return result
