"""Measuring one case: shape, spacing, region, and the intensities of each channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.core.types import Mask, Shape, Triple
from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.fingerprint import CaseMeasurement, ChannelMeasurement
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.store.case_images import load_case
from ricenet_v2.voxels.absence import is_absent
from ricenet_v2.voxels.boxes import bounding_box, patient_box
from ricenet_v2.voxels.hashing import voxel_hash
from ricenet_v2.voxels.region import Region, case_region
from ricenet_v2.voxels.volumes import millilitres

N_SAMPLES = 2001
"""Evenly spaced quantiles that stand for a case in the percentiles of the whole dataset."""
_SAMPLE_SHARES = (np.arange(N_SAMPLES) + 0.5) / N_SAMPLES
_IMPLAUSIBLE_GY = 80.0
_FAR_OUT = 3.0


@dataclass(frozen=True)
class MeasuredCase:
    """A case's values, and per channel the quantiles that the dataset's percentiles rest on.

    Those of a channel that the case lacks are NaN.
    """

    measurement: CaseMeasurement
    samples: tuple[NDArray[np.float64], ...]


@dataclass(frozen=True)
class CaseFiles(PoolTask):
    """Files that are read for one case; a value that can be sent to a worker.

    Attributes:
        case_id: The case.
        images: Images of each channel.
        kinds: Kind of each channel.
        mask: Mask that decides the region, where one does.
        straighten: Whether tilted images will be straightened.
        region: Region of the plan to be made; None for one made before there were regions.
        absent: Indices of the channels that the case lacks.
    """

    case_id: str
    images: tuple[Path, ...]
    kinds: tuple[ChannelKind, ...]
    mask: Path | None
    straighten: bool = False
    region: RegionPlan | None = None
    absent: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Id of the case."""
        return self.case_id


def measure_case(files: CaseFiles) -> MeasuredCase:
    """Read the channels of one case and measure them.

    Raises:
        DatasetError: A file cannot be read, or the region is empty.
        GeometryError: A channel or the mask lies on another grid.
    """
    images, grid, mask = load_case(files.images, files.mask, files.absent)
    straight = grid if files.straighten and grid.is_tilted else None
    return measure_arrays(
        files.case_id, images, files.kinds, grid.spacing, mask, straight, files.region
    )


def measure_arrays(
    case_id: str,
    images: NDArray[np.float32],
    kinds: Sequence[ChannelKind],
    spacing: tuple[float, float, float],
    region_mask: NDArray[np.bool_] | None,
    straight: Grid | None = None,
    plan: RegionPlan | None = None,
) -> MeasuredCase:
    """Measure the channels of one case.

    Args:
        case_id: The case.
        images: Axes (channels, z, y, x), LPS; NaN in channels that the case lacks.
        kinds: Kind of each channel.
        spacing: mm along (z, y, x).
        region_mask: Mask that decides the region, axes (z, y, x).
        straight: Grid of images that will be straightened: the region is then measured along the
            axes of the patient, in voxels of the spacing of the nearest axes.
        plan: Plan of the region.
    """
    try:
        region = case_region(images, kinds, spacing, plan, region_mask)
    except DatasetError as error:
        raise error.with_parts(case=case_id) from error
    mask = region.inside
    box = _voxels(region) if straight is None else _straight_voxels(region, straight)
    channels: list[ChannelMeasurement | None] = []
    samples = []
    for image, kind in zip(images, kinds, strict=True):
        if is_absent(image):
            channels.append(None)
            samples.append(np.full(N_SAMPLES, np.nan))
            continue
        channel, quantiles = _measure_channel(image, kind, mask)
        channels.append(channel)
        samples.append(quantiles)
    z, y, x = mask.shape
    measurement = CaseMeasurement(
        case_id=case_id,
        shape=(z, y, x),
        cropped_shape=box,
        spacing=spacing,
        foreground_share=float(np.count_nonzero(mask)) / mask.size,
        channels=tuple(channels),
        region=region.name,
        # Lesions of one image are cases of their own, not copies.
        voxels=voxel_hash(_cropped(images, region) if plan and plan.per_lesion else images),
        lesion_mm=_extent(region.core, spacing) if region.margin_mm else None,
        lesion_ml=millilitres(region.core, spacing) if plan and plan.kind == "lesion" else None,
    )
    return MeasuredCase(measurement, tuple(samples))


def _cropped(images: NDArray[np.float32], region: Region) -> NDArray[np.float32]:
    box = tuple(slice(a, b) for a, b in zip(*region.box, strict=True))
    return np.ascontiguousarray(images[(slice(None), *box)])


def _voxels(region: Region) -> Shape:
    z, y, x = (b - a for a, b in zip(*region.box, strict=True))
    return z, y, x


def _extent(mask: Mask, spacing: Triple) -> Triple:
    start, stop = bounding_box(mask)
    z, y, x = (mm * (b - a) for mm, a, b in zip(spacing, start, stop, strict=True))
    return z, y, x


def _straight_voxels(region: Region, grid: Grid) -> Shape:
    low, high = patient_box(region.core, grid, region.margin_mm)
    extent = [b - a for a, b in zip(low, high, strict=True)][::-1]
    z, y, x = (max(1, round(mm / step)) for mm, step in zip(extent, grid.spacing, strict=True))
    return z, y, x


def _measure_channel(
    image: NDArray[np.float32], kind: ChannelKind, mask: NDArray[np.bool_]
) -> tuple[ChannelMeasurement, NDArray[np.float64]]:
    """Statistics inside the foreground; of a dose over the whole grid, negative values set to 0."""
    raw_values = image.ravel() if KINDS[kind].is_dose else image[mask]
    values = np.sort(np.maximum(raw_values, 0) if KINDS[kind].is_dose else raw_values)
    low, middle, high, very_high = _quantiles(values, np.array([0.005, 0.5, 0.995, 0.999]))
    measured = ChannelMeasurement(
        mean=float(values.mean(dtype=np.float64)),
        std=float(values.std(dtype=np.float64)),
        minimum=float(values[0]),
        maximum=float(values[-1]),
        percentile_00_5=float(low),
        percentile_50=float(middle),
        percentile_99_5=float(high),
        percentile_99_9=float(very_high),
        outlier_share=_implausible(raw_values) if KINDS[kind].is_dose else _far_out(values),
    )
    return measured, _quantiles(values, _SAMPLE_SHARES)


def _quantiles(ordered: NDArray[np.float32], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear quantiles of values that are sorted already (numpy would sort a copy again)."""
    positions = shares * (ordered.size - 1)
    below = np.floor(positions).astype(np.int64)
    above = np.minimum(below + 1, ordered.size - 1)
    low, high = ordered[below].astype(np.float64), ordered[above].astype(np.float64)
    return low + (positions - below) * (high - low)


def _far_out(ordered: NDArray[np.float32]) -> float:
    """Share beyond 3 interquartile ranges of the quartiles (Tukey: far out); 0 without spread."""
    first, third = _quantiles(ordered, np.array([0.25, 0.75]))
    reach = _FAR_OUT * (third - first)
    if reach == 0:
        return 0.0
    below = np.searchsorted(ordered, first - reach, side="left")
    above = ordered.size - np.searchsorted(ordered, third + reach, side="right")
    return float(below + above) / ordered.size


def _implausible(dose: NDArray[np.float32]) -> float:
    """Share of voxels below 0 or above 80 Gy."""
    return float(np.count_nonzero((dose < 0) | (dose > _IMPLAUSIBLE_GY))) / math.prod(dose.shape)
