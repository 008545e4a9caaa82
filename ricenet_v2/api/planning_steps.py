"""User decisions about a plan, and the steps of planning and preprocessing a dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ricenet_v2.api.fold_assignment import FoldAssignment
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.options import options
from ricenet_v2.network.stages import StageCost
from ricenet_v2.planning.region import AUTO, RegionOption
from ricenet_v2.preprocessing.cohort import CohortResult
from ricenet_v2.records.fingerprint import Fingerprint
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Precision
from ricenet_v2.records.ranges import Count, Extent, Gigabytes, Millimetres, Samples
from ricenet_v2.training.fold_scheme import RequestedFolds


@options
class PlanOptions:
    """User decisions about a plan; None leaves a decision to the fingerprint of the dataset.

    Attributes:
        preset: Set of planning rules: `auto`, `small`, `resenc_l`, `paper`, or that of a plugin.
            The plan gets this name, which other functions take as `plan`.
        gpu_memory_gb: GiB that one training step may take; None asks the CUDA device.
        precision: Precision in which a training step must fit; None is the mixed precision of the
            CUDA device, or float32 without one.
        spacing: Target spacing, mm along (z, y, x).
        input_size: Voxels along (z, y, x) that the network sees.
        batch_size: Samples of a training step.
        straighten: Resample images that lie tilted along the axes of the patient.
        num_folds: Number of folds that are stratified by class; 1 for none, so that only a network
            of all training cases is trained. None keeps the folds that are there, else makes 5.
        repeats: Number of divisions of all cases into folds, each drawn separately.
        group: Column of cases.csv of which each fold holds out one value; `none` for folds that are
            stratified by class; None keeps the existing folds, else stratifies.
        holdout: Instead of folds a single validation set: the share of each class's patients, e.g.
            `0.2`, or the column of cases.csv that says `train` or `validation`.
        device: Device for which a new plan is made, e.g. `cuda:1`; None takes the best available.
        activation_checkpointing: Checkpoint activations where that saves a layout, for a finer
            spacing at the price of time.
        region: Region to which every case is cropped: `brain` and `lesion` need a mask of each
            case, `head` what is not air, `image` nothing. `auto` takes the brain where every
            training case has a mask, else the head; an existing plan keeps its own.
        lesion_margin: mm around the lesion; None follows the extent of the lesions.
        allow_missing_channels: Cases may lack channels, as long as one shows the patient. The
            network is shown which are there, and whole channels are dropped in training.
    """

    preset: str = "auto"
    gpu_memory_gb: Gigabytes | None = None
    precision: Precision | None = None
    spacing: tuple[Millimetres, Millimetres, Millimetres] | None = None
    input_size: tuple[Extent, Extent, Extent] | None = None
    batch_size: Samples | None = None
    straighten: bool = False
    num_folds: Count | None = None
    repeats: Count | None = None
    group: str | None = None
    holdout: str | None = None
    device: str | None = None
    activation_checkpointing: bool = False
    region: RegionOption = "auto"
    lesion_margin: Millimetres | None = None
    allow_missing_channels: bool = False

    def folds(self) -> RequestedFolds:
        """Request for the folds."""
        return RequestedFolds(self.num_folds, self.repeats, self.group, self.holdout)

    def fixed(self) -> dict[str, Any]:
        """User-specified planning decisions, by the names of its arguments."""
        return {
            "memory_gb": self.gpu_memory_gb,
            "precision": self.precision,
            "spacing": self.spacing,
            "input_size": self.input_size,
            "batch_size": self.batch_size,
            "straighten": self.straighten or None,
            "activation_checkpointing": self.activation_checkpointing or None,
            "region": None if self.region == AUTO else self.region,
            "lesion_margin": self.lesion_margin,
            "allow_missing_channels": self.allow_missing_channels or None,
        }


@dataclass(frozen=True)
class PlanNotes:
    """Notes before a plan, in sentences."""

    notes: tuple[str, ...]


@dataclass(frozen=True)
class PlanCost:
    """Cost of the network of a plan, part by part."""

    plan: Plan
    parts: tuple[StageCost, ...]


@dataclass(frozen=True)
class UnlistedCases:
    """Preprocessed cases that are not in cases.csv.

    Attributes:
        folder: Folder in which they lie.
        case_ids: Identifiers of these cases.
        are_deleted: Whether they were deleted.
    """

    folder: Path
    case_ids: tuple[str, ...]
    are_deleted: bool


PlanningStep = (
    Integrity
    | FoldAssignment
    | Fingerprint
    | PlanNotes
    | Plan
    | PlanCost
    | CohortResult
    | UnlistedCases
)
Observer = Callable[[PlanningStep], None]


class IntegrityError(DatasetError):
    """The check of a raw dataset ended with errors; `integrity` has all findings."""

    integrity: Integrity

    @classmethod
    def of(cls, integrity: Integrity, file: Path) -> IntegrityError:
        """The error that names the first finding, and the file where all are."""
        first, n = integrity.errors[0], len(integrity.errors)
        error = cls(
            f"The check of {integrity.dataset} ended with {n} error{'s' if n > 1 else ''}, first "
            f"of all {first.check}: {first.found}.",
            case=first.case or None,
            file=file,
            expected=first.expected or None,
            remedy=first.remedy or None,
        )
        error.integrity = integrity
        return error
