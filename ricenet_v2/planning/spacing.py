"""Target spacing from the spacings and shapes of a dataset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ricenet_v2.core.types import Shape
from ricenet_v2.records.decision import Decision
from ricenet_v2.records.fingerprint import CaseMeasurement
from ricenet_v2.records.plan_parts import Triple

# nnU-Net's own limit: an axis this much coarser than the others is treated apart.
ANISOTROPY = 3.0
COARSENING = 1.05
_NOISE = 1e-6


def exceeds(value: float, limit: float) -> bool:
    """Whether a length is above a limit by more than rounding, so that no plan depends on the unit.

    2 mm is not above twice 1 mm, and 0.6 in is not above twice 0.3 in either.
    """
    return value > limit * (1 + _NOISE)


def is_anisotropic(spacing: Triple) -> bool:
    """Whether one axis is more than 3 times as coarse as each of the others."""
    coarsest, second, _ = sorted(spacing, reverse=True)
    return exceeds(coarsest, ANISOTROPY * second)


def thin_axis(spacing: Triple, input_size: Shape) -> int | None:
    """Array axis that has under a third of the voxels of the longest, None where none has.

    nnU-Net's rule for augmentation in two dimensions: rotated out of its plane, a slab of few
    slices leaves the image. An axis that is much coarser is treated by its spacing.

    Args:
        spacing: mm along (z, y, x).
        input_size: Voxels along (z, y, x).
    """
    shortest = min(input_size)
    if is_anisotropic(spacing) or max(input_size) <= ANISOTROPY * shortest:
        return None
    return input_size.index(shortest)


def target_spacing(cases: Sequence[CaseMeasurement]) -> tuple[Triple, Decision]:
    """Median spacing per axis; the 10th percentile of an axis that is much coarser and shorter.

    The rule is nnU-Net's, voxels are counted in the region as there.

    Args:
        cases: Spacings in mm and shapes along (z, y, x).
    """
    spacings = np.array([case.spacing for case in cases])
    shapes = np.median(np.array([case.cropped_shape for case in cases]), axis=0)
    target = np.median(spacings, axis=0)
    worst = int(np.argmax(target))
    others = [axis for axis in range(3) if axis != worst]
    coarse = exceeds(target[worst], ANISOTROPY * target[others].max())
    short = shapes[worst] * 3 < shapes[others].min()
    reason = "median of the dataset per axis"
    if coarse and short:
        target[worst] = np.percentile(spacings[:, worst], 10)
        # The finer percentile must not turn the coarse axis into the finest one.
        target[worst] = max(target[worst], target[others].max())
        reason += (
            f"; axis {'zyx'[worst]} is more than {ANISOTROPY:g} times as coarse as the others and "
            "has under a third of their voxels, so it takes its 10th percentile and the dataset "
            "stays anisotropic"
        )
    elif coarse:
        reason += f"; axis {'zyx'[worst]} is much coarser, so the dataset stays anisotropic"
    z, y, x = (float(value) for value in target)
    return (z, y, x), Decision(what="spacing", value=text_of((z, y, x)), reason=reason)


def coarsened(spacing: Triple) -> Triple:
    """The spacing with its finest axes (all within 1 %) 5 % coarser."""
    finest = min(spacing)
    z, y, x = (value * COARSENING if value < finest * 1.01 else value for value in spacing)
    return z, y, x


def text_of(spacing: Triple) -> str:
    """E.g. `6.5 x 0.78 x 0.78 mm (z, y, x)`."""
    return " x ".join(f"{value:.3g}" for value in spacing) + " mm (z, y, x)"
