"""Random changes of one sample: numbers only, so that a draw can be kept and replayed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.seeds import generator
from ricenet_v2.planning.spacing import is_anisotropic
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import AugmentationPlan
from ricenet_v2.training.augmentation.channel_dropout import draw_dropped
from ricenet_v2.training.augmentation.further import FurtherDraw, draw_further

# Control points of the elastic field along each axis.
_COARSE = 6
# Probability that a channel is changed, where its sample is to be blurred or lowered in resolution.
_P_CHANNEL = 0.5
_SMALLEST_SIGMA = 0.3


@dataclass(frozen=True, eq=False)
class Deformation:
    """Rotation, scaling and elastic displacement.

    Attributes:
        matrix: Matrix from output to input positions in mm about the centre, axes (z, y, x).
        displacement: Field (3, 6, 6, 6) in mm, components (z, y, x), at control points that span
            the image from its first to its last voxel; or None.
    """

    matrix: NDArray[np.float64]
    displacement: NDArray[np.float64] | None


@dataclass(frozen=True)
class Intensity:
    """Changes of one channel, in the order in which they are applied; None leaves one out.

    Attributes:
        noise_std: Standard deviation of Gaussian noise that is added.
        blur_sigma: Sigma of a Gaussian blur, voxels.
        brightness: Factor.
        contrast: Factor about the mean.
        low_resolution: Share of the resolution that is kept.
        gamma: Exponent.
    """

    noise_std: float | None = None
    blur_sigma: float | None = None
    brightness: float | None = None
    contrast: float | None = None
    low_resolution: float | None = None
    gamma: float | None = None


@dataclass(frozen=True, eq=False)
class Draw:
    """All changes of one sample.

    Attributes:
        deformation: Shared by all channels, or None.
        mirrored: Array axes (0 z, 1 y, 2 x) that are flipped, in all channels.
        intensities: One entry per channel.
        noise_seed: Seed of the noise fields.
        further: Changes that other packages bring, in their order.
        dropped: Channels that are dropped, as far as one that shows the patient is left.
    """

    deformation: Deformation | None
    mirrored: tuple[int, ...]
    intensities: tuple[Intensity, ...]
    noise_seed: int
    further: tuple[FurtherDraw, ...] = ()
    dropped: tuple[int, ...] = ()


def kept_axis(plan: Plan) -> int | None:
    """The array axis that is not mixed with the others: much coarser, or of few voxels; or None."""
    if is_anisotropic(plan.spacing):
        return int(np.argmax(plan.spacing))
    return plan.training.augmentation.in_plane_axis


def draw_named(plan: Plan, *names: str | int) -> Draw:
    """The draw of these names, such as seed, epoch and position: the same on every machine."""
    return draw(plan, generator(0, "augmentation", *names))


def draw(plan: Plan, random: np.random.Generator) -> Draw:
    """Draw the changes of one sample.

    Intensity changes are drawn for every channel on its own, never for dose or mask. Contrast and
    gamma are below 1 as often as above, as in batchgenerators.
    """
    ranges = plan.training.augmentation
    deformation = _deformation(ranges, kept_axis(plan), random)
    mirrored = tuple(axis for axis in ranges.mirror_axes if random.random() < 0.5)
    chosen = _chosen(ranges, random)
    intensities = tuple(
        Intensity()
        if KINDS[channel.kind].has_fixed_intensities
        else _intensity(ranges, chosen, random)
        for channel in plan.channels
    )
    noise_seed = int(random.integers(2**62))
    further = tuple(draw_further(ranges, plan.channels, random))
    # The last, so that the other changes are the same with any rates.
    dropped = draw_dropped(ranges.channel_dropout, random)
    return Draw(deformation, mirrored, intensities, noise_seed, further, dropped)


def _deformation(
    plan: AugmentationPlan, kept: int | None, random: np.random.Generator
) -> Deformation | None:
    """The axis that is kept is neither rotated into the others nor displaced.

    Nor is it scaled where it has few voxels.
    """
    matrix, changed = np.eye(3), False
    if random.random() < plan.p_rotation:
        changed = True
        angles = np.deg2rad(random.uniform(-plan.rotation_degrees, plan.rotation_degrees, 3))
        for axis in range(3):
            if kept is None or axis == kept:
                matrix = matrix @ _rotation(axis, float(angles[axis]))
    if random.random() < plan.p_scaling:
        changed = True
        low, high = np.log(plan.scaling)
        factors = np.full(3, np.exp(random.uniform(low, high)))
        if plan.in_plane_axis is not None:
            factors[plan.in_plane_axis] = 1.0
        matrix = matrix / factors[:, None]
    displacement = None
    if random.random() < plan.p_elastic:
        changed = True
        size = random.uniform(0, plan.elastic_mm)
        displacement = random.uniform(-size, size, (3, _COARSE, _COARSE, _COARSE))
        if kept is not None:
            displacement[kept] = 0
    return Deformation(matrix, displacement) if changed else None


def _rotation(axis: int, angle: float) -> NDArray[np.float64]:
    first, second = (other for other in range(3) if other != axis)
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def _chosen(plan: AugmentationPlan, random: np.random.Generator) -> frozenset[str]:
    """Kinds of intensity changes that this sample gets."""
    probabilities = {
        "noise_std": plan.p_noise,
        "blur_sigma": plan.p_blur,
        "brightness": plan.p_brightness,
        "contrast": plan.p_contrast,
        "low_resolution": plan.p_low_resolution,
        "gamma": plan.p_gamma,
    }
    return frozenset(name for name, p in probabilities.items() if random.random() < p)


def _intensity(
    plan: AugmentationPlan, chosen: frozenset[str], random: np.random.Generator
) -> Intensity:
    sigma = max(_SMALLEST_SIGMA, plan.blur_sigma)
    drawn = {
        "noise_std": random.uniform(0, plan.noise_std),
        "blur_sigma": random.uniform(_SMALLEST_SIGMA, sigma),
        "brightness": random.uniform(*plan.brightness),
        "contrast": _about_one(plan.contrast, random),
        "low_resolution": random.uniform(plan.low_resolution, 1),
        "gamma": _about_one(plan.gamma, random),
    }
    left_out = {name for name in ("blur_sigma", "low_resolution") if random.random() >= _P_CHANNEL}
    return Intensity(**{name: drawn[name] for name in chosen - left_out})


def _about_one(limits: tuple[float, float], random: np.random.Generator) -> float:
    low, high = limits
    if random.random() < 0.5 and low < 1:
        return float(random.uniform(low, min(high, 1)))
    return float(random.uniform(max(low, 1), max(high, 1)))
