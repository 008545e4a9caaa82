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
    """Statistics of one channel of one case inside the foreground (for dose: the whole grid)."""

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

    `region` is what the crop followed, e.g. `brain mask`, `head` or `whole image`; `voxels` a hash
    of the images of all channels; `lesion_mm` the extent of the lesion along (z, y, x) and
    `lesion_ml` its volume where the crop lies around it. A channel that the case lacks is None.
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
    """Order statistics of one number over the cases."""

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

    `n_missing` training cases lack it.
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

    `labels` and `patients` are those of cases.csv, by case id. Nothing is decided from them: they
    show what changed since, are not part of the hash, and are empty in older files.
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
