"""Sources of a converted case, without anything that identifies the patient."""

from __future__ import annotations

import operator
from dataclasses import field
from typing import Annotated, ClassVar

from pydantic import Field

from ricenet_v2.core.documents import record
from ricenet_v2.core.names import Name, Title
from ricenet_v2.records.dataset import Split


@record
class RegisteredImage:
    """Registration of an image, a dose or structures onto the grid of the reference.

    Attributes:
        name: Channel, `planning CT`, `dose` or `lesion`.
        method: `same frame of reference`, `same grid`, `registration object`, `image
            registration` or `given`.
        rotation: Nine numbers, row-major, of the transform from points of the reference, LPS.
        translation: Three numbers, mm.
        mutual_information: Mutual information of an image registration.
        correlation: Mean squared local correlation in the brain of the reference.
        shifted: The same with the image moved by 4 mm.
        mirrored: The same with the image mirrored.
        covered: Share of the brain inside of the image.
        nearby: The highest correlation with the image moved by 4 mm.
    """

    name: str
    method: str
    rotation: tuple[float, ...]
    translation: tuple[float, ...]
    mutual_information: float | None = None
    correlation: float | None = None
    shifted: float | None = None
    mirrored: float | None = None
    covered: float | None = None
    nearby: float | None = None


@record
class SummedPlan:
    """A plan in the dose of a case.

    Attributes:
        fractions: Fractions of the plan.
        prescription_gy: Prescription in Gy of the plan; None if unknown.
        prescription_reason: Derivation of the prescription.
        times_fractions: Whether the dose was multiplied by the fractions.
        factor_reason: Why.
        dose_type: `PHYSICAL` or `EFFECTIVE`.
        notes: Warnings, and what was done.
    """

    fractions: int
    prescription_gy: float | None
    prescription_reason: str
    times_fractions: bool
    factor_reason: str
    dose_type: str
    notes: tuple[str, ...] = ()


@record
class CaseProvenance:
    """The content of provenance/CASE.json of a dataset that was converted.

    Attributes:
        case_id: The case.
        patient_id: Patient id of the patient.
        label: Class.
        split: `train` or `test`.
        covariates: Other columns of cases.csv.
        channels: Names, in the order of the images.
        kinds: Kinds of the channels.
        brain: `given`, what made the mask (`deepbet 1.0.2`, `command hd-bet`), or by which rule
            the region was taken.
        is_stripped: Whether voxels outside of the brain were set to 0.
        registered: Registration of the images onto the grid.
        plans: Plans of the dose.
        dose_covered: Share of the brain inside of the grid of the dose; None without dose.
        brain_ml: Volume of the mask or region; None where it was not measured.
        dose_max_gy: Largest dose; None without dose, or where it was not measured.
        warnings: Warnings in words.
        made_of: Keyed hash of all files and settings that the voxels depend on.
        outputs: SHA-256 of each file that was written, by its path below the dataset.
        settings: Number of the rules and options of the conversion; empty in older files.
        missing: Names of the channels of the dataset that the case lacks, in their order.
    """

    document: ClassVar[str] = "case_provenance"
    schema: ClassVar[int] = 1

    case_id: Name
    patient_id: Name
    label: Title
    split: Split
    covariates: dict[str, str]
    channels: tuple[Name, ...]
    kinds: tuple[str, ...]
    brain: str
    is_stripped: bool
    registered: tuple[RegisteredImage, ...]
    plans: tuple[SummedPlan, ...] = ()
    dose_covered: float | None = None
    warnings: tuple[str, ...] = ()
    made_of: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    brain_ml: float | None = None
    dose_max_gy: float | None = None
    settings: str = ""
    missing: Annotated[tuple[Name, ...], Field(exclude_if=operator.not_)] = ()
