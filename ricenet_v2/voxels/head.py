"""The head or body in an image: what is not the air around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ricenet_v2.core.types import Image, Mask, Triple
from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.voxels.boxes import bounding_box
from ricenet_v2.voxels.components import components_of

_BLOCK_MM = 3.0
"""Side of the blocks whose means are thresholded: noise in the air is averaged away."""
_CLOSED_MM = 6.0
"""Gaps between the scalp and the brain, where the bone is dark in an MRI."""
_OPENED_MM = 5.0
"""Links between the head and a couch or the noise around it."""
_AIR_HU, _AIR_UP_TO_HU = -1000.0, -400.0
_STRIPPED = 0.5
"""Share of the rim of the image with one value, from which on it is no air but a constant."""
_LARGEST_AIR, _AIR_OF_RIM, _NOISE_SHARE = 0.35, 0.2, 0.15
_SOLID = 0.7
_PART = 0.05
"""Share of the largest part, from which on another part of a brain without its skull counts."""
_ROUNDS, _CLOSE_ENOUGH = 100, 1e-4

Values = NDArray[np.float64]


@dataclass(frozen=True)
class _Blocks:
    """The coarse grid: edges of the blocks along each axis, and their size in mm, (z, y, x)."""

    starts: tuple[NDArray[np.intp], ...]
    shape: tuple[int, ...]
    step: Triple

    @classmethod
    def of(cls, shape: tuple[int, ...], spacing: Triple) -> _Blocks:
        sizes = [max(1, round(_BLOCK_MM / mm)) for mm in spacing]
        z, y, x = (mm * n for mm, n in zip(spacing, sizes, strict=True))
        starts = tuple(np.arange(0, n, size) for n, size in zip(shape, sizes, strict=True))
        return cls(starts, shape, (z, y, x))

    def means(self, image: Image | Mask) -> Values:
        """Mean of each block."""
        values: Values | Image | Mask = image
        for axis, starts in enumerate(self.starts):
            counts = np.diff([*starts, self.shape[axis]])
            sums = np.add.reduceat(values, starts, axis=axis, dtype=np.float64)
            values = sums / np.expand_dims(counts, tuple(n for n in range(3) if n != axis))
        return np.asarray(values, dtype=np.float64)

    def voxels(self, coarse: Mask) -> Mask:
        """The voxels of the blocks that are true."""
        for axis, starts in enumerate(self.starts):
            coarse = np.repeat(coarse, np.diff([*starts, self.shape[axis]]), axis=axis)
        return coarse


def head_mask(image: Image, spacing: Triple, kind: ChannelKind) -> Mask | None:
    """Voxels of the head or body in one image, its holes filled; None where no air is to be seen.

    Where the rim of the image has one value, as around a brain whose skull was removed, what has
    another value is the patient. Else means of blocks of 3 mm are thresholded: a CT at -400 HU,
    other images by the minimum cross entropy of Li and Lee (1993), iterated as Li and Tam (1998)
    do, and their gaps of 6 mm are closed. The largest part without links that are
    thinner than 5 mm stays. Air that is as bright as tissue, or a mask that is no body but
    scattered over the image, is not taken.

    Args:
        image: Finite, axes (z, y, x).
        spacing: mm along (z, y, x).
        kind: Kind of the channel.
    """
    low, high = float(image.min()), float(image.max())
    if low == high:
        return None
    blocks = _Blocks.of(image.shape, spacing)
    constant = _constant_of_rim(image)
    mask = _without_air(image, low, blocks, kind)
    if constant is None:
        return mask
    rest = _largest(image != constant, None)
    return rest if mask is None or not _is_noise(image, rest, mask, constant) else mask


def _without_air(image: Image, low: float, blocks: _Blocks, kind: ChannelKind) -> Mask | None:
    """The largest part above the threshold."""
    means = blocks.means(image)
    is_hounsfield = KINDS[kind].is_hounsfield and low < 0
    if is_hounsfield:
        if low > _AIR_UP_TO_HU:
            return None
        means, threshold = np.maximum(means, _AIR_HU) - _AIR_HU, _AIR_UP_TO_HU - _AIR_HU
    else:
        means = means - means.min()
        threshold = _threshold(np.minimum(means, np.percentile(means, 99)))
    above = means > threshold
    if not _is_solid(above):
        return None
    head = _largest(above, blocks.step, is_closed=not is_hounsfield)
    outside = ~head
    if not outside.any():
        return None
    air, tissue = float(means[outside].mean()), float(np.median(means[head]))
    return blocks.voxels(head) if air <= _LARGEST_AIR * tissue else None


def _threshold(values: Values) -> float:
    """The value that parts two kinds with the least cross entropy; values from 0 up."""
    threshold = float(values.mean())
    for _ in range(_ROUNDS):
        above = values > threshold
        if not above.any() or above.all():
            break
        upper, lower = float(values[above].mean()), float(values[~above].mean())
        if lower <= 0:
            lower = np.finfo(float).tiny
        following = (upper - lower) / (np.log(upper) - np.log(lower))
        is_done = abs(following - threshold) <= _CLOSE_ENOUGH * threshold
        threshold = float(following)
        if is_done:
            break
    return threshold


def _is_solid(mask: Mask) -> bool:
    """Whether most neighbours of its voxels are in the mask too, and it is not scattered."""
    n_pairs = n_kept = 0
    for axis in range(3):
        along = np.moveaxis(mask, axis, 0)
        n_pairs += int(np.count_nonzero(along[:-1]))
        n_kept += int(np.count_nonzero(along[:-1] & along[1:]))
    return n_kept >= _SOLID * n_pairs > 0


def _largest(mask: Mask, step: Triple | None, *, is_closed: bool = False) -> Mask:
    """The largest part of a mask with its holes filled.

    Args:
        mask: Axes (z, y, x), with at least one voxel.
        step: mm along (z, y, x), to open links before and to fill the holes of each slice too; None
            to do neither, and to keep other parts that are large.
        is_closed: Whether to close gaps before, such as the bone in an MRI.
    """
    start, stop = bounding_box(mask)
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    part = mask[box]
    if step is not None and is_closed:
        part = _closed(part, step)
    opened = part if step is None else _opened(part, step)
    components, sizes = components_of(opened if opened.any() else part)
    if len(sizes) > 1:
        largest = max(sizes, key=lambda number: sizes[number])
        if step is None:
            large = [number for number, size in sizes.items() if size >= _PART * sizes[largest]]
            part = np.isin(components, large)
        else:
            part = _within(components == largest, step, _OPENED_MM / 2) & part
    filled = ndimage.binary_fill_holes(part)
    if step is not None:
        for index in range(filled.shape[0]):  # the neck and the ears open holes to the air
            filled[index] = ndimage.binary_fill_holes(filled[index])
    result = np.zeros_like(mask)
    result[box] = filled
    return result


def _within(mask: Mask, step: Triple, reach: float) -> Mask:
    """Voxels not farther than `reach` mm from a mask."""
    return np.asarray(ndimage.distance_transform_edt(~mask, sampling=step) <= reach)


def _closed(mask: Mask, step: Triple) -> Mask:
    radius = _CLOSED_MM / 2
    pad = [int(np.ceil(radius / mm)) for mm in step]
    padded = np.pad(mask, [(n, n) for n in pad])
    grown = _within(padded, step, radius)
    shrunk = ndimage.distance_transform_edt(np.pad(grown, 1), sampling=step)[1:-1, 1:-1, 1:-1]
    inner = tuple(slice(n, n + size) for n, size in zip(pad, mask.shape, strict=True))
    return np.asarray(mask | (shrunk > radius)[inner])


def _opened(mask: Mask, step: Triple) -> Mask:
    radius = _OPENED_MM / 2
    # Beyond the face of the image the head goes on: nothing is eroded from there.
    inside = ndimage.distance_transform_edt(mask, sampling=step) > radius
    return _within(inside, step, radius) & mask if inside.any() else mask


def _constant_of_rim(image: Image) -> float | None:
    """The value of at least half of the rim of an image, if there is one."""
    faces = [np.take(image, side, axis).ravel() for axis in range(3) for side in (0, -1)]
    values, counts = np.unique(np.concatenate(faces), return_counts=True)
    most = int(counts.argmax())
    return float(values[most]) if counts[most] >= _STRIPPED * counts.sum() else None


def _is_noise(image: Image, rest: Mask, mask: Mask, constant: float) -> bool:
    """Whether much of what differs from a constant is air: images that were moved into a frame."""
    beyond = rest & ~mask
    if int(np.count_nonzero(beyond)) <= _NOISE_SHARE * int(np.count_nonzero(rest)):
        return False
    middle = float(np.median(image[mask])) - constant
    return abs(float(image[beyond].mean()) - constant) < _AIR_OF_RIM * abs(middle)
