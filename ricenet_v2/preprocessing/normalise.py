"""Normalising one channel by its plan."""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.errors import PlanError, PluginError
from ricenet_v2.core.plugins import Plugin
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.records.normalisation import SCHEMES
from ricenet_v2.records.plan_parts import Normalisation

_SMALLEST_DEVIATION = 1e-8


def normalise(image: Image, foreground: Mask, plan: Normalisation) -> Image:
    """Normalise a channel in place, since a copy of it would be the largest thing in memory.

    Args:
        image: Axes (z, y, x); it is changed.
        foreground: Voxels of the patient, same shape, at least one; outside, z-scored channels
            become 0.
        plan: Scheme and constants.

    Returns:
        `image`, or what the scheme of another package makes of it.

    Raises:
        PlanError: The scheme lacks a constant.
        PluginError: The package that brings the scheme is missing or fails.
    """
    apply = SCHEMES.function(plan.scheme, "apply")
    with SCHEMES.blamed(plan.scheme, "cannot normalise"):
        normalised = apply(image, foreground, plan)
    plugin = SCHEMES.plugin(plan.scheme)
    return image if plugin is None else _checked(normalised, image, plugin)


def _checked(normalised: object, image: Image, plugin: Plugin) -> Image:
    """Output of a package for a channel, checked for what later steps assume."""
    array = np.asarray(normalised, dtype=np.float32)
    n_wrong = array.size - int(np.count_nonzero(np.isfinite(array)))
    if array.shape != image.shape or n_wrong:
        raise PluginError(
            f"The normalisation scheme {plugin.name} of {plugin.origin} does not give an image.",
            expected=f"finite values of shape {image.shape}",
            got=f"shape {array.shape}, {n_wrong} values that are not finite",
            remedy=f"Update the package (pip install --upgrade {plugin.package}), or report it to "
            "its authors.",
        )
    return array


def divide(image: Image, _foreground: Mask, plan: Normalisation) -> Image:
    """Divide by a constant, not below 0; see `normalise`."""
    (divisor,) = _constants(plan, "divisor")
    np.maximum(image, np.float32(0), out=image)
    image /= np.float32(divisor)
    return image


def clip_zscore(image: Image, _foreground: Mask, plan: Normalisation) -> Image:
    """Clip and scale by constants of the dataset; see `normalise`."""
    low, high, mean, std = _constants(plan, "clip_low", "clip_high", "mean", "std")
    np.clip(image, np.float32(low), np.float32(high), out=image)
    _scale(image, mean, std)
    return image


def zscore(image: Image, foreground: Mask, _plan: Normalisation) -> Image:
    """Scale by mean and deviation of the foreground; 0 outside; see `normalise`."""
    _scale(image, *_moments(image, foreground))
    np.copyto(image, np.float32(0), where=~foreground)
    return image


def none(image: Image, _foreground: Mask, _plan: Normalisation) -> Image:
    """The image as it is."""
    return image


def _scale(image: Image, mean: float, std: float) -> None:
    image -= np.float32(mean)
    # Relative where values are small, as 1e-9 m2/s of a diffusion map are.
    least = _SMALLEST_DEVIATION * min(1.0, abs(mean))
    image /= np.float32(max(std, least) or 1.0)


def _moments(image: Image, foreground: Mask) -> tuple[float, float]:
    """Mean and deviation inside the foreground, in float64 but plane by plane to save memory."""
    count = int(np.count_nonzero(foreground))
    total = sum(
        float(plane[there].sum(dtype=np.float64))
        for plane, there in zip(image, foreground, strict=True)
    )
    mean = total / count
    squares = sum(
        float(np.square(plane[there].astype(np.float64) - mean).sum())
        for plane, there in zip(image, foreground, strict=True)
    )
    return mean, float(np.sqrt(squares / count))


def _constants(plan: Normalisation, *names: str) -> list[float]:
    values = {name: getattr(plan, name) for name in names}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise PlanError(
            f"Normalisation {plan.scheme} lacks constants.",
            expected=", ".join(names),
            got=f"nothing for {', '.join(missing)}",
            remedy="Let ricenet_plan_and_preprocess make a new plan.",
        )
    return [float(value) for value in values.values()]
