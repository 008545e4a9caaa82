"""Whether two registered images show the same head in the same place.

Overlap of brain masks does not tell: another patient's overlap as well. Squared local correlation
does: the share of the variance around a voxel that one image explains of the other, whatever the
contrast of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy import ndimage

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Mask, Shape
from ricenet_v2.ingest.registration import Located
from ricenet_v2.ingest.resampling import field_of_view, resample, resample_mask
from ricenet_v2.ingest.rigid import RigidTransform
from ricenet_v2.voxels.boxes import bounding_box
from ricenet_v2.voxels.volumes import millilitres

_SPACING_MM = 2.0
_SHIFT = 2
"""Voxels of 2 mm by which an image is moved."""
BRAIN_ML = (600.0, 2200.0)
_LEAST_VARIANCE = 1e-8

CheckFaultKind = Literal["correlation", "shift", "better nearby", "mirrored", "field of view"]


@dataclass(frozen=True)
class CheckBound:
    """Settings and limits of the check of a registered pair.

    Attributes:
        window: Voxels of 2 mm a side in which correlation is local.
        blur: Standard deviation, in voxels of 2 mm, by which both images are smoothed before.
        correlation: Least mean squared local correlation.
        drop: Least share of it that is lost when the moving image is moved by 4 mm.
        covered: Least share of the brain inside of the moving image.
    """

    window: int = 5
    blur: float = 0.0
    correlation: float = 0.3
    drop: float = 1 / 3
    covered: float = 0.9


MRI_BOUND = CheckBound()
"""Bounds for two images of one kind."""
CT_BOUND = CheckBound(window=9, blur=1.0, drop=0.25)
"""Bounds for MRI and CT: the noise of CT is as large as its brain contrast, and is smoothed;
the larger window makes up for that. Measured by `python -m benchmarks.registration_checks` on
simulated heads; real pairs are not measured."""


def bound_of(kind: str, reference: str) -> CheckBound:
    """Bound for an image of a kind with a reference of a kind."""
    return MRI_BOUND if kind == reference else CT_BOUND


@dataclass(frozen=True)
class RegistrationCheck:
    """Measures of a registered pair, each in the brain of the fixed image.

    Attributes:
        correlation: Mean squared local correlation.
        shifted: The median of it with the moving image moved by 4 mm, both ways along each axis of
            the fixed image.
        mirrored: It with the moving image mirrored left to right.
        covered: Share of the brain inside of the moving image.
        nearby: The highest of it with the moving image moved by 4 mm. An image that lies 2 mm or
            more off along an axis fits better on one side than where it lies, whatever it shows.
    """

    correlation: float
    shifted: float
    mirrored: float
    covered: float
    nearby: float = 0.0

    @property
    def faults(self) -> tuple[CheckFaultKind, ...]:
        """Why a pair of one kind is refused; none where it is not."""
        return self.faults_by(MRI_BOUND)

    def margin(self, bound: CheckBound) -> float:
        """Margin of the pair before it is refused: 0 at the nearest bound, 1 in a perfect pair.

        Negative where it is refused.
        """
        lost = 1 - self.shifted / self.correlation if self.correlation > 0 else 0.0
        unlike = 1 - self.mirrored / self.correlation if self.correlation > 0 else 0.0
        peaked = 1 - self.nearby / self.correlation if self.correlation > 0 else 0.0
        return min(
            (self.correlation - bound.correlation) / (1 - bound.correlation),
            (lost - bound.drop) / (1 - bound.drop),
            unlike,
            peaked,
            (self.covered - bound.covered) / (1 - bound.covered),
        )

    def faults_by(self, bound: CheckBound) -> tuple[CheckFaultKind, ...]:
        """Why a pair is refused by a bound; none where it is not."""
        checks: dict[CheckFaultKind, bool] = {
            "field of view": self.covered < bound.covered,
            "correlation": not self.correlation >= bound.correlation,
            "shift": not self.shifted <= (1 - bound.drop) * self.correlation,
            "better nearby": self.nearby >= self.correlation,
            "mirrored": self.mirrored >= self.correlation,
        }
        return tuple(kind for kind, is_fault in checks.items() if is_fault)


def check_registration(
    fixed: Located,
    moving: Located,
    transform: RigidTransform,
    brain: Mask,
    bound: CheckBound = MRI_BOUND,
) -> RegistrationCheck:
    """Measure how well two images fit each other.

    Args:
        fixed: The reference.
        moving: The other.
        transform: Transform from points of the fixed image to points of the moving one.
        brain: Brain mask of the fixed image, on its grid.
        bound: Bound of the checks of the pair.
    """
    grid = _grid_around(brain, fixed.grid)
    wide = _grid_around(brain, fixed.grid, margin=_SHIFT)
    inside = resample_mask(brain, fixed.grid, grid)
    image = _blurred(resample(fixed.voxels, fixed.grid, grid), bound)
    reference = _Moments.of(image, inside, bound.window)
    placed = transform.of_simpleitk()
    voxels = resample(moving.voxels, moving.grid, wide, placed)
    seen = field_of_view(moving.grid, wide, placed)

    def correlation(image: Image, seen: Mask) -> float:
        return reference.correlation(_Moments.of(image, inside & seen, bound.window), inside & seen)

    def moved(axis: int = 0, by: int = 0) -> tuple[Image, Mask]:
        place = _place(grid.shape, axis, by)
        return _blurred(voxels[place], bound), seen[place]

    shifts = [correlation(*moved(axis, by)) for axis in range(3) for by in (-_SHIFT, _SHIFT)]
    image, seen_there = moved()
    return RegistrationCheck(
        correlation=correlation(image, seen_there),
        shifted=float(np.median(shifts)),
        mirrored=correlation(*_mirrored(image, seen_there, inside)),
        covered=float((seen_there & inside).sum() / max(1, inside.sum())),
        nearby=max(shifts),
    )


def check_brain(brain: Mask, grid: Grid, file: Path | None = None) -> None:
    """Refuse a mask that is no whole brain, or more than one.

    Raises:
        DatasetError: Its volume is below 600 or above 2,200 ml.
    """
    volume = millilitres(brain, grid.spacing)
    if not BRAIN_ML[0] <= volume <= BRAIN_ML[1]:
        raise DatasetError(
            "The brain mask is implausible.",
            file=file,
            expected=f"{BRAIN_ML[0]:g} to {BRAIN_ML[1]:,g} ml",
            got=f"{volume:,.0f} ml",
            remedy="Look at the mask or at the image that it was made of, and give one that was "
            "corrected in the column brain.",
        )


def _blurred(image: Image, bound: CheckBound) -> Image:
    blurred: Image = ndimage.gaussian_filter(image, bound.blur) if bound.blur else image
    return blurred


def local_correlation(
    first: Image, other: Image, inside: Mask, window: int = MRI_BOUND.window
) -> float:
    """Mean squared correlation of cubes, 0 to 1.

    Args:
        first: Array axes (z, y, x).
        other: Image of the same shape.
        inside: Voxels about which cubes are taken; those in which an image is constant count 0.
        window: Voxels a side of a cube.
    """
    moments = _Moments.of(first, inside, window), _Moments.of(other, inside, window)
    return moments[0].correlation(moments[1], inside)


@dataclass(frozen=True)
class _Moments:
    """Values of an image with what the cube about each voxel has, axes (z, y, x) each.

    Attributes:
        values: Scaled, which no correlation depends on.
        mean: Mean over a cube.
        variance: Variance over a cube.
        window: Voxels a side of a cube.
    """

    values: Image
    mean: Image
    variance: Image
    window: int

    @classmethod
    def of(cls, image: Image, inside: Mask, window: int) -> _Moments:
        """Build from an image, scaled by its values in a mask."""
        values = _scaled(image, inside)
        mean = _local_mean(values, window)
        return cls(values, mean, _local_mean(values * values, window) - mean**2, window)

    def correlation(self, other: _Moments, inside: Mask) -> float:
        """Mean squared correlation of the cubes about the voxels of a mask."""
        if not inside.any():
            return 0.0
        joint = _local_mean(self.values * other.values, self.window)[inside]
        covariance = joint - (self.mean * other.mean)[inside]
        mine, its = self.variance[inside], other.variance[inside]
        is_varied = (mine > _LEAST_VARIANCE) & (its > _LEAST_VARIANCE)
        squared = np.where(is_varied, covariance**2 / np.where(is_varied, mine * its, 1), 0)
        return float(np.clip(squared, 0, 1).mean())


def _local_mean(voxels: Image, window: int) -> Image:
    result: Image = ndimage.uniform_filter(voxels, window, mode="nearest")
    return result


def _scaled(image: Image, inside: Mask) -> Image:
    """Values in double precision, for the difference of squares, with mean 0 and deviation 1."""
    values: Image = image.astype(np.float64)
    if not inside.any():
        return values
    spread = float(values[inside].std())
    scaled: Image = (values - values[inside].mean()) / (spread if spread > 0 else 1.0)
    return scaled


def _grid_around(brain: Mask, grid: Grid, margin: int = 0) -> Grid:
    """A grid of 2 mm around a mask and a margin in voxels, along the axes of the mask's grid."""
    low, stop = bounding_box(brain) if brain.any() else ((0, 0, 0), (1, 1, 1))
    spacing = np.array(grid.spacing)
    shape = np.ceil((np.array(stop) - low - 1) * spacing / _SPACING_MM) + 1 + 2 * margin
    start = np.array(low) - margin * _SPACING_MM / spacing
    x, y, z = grid.world((start[0], start[1], start[2]))
    return Grid(
        (int(shape[0]), int(shape[1]), int(shape[2])),
        (_SPACING_MM, _SPACING_MM, _SPACING_MM),
        (float(x), float(y), float(z)),
        grid.direction,
    )


def _place(shape: Shape, axis: int, by: int) -> tuple[slice, slice, slice]:
    """The middle of a grid that is wider by `_SHIFT` on each side, moved along an axis."""
    starts = [_SHIFT + (by if a == axis else 0) for a in range(3)]
    z, y, x = (slice(start, start + size) for start, size in zip(starts, shape, strict=True))
    return z, y, x


def _mirrored(image: Image, seen: Mask, inside: Mask) -> tuple[Image, Mask]:
    """An image and what it covers, mirrored about the middle of the brain, left to right."""
    # The array's last axis is right to left; the mask's own middle is the plane.
    centre, width = float(np.nonzero(inside)[2].mean()) if inside.any() else 0.0, image.shape[2]
    columns = np.round(2 * centre - np.arange(width)).astype(int)
    is_there = (columns >= 0) & (columns < width)
    columns = np.clip(columns, 0, width - 1)
    return image[..., columns], seen[..., columns] & is_there
