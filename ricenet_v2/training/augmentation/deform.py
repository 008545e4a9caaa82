"""Rotation, scaling, elastic deformation and mirroring in one interpolation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ricenet_v2.training.augmentation.draw import Deformation
from ricenet_v2.training.augmentation.transfer import picked, put, sent


def deform(
    images: torch.Tensor,
    deformation: Deformation | None,
    mirrored: Sequence[int],
    spacing: Sequence[float],
    nearest: Sequence[int] = (),
) -> torch.Tensor:
    """Sample one case once: linearly, masks by the nearest voxel.

    Outside the image there is 0. That is what preprocessing itself pads with, and what it writes
    outside the patient: no dose, no mask, and the mean of a z-scored channel. A weighted mean with
    non-negative weights: dose stays between 0 and its largest value.

    Args:
        images: Axes (channels, z, y, x); left as they are.
        deformation: Drawn deformation; None only mirrors.
        mirrored: Array axes to flip; the result is the flip of the unmirrored one, bit for bit.
        spacing: mm along (z, y, x).
        nearest: Indices of channels that hold labels.

    Returns:
        A new tensor of the same shape.
    """
    if deformation is None:
        return images.flip([1 + axis for axis in mirrored])
    unit = _grid(images.shape[1:], spacing, deformation, mirrored, images.device)
    groups = _by_interpolation(len(images), nearest)
    if len(groups) == 1:
        return _sample(images, unit, next(iter(groups)))
    deformed = torch.empty_like(images)
    for mode, channels in groups.items():
        put(deformed, channels, _sample(picked(images, channels), unit, mode))
    return deformed


def _sample(images: torch.Tensor, unit: torch.Tensor, mode: str) -> torch.Tensor:
    return functional.grid_sample(images[None], unit, mode=mode, align_corners=False)[0]


def _by_interpolation(n_channels: int, nearest: Sequence[int]) -> dict[str, list[int]]:
    smooth = [index for index in range(n_channels) if index not in set(nearest)]
    groups = {"bilinear": smooth, "nearest": list(nearest)}
    return {mode: channels for mode, channels in groups.items() if channels}


def _grid(
    shape: Sequence[int],
    spacing: Sequence[float],
    deformation: Deformation,
    mirrored: Sequence[int],
    device: torch.device,
) -> torch.Tensor:
    """Sampling grid of the output voxels, as torch's grid_sample expects it.

    Source positions are computed at a few control points in float64 and interpolated linearly
    along each axis, on the device: the grid of an image of 224 voxels a side has 135 MB, points and
    weights have some kB. For the affine part that is exact, since it is linear; the elastic part is
    defined that way.

    Returns:
        Shape (1, z, y, x, 3), components (x, y, z), -1 and 1 at the outer faces of the image.
    """
    field = deformation.displacement
    n_points = 2 if field is None else field.shape[1]
    ends = [(n - 1) * s / 2 for n, s in zip(shape, spacing, strict=True)]
    points = np.meshgrid(*(np.linspace(-e, e, n_points) for e in ends), indexing="ij")
    source = np.einsum("ij,jzyx->izyx", deformation.matrix, np.stack(points))
    if field is not None:
        source = source + field
    half = np.array([n * s / 2 for n, s in zip(shape, spacing, strict=True)])
    unit = np.moveaxis(source / half[:, None, None, None], 0, -1)[..., ::-1]
    at_points = torch.from_numpy(unit.astype(np.float32, order="C"))
    weights = [_weights(n, n_points, is_mirrored=axis in mirrored) for axis, n in enumerate(shape)]
    at_points, along_z, along_y, along_x = sent([at_points, *weights], device)
    rows = torch.matmul(along_x, at_points)
    planes = torch.matmul(along_y, rows.flatten(2))
    return torch.matmul(along_z, planes.flatten(1)).view(1, *shape, 3)


def _weights(size: int, n_points: int, *, is_mirrored: bool) -> torch.Tensor:
    """Linear interpolation from control points to voxels, shape (size, n_points)."""
    at = np.linspace(0, n_points - 1, size) if size > 1 else np.full(1, (n_points - 1) / 2)
    weights: NDArray[np.float64] = np.clip(1 - np.abs(at[:, None] - np.arange(n_points)), 0, None)
    if is_mirrored:
        weights = weights[::-1]
    return torch.from_numpy(weights.astype(np.float32, order="C"))
