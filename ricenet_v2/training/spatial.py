"""Rotation, scaling and elastic deformation in one interpolation, shared by all channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from batchgenerators.transforms.abstract_transforms import AbstractTransform
from numpy.typing import NDArray
from torch.nn import functional

from ricenet_v2.records.plan import AugmentationPlan, Plan

_ANISOTROPY = 3.0
# Control points of the elastic field along each axis.
_COARSE = 6


@dataclass(frozen=True)
class Deformation:
    """One draw.

    Attributes:
        matrix: From output to input positions in mm about the centre, axes (z, y, x).
        displacement: Coarse field (3, 6, 6, 6) in mm, components (z, y, x), or None.
    """

    matrix: NDArray[np.float64]
    displacement: NDArray[np.float64] | None


def draw(
    plan: AugmentationPlan, spacing: tuple[float, ...], random: np.random.Generator
) -> Deformation | None:
    """Draw a deformation; None where nothing is to be done.

    A much coarser axis is neither rotated into the others nor displaced.
    """
    flat = max(spacing) > _ANISOTROPY * sorted(spacing)[1]
    coarse = int(np.argmax(spacing))
    matrix, changed = np.eye(3), False
    if random.random() < plan.p_rotation:
        changed = True
        angles = np.deg2rad(random.uniform(-plan.rotation_degrees, plan.rotation_degrees, 3))
        for axis in range(3):
            if not flat or axis == coarse:
                matrix = matrix @ _rotation(axis, float(angles[axis]))
    if random.random() < plan.p_scaling:
        changed = True
        low, high = np.log(plan.scaling)
        matrix = matrix / np.exp(random.uniform(low, high))
    displacement = None
    if random.random() < plan.p_elastic:
        changed = True
        size = random.uniform(0, plan.elastic_mm)
        displacement = random.uniform(-size, size, (3, _COARSE, _COARSE, _COARSE))
        if flat:
            displacement[coarse] = 0
    return Deformation(matrix, displacement) if changed else None


def _rotation(axis: int, angle: float) -> NDArray[np.float64]:
    first, second = (other for other in range(3) if other != axis)
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def deform(
    images: torch.Tensor, deformation: Deformation, spacing: tuple[float, ...], nearest: list[int]
) -> torch.Tensor:
    """Sample the images once, linearly (masks: nearest), with 0 outside.

    Args:
        images: Axes (channels, z, y, x).
        deformation: What was drawn.
        spacing: mm along (z, y, x).
        nearest: Indices of channels that hold labels.
    """
    shape = images.shape[1:]
    half = torch.tensor([n * s / 2 for n, s in zip(shape, spacing, strict=True)])
    axes = [
        (torch.arange(n, dtype=torch.float32) + 0.5) * s - h
        for n, s, h in zip(shape, spacing, half.tolist(), strict=True)
    ]
    at = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    source = torch.einsum("ij,jzyx->izyx", torch.from_numpy(deformation.matrix).float(), at)
    if deformation.displacement is not None:
        coarse = torch.from_numpy(deformation.displacement).float()[None]
        source += functional.interpolate(coarse, shape, mode="trilinear", align_corners=True)[0]
    unit = (source / half.view(3, 1, 1, 1)).flip(0).permute(1, 2, 3, 0)[None]
    made = functional.grid_sample(images[None], unit, mode="bilinear", align_corners=False)[0]
    if nearest:
        chosen = images[nearest][None]
        made[nearest] = functional.grid_sample(chosen, unit, mode="nearest", align_corners=False)[0]
    return made


class SpatialTransform(AbstractTransform):  # type: ignore[misc]
    """The deformation as a transform of batchgenerators, drawn from the batch's `random`."""

    def __init__(self, plan: Plan) -> None:
        """Take probabilities and ranges from the plan."""
        self.augmentation, self.spacing = plan.training.augmentation, plan.spacing
        self.nearest = [i for i, channel in enumerate(plan.channels) if channel.kind == "mask"]

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Deform each sample of data["data"], axes (samples, channels, z, y, x)."""
        for sample in data["data"]:
            deformation = draw(self.augmentation, self.spacing, data["random"])
            if deformation is not None:
                images = torch.from_numpy(sample)
                sample[...] = deform(images, deformation, self.spacing, self.nearest).numpy()
        return data
