"""Measurements of a dataset, per case and over all cases."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, ClassVar

from pydantic import Field

from ricenet_v2.core.documents import record
from ricenet_v2.core.names import Name, Title
from ricenet_v2.core.types import Shape, Triple
from ricenet_v2.records.dataset import ChannelKind


@record
class ChannelMeasurement:
    """Statistics of one channel of one case inside the foreground (for dose: the whole grid).

    Attributes:
        mean: Mean, in the unit of the channel, as all but the share.
        std: Standard deviation.
        minimum: Smallest value.
        maximum: Largest value.
        percentile_00_5: 0.5 percentile.
        percentile_50: Median.
        percentile_99_5: 99.5 percentile.
        percentile_99_9: 99.9 percentile.
        outlier_share: Share of voxels far from the others; of a dose, below 0 or above 80 Gy.
    """

    mean: float
    std: float
    minimum: float
    maximum: float
    percentile_00_5: float
    percentile_50: float
    percentile_99_5: float
    percentile_99_9: float
    outlier_share: float


@record
class CaseMeasurement:
    """One case. Shapes and spacing along array axes (z, y, x) in LPS orientation; mm.

    Attributes:
        case_id: Identifier of the case.
        shape: Voxels of its images.
        cropped_shape: Voxels of the region around the patient.
        spacing: mm.
        foreground_share: Share of voxels that show the patient.
        channels: Measurements of each channel; None for one that the case lacks.
        region: Source of the crop, e.g. `brain mask`, `head` or `whole image`.
        voxels: A hash of the images of all channels.
        lesion_mm: Extent of the lesion, where the crop lies around it.
        lesion_ml: Volume of the lesion, where the crop lies around it.
    """

    case_id: Name
    shape: Shape
    cropped_shape: Shape
    spacing: Triple
    foreground_share: float
    channels: tuple[ChannelMeasurement | None, ...]
    region: str = ""
    voxels: str = ""
    lesion_mm: Annotated[Triple | None, Field(exclude_if=operator.not_)] = None
    lesion_ml: Annotated[float | None, Field(exclude_if=operator.not_)] = None


@record
class Distribution:
    """Order statistics of one number over the cases.

    Attributes:
        minimum: Smallest.
        percentile_05: 5th percentile.
        median: Median.
        percentile_95: 95th percentile.
        maximum: Largest.
        mean: Mean.
        std: Standard deviation.
    """

    minimum: float
    percentile_05: float
    median: float
    percentile_95: float
    maximum: float
    mean: float
    std: float


@record
class ChannelFingerprint:
    """One channel over the training cases that have it. Doses are in Gy.

    Attributes:
        name: Name of the channel.
        kind: Its kind, e.g. `mri`.
        mean: Mean of voxels inside the foreground.
        std: Standard deviation of these voxels.
        percentile_00_5: Their 0.5 percentile.
        percentile_99_5: Their 99.5 percentile.
        maximum: Largest values of the cases.
        percentile_99_9: 99.9 percentiles of the cases.
        case_mean: Means of the cases.
        outlier_share: Share of voxels far from the others, over the cases.
        n_missing: Training cases that lack the channel.
    """

    name: Name
    kind: ChannelKind
    mean: float
    std: float
    percentile_00_5: float
    percentile_99_5: float
    maximum: Distribution
    percentile_99_9: Distribution
    case_mean: Distribution
    outlier_share: float
    n_missing: Annotated[int, Field(exclude_if=operator.not_)] = 0


@record
class Fingerprint:
    """The content of dataset_fingerprint.json: training cases only, sorted by case id.

    Attributes:
        dataset: Name of the dataset.
        n_cases: Training cases.
        n_patients: Patients of these cases.
        class_counts: Cases of each class.
        channels: Fingerprint of each channel, in the order of the dataset.
        cases: Measurements of each case.
        labels: Labels of cases.csv, by case id. Nothing is decided from them: they show what
            changed since, are not part of the hash, and are empty in older files.
        patients: Patients of cases.csv, by case id, as the labels.
    """

    document: ClassVar[str] = "dataset_fingerprint"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True
    unhashed: ClassVar[tuple[str, ...]] = ("labels", "patients")

    dataset: Title
    n_cases: int
    n_patients: int
    class_counts: dict[str, int]
    channels: tuple[ChannelFingerprint, ...]
    cases: tuple[CaseMeasurement, ...]
    labels: dict[str, str] = field(default_factory=dict)
    patients: dict[str, str] = field(default_factory=dict)


def distinct(cases: Sequence[CaseMeasurement]) -> tuple[CaseMeasurement, ...]:
    """The cases without copies, in their order.

    Cases of the same voxels and spacing are one scan under several names. What is decided from a
    dataset counts it once, so that a copy changes nothing.
    """
    first: dict[tuple[object, ...], CaseMeasurement] = {}
    for case in cases:
        first.setdefault((case.voxels or case.case_id, case.spacing), case)
    return tuple(first.values())
