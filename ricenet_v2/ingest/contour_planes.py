"""Closed contours in parallel planes, and the voxels of any grid inside of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Flags, Floats, Mask
from ricenet_v2.ingest.polygons import even_odd

_PARALLEL = 3e-4
"""Radians between the normals of planes that count as parallel."""
_FINE = 0.5
"""Pixels of contours, as a share of the finest spacing of a grid that lies otherwise."""
_MOST_PIXELS = 2048
_SLAB = 16


@dataclass(frozen=True)
class ContourPlanes:
    """Contours by plane.

    Attributes:
        axes: Unit vectors (3, 3): row, column and normal of the planes.
        places: mm along the normal, rising, one for each plane.
        thickness: mm from half a plane below to half a plane above.
        contours: Contours of each plane: corners (x, y, z) in LPS mm, each of shape (n, 3).
    """

    axes: Floats
    places: Floats
    thickness: float
    contours: tuple[tuple[Floats, ...], ...]

    def mask(self, grid: Grid) -> Mask:
        """Voxels whose centre lies inside, array axes (z, y, x)."""
        along = _axis_along(grid, self.axes[2])
        return _tilted(self, grid) if along is None else _upright(self, grid, along)


def _axis_along(grid: Grid, normal: Floats) -> int | None:
    """The array axis that runs along the normal; None where none does."""
    cosines = np.abs(normal @ np.reshape(grid.direction, (3, 3)))
    index_axis = int(cosines.argmax())
    return 2 - index_axis if cosines[index_axis] > 1 - _PARALLEL**2 / 2 else None


def _nearest(planes: ContourPlanes, heights: Floats) -> Floats:
    """Index of the plane that heights belong to, -1 where none is near; shape as given."""
    middles = (planes.places[:-1] + planes.places[1:]) / 2
    index = np.searchsorted(middles, heights, side="right")
    # A voxel halfway between two planes is of one of them, whatever rounding does.
    is_near = np.abs(heights - planes.places[index]) <= planes.thickness / 2 * (1 + 1e-6)
    return np.where(is_near, index, -1)


def _upright(planes: ContourPlanes, grid: Grid, along: int) -> Mask:
    """Contours in the planes of a grid: exact at every voxel centre."""
    mask = np.zeros(grid.shape, dtype=np.bool_)
    stacked = np.moveaxis(mask, along, 0)
    others = [axis for axis in range(3) if axis != along]
    indices = np.zeros((grid.shape[along], 3))
    indices[:, along] = np.arange(grid.shape[along])
    index = _nearest(planes, grid.positions(indices) @ planes.axes[2])
    drawn: dict[int, Flags] = {}
    for at, plane in enumerate(index.astype(int)):
        if plane < 0:
            continue
        if plane not in drawn:
            corners = [grid.index(contour)[:, others] for contour in planes.contours[plane]]
            drawn[plane] = even_odd(corners, (stacked.shape[1], stacked.shape[2]))
        stacked[at] = drawn[plane]
    return mask


def _box_around(planes: ContourPlanes, flat: Floats, grid: Grid) -> tuple[list[int], list[int]]:
    """First voxel, and first voxel behind the box that holds all contours and their reach.

    Args:
        planes: Planes with the contours.
        flat: Their corners in the plane, (n, 2) mm.
        grid: Grid of the voxels.
    """
    heights = planes.places.min() - planes.thickness, planes.places.max() + planes.thickness
    ends = np.array([flat.min(axis=0), flat.max(axis=0)])
    corners = np.array([(u, v, w) for u in ends[:, 0] for v in ends[:, 1] for w in heights])
    index = grid.index(corners @ planes.axes)
    first = np.clip(np.floor(index.min(axis=0)) - 1, 0, grid.shape).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0)) + 2, 0, grid.shape).astype(int)
    return first.tolist(), stop.tolist()


def _tilted(planes: ContourPlanes, grid: Grid) -> Mask:
    """Contours are drawn in their own planes, in pixels finer than voxels, and looked up."""
    flat = np.concatenate([contour for each in planes.contours for contour in each])
    flat, ends = flat @ planes.axes[:2].T, grid.corners() @ planes.axes[:2].T
    low = np.maximum(flat.min(axis=0), ends.min(axis=0))
    high = np.minimum(flat.max(axis=0), ends.max(axis=0))
    mask = np.zeros(grid.shape, dtype=np.bool_)
    if (low > high).any():
        return mask
    step = max(min(grid.spacing) * _FINE, float((high - low).max()) / _MOST_PIXELS)
    shape = np.ceil((high - low) / step).astype(int) + 1
    drawn = np.zeros((len(planes.places) + 1, *shape), dtype=np.bool_)  # the last plane is empty
    for plane, contours in enumerate(planes.contours):
        corners = [(contour @ planes.axes[:2].T - low) / step for contour in contours]
        drawn[plane] = even_odd(corners, (int(shape[0]), int(shape[1])))
    first, stop = _box_around(planes, flat, grid)
    inside = mask[tuple(map(slice, first, stop))]
    for start in range(0, inside.shape[0], _SLAB):
        slab = inside[start : start + _SLAB]
        indices = np.moveaxis(np.indices(slab.shape, dtype=np.float64), 0, -1)
        indices += first
        indices[..., 0] += start
        points = grid.positions(indices) @ planes.axes.T
        pixel = np.round((points[..., :2] - low) / step).astype(int)
        index = _nearest(planes, points[..., 2]).astype(int)
        index[((pixel < 0) | (pixel >= shape)).any(axis=-1)] = -1
        pixel = np.clip(pixel, 0, shape - 1)
        slab[:] = drawn[index, pixel[..., 0], pixel[..., 1]]
    return mask
