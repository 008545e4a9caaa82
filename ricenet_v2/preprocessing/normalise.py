"""Normalising one channel by its plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import PlanError
from ricenet_v2.records.plan import Normalisation

_SMALLEST_DEVIATION = 1e-8


def normalise(
    image: NDArray[np.float32], foreground: NDArray[np.bool_], plan: Normalisation
) -> NDArray[np.float32]:
    """The normalised channel, same shape.

    Args:
        image: Axes (z, y, x).
        foreground: Voxels of the patient, same shape; outside, z-scored channels become 0.
        plan: Scheme and constants.

    Raises:
        PlanError: The scheme lacks a constant.
    """
    if plan.scheme == "none":
        return image
    if plan.scheme == "divide":
        (divisor,) = _constants(plan, "divisor")
        return (np.maximum(image, 0) / divisor).astype(np.float32)
    if plan.scheme == "clip_zscore":
        low, high, mean, std = _constants(plan, "clip_low", "clip_high", "mean", "std")
        return ((np.clip(image, low, high) - mean) / max(std, _SMALLEST_DEVIATION)).astype(
            np.float32
        )
    inside = image[foreground].astype(np.float64)
    scaled = (image - inside.mean()) / max(float(inside.std()), _SMALLEST_DEVIATION)
    return np.where(foreground, scaled, 0).astype(np.float32)


def _constants(plan: Normalisation, *names: str) -> list[float]:
    values = {name: getattr(plan, name) for name in names}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise PlanError(
            f"Normalisation {plan.scheme} lacks constants.",
            expected=", ".join(names),
            got=f"nothing for {', '.join(missing)}",
            remedy="Let ricenet_plan_and_preprocess make the plan anew.",
        )
    return [float(value) for value in values.values()]
