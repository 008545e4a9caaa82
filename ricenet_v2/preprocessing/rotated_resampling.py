"""Carrying an image from one grid to another that is turned against it, in one resampling."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.preprocessing.resample import Voxel, orders
from ricenet_v2.records.plan_parts import Interpolation

Places = NDArray[np.float64]
PAD = 12
"""Voxels of the rim that scipy adds before it fits a cubic spline in its mode "nearest"."""


def carry(
    image: Image, source: Grid, target: Grid, interpolation: Interpolation, outside: float
) -> Image:
    """The image on another grid, by the rules of `resample` but along axes that are turned.

    An image is smoothed before it loses resolution; a cubic spline runs along thin axes, and
    between slices much thicker than the finest spacing its values are joined linearly; no result
    leaves the range of the input. Up to its outer faces the image goes on with its rim.

    Args:
        image: Axes (z, y, x).
        source: Grid of the image.
        target: Wanted.
        interpolation: Interpolation for the kind of channel.
        outside: Value of voxels that lie beyond the faces of the source.

    Returns:
        float32 on `target`.
    """
    read = _reader(image, source, target, interpolation)
    low, high = image.min(), image.max()
    resampled = np.empty(target.shape, dtype=np.float32)
    for plane, places in zip(resampled, _planes(source, target), strict=True):
        np.clip(read(places), low, high, out=plane)
        plane[_beyond(places, source)] = outside
    return resampled


def carry_mask(mask: Mask, source: Grid, target: Grid) -> Mask:
    """The mask on another grid, by the nearest voxel; false beyond the faces of the source."""
    resampled = np.empty(target.shape, dtype=np.bool_)
    for plane, places in zip(resampled, _planes(source, target), strict=True):
        plane[...] = _nearest_voxels(mask, places)
        plane[_beyond(places, source)] = False
    return resampled


def background(image: Image) -> float:
    """Background value of an image: the median of its eight corners."""
    ends = np.ix_(*((0, size - 1) for size in image.shape))
    return float(np.median(image[ends]))


def _steps(source: Grid, target: Grid) -> tuple[Places, Places]:
    """Source index of the target's first voxel, and what a voxel along each target axis adds.

    Returns:
        Shapes (3,) and (3, 3), axes (source axis, target axis), both (z, y, x).
    """
    corner = source.index(target.positions(np.zeros(3)))
    return corner, (source.index(target.positions(np.eye(3))) - corner).T


def _planes(source: Grid, target: Grid) -> Iterator[Places]:
    """Indices in the source for each plane of the target, axes (source axis, y, x)."""
    corner, steps = _steps(source, target)
    _, n_y, n_x = target.shape
    y, x = np.arange(n_y)[:, None], np.arange(n_x)
    in_plane = steps[:, 1, None, None] * y + steps[:, 2, None, None] * x
    for z in range(target.shape[0]):
        yield in_plane + (corner + z * steps[:, 0])[:, None, None]


def _beyond(places: Places, source: Grid) -> Mask:
    last = np.asarray(source.shape)[:, None, None] - 0.5
    return np.asarray(((places < -0.5) | (places > last)).any(axis=0))


def _nearest_voxels(image: NDArray[Voxel], places: Places) -> NDArray[Voxel]:
    """The nearest voxel of each place."""
    ends = np.asarray(image.shape)[:, None, None] - 1
    z, y, x = np.clip(np.floor(places + 0.5).astype(np.intp), 0, ends)
    voxels: NDArray[Voxel] = image[z, y, x]
    return voxels


def _reader(
    image: Image, source: Grid, target: Grid, interpolation: Interpolation
) -> Callable[[Places], NDArray[np.generic]]:
    """A function from places (3, y, x) to values (y, x)."""
    if interpolation == "nearest":
        return lambda places: _nearest_voxels(image, places)
    image = _smoothed(image, _steps(source, target)[1])
    each = orders(interpolation, source.spacing)
    if 3 not in each:
        return lambda places: ndimage.map_coordinates(image, places, order=1, mode="nearest")
    spline = ndimage.spline_filter(np.pad(image, PAD, mode="edge"), output=np.float32)
    thick = [axis for axis, order in enumerate(each) if order == 1]
    return lambda places: _cubic(spline, places, thick, source)


def _smoothed(image: Image, steps: Places) -> Image:
    """Smooth as `resize(anti_aliasing=True)` does, by the target's step in voxels of each axis."""
    sigma = np.maximum(0, (np.linalg.norm(steps, axis=1) - 1) / 2)
    # Of a step of one voxel, rounding leaves a little above it.
    sigma[sigma < 1e-6] = 0
    if not sigma.any():
        return image
    smoothed: Image = ndimage.gaussian_filter(image, sigma, mode="nearest")
    return smoothed


def _cubic(spline: Image, places: Places, thick: list[int], source: Grid) -> Places:
    """The spline at places; along thick axes the straight line between its values at voxels."""
    total = np.zeros(places.shape[1:])
    below = np.floor(places)
    for above in itertools.product((0, 1), repeat=len(thick)):
        at, weight = places.copy(), np.ones(places.shape[1:])
        for axis, step in zip(thick, above, strict=True):
            share = places[axis] - below[axis]
            weight *= share if step else 1 - share
            at[axis] = np.clip(below[axis] + step, 0, source.shape[axis] - 1)
        total += weight * ndimage.map_coordinates(
            spline, at + PAD, order=3, mode="nearest", prefilter=False
        )
    return total
