"""Rigid registration of two images of one head, by mutual information, from many starts.

One start ends far off at rotations above some 40 degrees, without any sign of it. Here 13 rotations
about two centres are tried on coarse images, the best go on to finer ones. Of those that ended in
one place the best alone does; where another place is nearly as good on coarse images, both go on
until fine ones tell them apart. One thread computes, with a fixed seed, so that the same images
give the same transform.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import SimpleITK as sitk

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Floats, Image
from ricenet_v2.ingest.registration_starts import middle_of, starts_of
from ricenet_v2.ingest.resampling import image_of
from ricenet_v2.ingest.rigid import RigidTransform, rigid

_CLIPPED_TO = (1.0, 99.5)
"""Percentiles."""
_BINS = 32
_SEED = 1
"""ITK moves points of a regular grid by up to half a voxel, at random."""
_SMALLEST = 8
"""Voxels along an axis below which an image is not made coarser."""


_Result = tuple[float, sitk.Euler3DTransform]
"""The negative mutual information, and where it was reached."""


class Located(Protocol):
    """Voxels on a grid."""

    @property
    def voxels(self) -> Image:
        """float32, array axes (z, y, x)."""

    @property
    def grid(self) -> Grid:
        """Grid on which they lie."""


@dataclass(frozen=True)
class _RegistrationLevel:
    """A step of the search: size of voxels, which starts go on, and how the search moves.

    Attributes:
        spacing: Spacing of voxels, mm.
        kept: Largest number of places that are continued.
        rivals: Share of the best value from which on a place goes on.
    """

    spacing: float
    kept: int
    rivals: float
    sampled: float
    step: float
    smallest_step: float
    iterations: int


_COARSE = (
    _RegistrationLevel(8.0, 4, 0.0, 1.0, 4.0, 0.2, 40),
    _RegistrationLevel(4.0, 4, 0.9, 1.0, 2.0, 0.05, 100),
)
_MIDDLE = (
    _RegistrationLevel(2.0, 1, 0.0, 0.3, 1.0, 0.02, 150),
    # Again, since a search may end where its direction turns.
    _RegistrationLevel(2.0, 1, 0.0, 0.3, 0.5, 0.005, 150),
)
_FINE = _RegistrationLevel(1.0, 1, 0.0, 0.05, 0.2, 0.002, 100)
_AROUND_MM = 60.0
"""Distance from the middle at which two places count as different."""


@dataclass(frozen=True)
class RegisteredPair:
    """The result.

    Attributes:
        transform: Transform from points of the fixed image to points of the moving one, mm.
        mutual_information: Mutual information of the last level; higher is better, and None if
            unknown.
    """

    transform: RigidTransform
    mutual_information: float | None


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums over threads are rounded as these happen to end; a metric obeys the global number."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


@one_thread()
def register(fixed: Located, moving: Located, *, fine: bool = False) -> RegisteredPair:
    """Find the rigid transform under which two images tell most of each other.

    Whether it is right has to be checked: `checks.py`.

    Args:
        fixed: The reference.
        moving: Moving image, of the same head.
        fine: Whether to end at 1 mm instead of 2.

    Raises:
        DatasetError: An image is constant, or no start led anywhere.
    """
    images = clipped(fixed, "fixed"), clipped(moving, "moving")
    return _search(*images, (*_COARSE, *_MIDDLE, _FINE) if fine else (*_COARSE, *_MIDDLE))


@one_thread()
def coarse_transform(fixed: sitk.Image, moving: sitk.Image) -> RigidTransform:
    """The best of all starts at 8 and 4 mm, from which another engine goes on.

    Where several places are nearly as good at 4 mm, it is the best of them at 2 mm.

    Args:
        fixed: The reference, see `clipped`.
        moving: Moving image, of the same head.

    Raises:
        DatasetError: No start led anywhere.
    """
    starts = starts_of(fixed, moving)
    for level in (*_COARSE, _MIDDLE[0]):
        if len(starts) > 1:
            starts = [transform for _, transform in _went_on(fixed, moving, starts, level)]
    return _rigid(starts[0])


def _search(
    fixed: sitk.Image, moving: sitk.Image, levels: Sequence[_RegistrationLevel]
) -> RegisteredPair:
    starts = starts_of(fixed, moving)
    results: list[_Result] = []
    for level in levels:
        results = _went_on(fixed, moving, starts, level)
        starts = [transform for _, transform in results]
    value, best = results[0]
    return RegisteredPair(_rigid(best), -value)


def _went_on(
    fixed: sitk.Image,
    moving: sitk.Image,
    starts: Sequence[sitk.Euler3DTransform],
    level: _RegistrationLevel,
) -> list[_Result]:
    """Results of the starts of a level that are continued, the best first."""
    still, moved = (_binned(image, level.spacing) for image in (fixed, moving))
    results = [result for start in starts for result in _searched(still, moved, start, level)]
    if not results:
        raise DatasetError(
            "These images cannot be registered.",
            expected="images that overlap from one of the starts",
            got="none that does",
            remedy="Check whether both show the head, and whether a series lacks its position.",
        )
    results.sort(key=lambda result: result[0])
    around = middle_of(fixed) + _AROUND_MM * np.concatenate([np.eye(3), -np.eye(3)])
    kept: list[_Result] = []
    places: list[Floats] = []
    for value, transform in results:
        place = _rigid(transform).points(around)
        apart = [float(np.linalg.norm(place - other, axis=1).mean()) for other in places]
        is_rival = not kept or value <= level.rivals * kept[0][0]
        if is_rival and len(kept) < level.kept and min(apart, default=np.inf) > level.spacing:
            kept.append((value, transform))
            places.append(place)
    return kept


def clipped(image: Located, name: str) -> sitk.Image:
    """An image without its outermost values, from 0 to 1.

    Args:
        image: Image of a head.
        name: Name for the error.

    Raises:
        DatasetError: It is constant.
    """
    low, high = (float(value) for value in np.percentile(image.voxels, _CLIPPED_TO))
    if not high > low:
        raise DatasetError(
            f"The {name} image cannot be registered.",
            expected="voxels that differ",
            got=f"{low:g} to {high:g} except for the outermost {100 - _CLIPPED_TO[1]:g} %",
            remedy="Take another series.",
        )
    # In place: a planning CT takes hundreds of megabytes.
    voxels = np.clip(image.voxels, low, high, dtype=np.float32)
    voxels -= low
    voxels /= high - low
    return image_of(voxels, image.grid)


def _binned(image: sitk.Image, spacing: float) -> sitk.Image:
    """A coarser image of means; Shrink would move the content by half a voxel."""
    factors = [
        max(1, min(round(spacing / step), size // _SMALLEST))
        for step, size in zip(image.GetSpacing(), image.GetSize(), strict=True)
    ]
    return sitk.BinShrink(image, factors)


def _searched(
    fixed: sitk.Image, moving: sitk.Image, start: sitk.Euler3DTransform, level: _RegistrationLevel
) -> Sequence[_Result]:
    """Metric (lower is better) and transform; none where the images do not overlap."""
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=_BINS)
    if level.sampled < 1:
        method.SetMetricSamplingStrategy(method.REGULAR)
        method.SetMetricSamplingPercentage(level.sampled, seed=_SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=level.step,
        minStep=level.smallest_step,
        numberOfIterations=level.iterations,
        relaxationFactor=0.8,
        gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScales(_scales(fixed))
    transform = sitk.Euler3DTransform(start)
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:  # of ITK: too few points lie in both images
        return []
    return [(float(method.GetMetricValue()), transform)]


def _scales(image: sitk.Image) -> list[float]:
    """Mean squared mm by which a voxel moves for a radian, thrice, and for a mm, thrice.

    As ITK's own from the Jacobian, which takes random points.
    """
    extents = np.array(image.GetSpacing()) * np.array(image.GetSize())
    return [float((extents**2).sum() / 12 * 2 / 3)] * 3 + [1.0] * 3


def _rigid(transform: sitk.Euler3DTransform) -> RigidTransform:
    matrix = np.reshape(transform.GetMatrix(), (3, 3))
    centre = np.array(transform.GetCenter())
    return rigid(matrix, np.array(transform.GetTranslation()) + centre - matrix @ centre)
