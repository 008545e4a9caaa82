"""Rigid registration by ANTs, from where the coarse search over many starts ends.

ANTs begins with one pose, and ends far off at large rotations as every search from one start does.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.packages import check_package, version_of
from ricenet_v2.core.scratch import scratch_folder
from ricenet_v2.ingest.registration import (
    Located,
    RegisteredPair,
    clipped,
    coarse_transform,
    one_thread,
)
from ricenet_v2.ingest.rigid import RigidTransform, rigid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LEVELS_MM, _FINE_MM = (4.0, 2.0), 1.0
_ITERATIONS = 200
_THREADS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"
_SEED = 1


def engine_name() -> str:
    """Name and version of the engine."""
    return f"ANTs {version_of('antspyx')}".strip()


@one_thread()
def register_by_ants(fixed: Located, moving: Located, *, fine: bool = False) -> RegisteredPair:
    """Register as `registration.register` does, with ANTs for the levels below 8 mm.

    Args:
        fixed: The reference.
        moving: Moving image, of the same head.
        fine: Whether to end at 1 mm instead of 2.

    Raises:
        OptionError: The package antspyx is not installed.
        DatasetError: An image is constant, or ANTs came to no result.
    """
    check_package("ants", "ants", "use registration simpleitk")
    with _threads_of_itk():
        import ants

        with _seed_of(ants):
            levels = (*_LEVELS_MM, _FINE_MM) if fine else _LEVELS_MM
            return _registered(ants, fixed, moving, levels)


@contextmanager
def _threads_of_itk() -> Iterator[None]:
    """ANTs brings an ITK of its own, which asks the environment; sums over threads are rounded."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before


@contextmanager
def _seed_of(ants: Any) -> Iterator[None]:
    """ANTs moves points of its grid at random; without a seed each call gives another transform.

    In antspyx 0.6.3 the seed is of the package, and that of a call is ignored without a word.
    Turned off, the setting is the seed alone, and changes neither NumPy's generator nor threads.
    """
    config = getattr(ants, "config", None)
    put = getattr(config, "set_ants_deterministic", None)
    if put is None:
        yield
        return
    before = dict(vars(config))
    put(on=False, seed_value=_SEED)
    try:
        yield
    finally:
        vars(config).update(before)


def _registered(
    ants: Any, fixed: Located, moving: Located, levels: Sequence[float]
) -> RegisteredPair:
    images = clipped(fixed, "fixed"), clipped(moving, "moving")
    start = coarse_transform(*images)
    with scratch_folder() as private:
        before, prefix = private / "start.mat", private / "result"
        sitk.WriteTransform(start.of_simpleitk(), str(before))
        still, moved = (_of_ants(ants, image) for image in images)
        try:
            result = ants.registration(
                still,
                moved,
                "Rigid",
                initial_transform=str(before),
                outprefix=str(prefix),
                aff_metric="mattes",
                aff_sampling=32,
                aff_random_sampling_rate=0.2,
                aff_iterations=(_ITERATIONS,) * len(levels),
                aff_shrink_factors=tuple(_factor(images[0], level) for level in levels),
                aff_smoothing_sigmas=tuple(level / 4 for level in levels),
                smoothing_in_mm=True,
                singleprecision=False,
                random_seed=_SEED,
            )
            return RegisteredPair(_read(result["fwdtransforms"]), None)
        except (RuntimeError, ValueError, GeometryError) as error:
            raise DatasetError(
                "ANTs could not register these images.",
                expected="a rigid transform",
                got=type(error).__name__,
                remedy="Use registration simpleitk, and check whether both images show the head.",
            ) from error


def _of_ants(ants: Any, image: sitk.Image) -> Any:
    return ants.from_numpy(
        sitk.GetArrayFromImage(image).transpose(2, 1, 0).astype(np.float32),
        origin=image.GetOrigin(),
        spacing=image.GetSpacing(),
        direction=np.reshape(image.GetDirection(), (3, 3)),
    )


def _factor(image: sitk.Image, spacing: float) -> int:
    return max(1, round(spacing / float(min(image.GetSpacing()))))


def _read(files: Sequence[str]) -> RigidTransform:
    """The transform that several files stand for; the last is done first."""
    joined = RigidTransform()
    for file in files:
        transform = sitk.ReadTransform(file).Downcast()
        points = np.vstack([np.zeros(3), np.eye(3)])
        moved = np.array([transform.TransformPoint(point.tolist()) for point in points])
        joined = joined.after(rigid((moved[1:] - moved[0]).T, moved[0]))
    return joined
