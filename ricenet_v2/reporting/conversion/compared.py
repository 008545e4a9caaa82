"""Two images of one plane in one panel: a checkerboard, and edges of one over the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ricenet_v2.core.types import Image, Mask
from ricenet_v2.reporting.case.panel import View, grey, reduced
from ricenet_v2.reporting.case.scene import Item, Line, Raster
from ricenet_v2.reporting.conversion.edges import edge_lines

EDGE = "#35e0ff"
_TILE_MM = 14.0
STEPS = 40
"""Shades of each image; more make larger files and show nothing more."""
_AMBER = np.array([1.0, 0.78, 0.42])
_EDGE_WIDTH = 1.3
_PERCENTILES = (1.0, 99.5)
_RIM_MM = 6.0
"""Rim of a region in mm, which holds bone in a CT and mixed values in all images."""


@dataclass(frozen=True)
class ComparedImage:
    """An image on the grid of the picture.

    Attributes:
        voxels: Array axes (z, y, x).
        window: Values that are black and white.
    """

    voxels: Image
    window: tuple[float, float]


def without_rim(region: Mask, spacing: tuple[float, float, float]) -> Mask:
    """The inner part of a region; the whole where nothing is left.

    Args:
        region: Array axes (z, y, x).
        spacing: mm along (z, y, x).
    """
    # A distance transform of a head takes a gigabyte.
    radius = [round(_RIM_MM / step) for step in reversed(spacing)]
    whole = sitk.GetImageFromArray(region.astype(np.uint8))
    core = sitk.GetArrayFromImage(sitk.BinaryErode(whole, radius, sitk.sitkBall)) > 0
    return core if core.any() else region


def window_in(voxels: Image, region: Mask) -> tuple[float, float]:
    """Grey window by the values in a region.

    Args:
        voxels: Array axes (z, y, x).
        region: Region of the same shape.
    """
    inside = voxels[region] if region.any() else voxels.ravel()
    low, high = (
        float(value)
        for value in np.percentile(inside[:: max(1, inside.size // 200_000)], _PERCENTILES)
    )
    return low, max(high, low + 1e-6)


def checkerboard(
    view: View, reference: ComparedImage, other: ComparedImage, name: str,
    corner: tuple[float, float],
) -> list[Item]:  # fmt: skip
    """Tiles that show the reference in grey and the other image in amber by turns.

    Args:
        view: The picture.
        reference: The image that the other was registered to.
        other: Other image, of the same shape.
        name: Plane.
        corner: Upper left of the panel.
    """
    first, second = (
        _shades(grey(_pixels(view, image.voxels, name), image.window))
        for image in (reference, other)
    )
    rows, columns = np.indices(first.shape)
    tile = max(1, round(_TILE_MM / view.mm_per_pixel))
    is_other = (rows // tile + columns // tile) % 2 == 1
    pixels = np.where(is_other, second + STEPS, first).astype(np.uint8)
    return [_raster(view, pixels, name, corner, palette())]


def edges_over(
    view: View, reference: ComparedImage, other: ComparedImage, region: Mask, name: str,
    corner: tuple[float, float],
) -> list[Item]:  # fmt: skip
    """The other image with edges of the reference over it.

    Args:
        view: The picture.
        reference: Reference whose edges are drawn.
        other: The image under them.
        region: Where edges are looked for, array axes (z, y, x).
        name: Plane.
        corner: Upper left of the panel.
    """
    pixels = _shades(grey(_pixels(view, other.voxels, name), other.window)).astype(np.uint8)
    values = _pixels(view, reference.voxels, name)
    inside = _pixels(view, region, name) > 0.5
    height, width = (mm * view.scale for mm in view.plane(reference.voxels, name).size)
    step = np.array([width / values.shape[1], height / values.shape[0]])
    finest = max(view.plane(reference.voxels, name).spacing)
    lines = edge_lines(values, inside, view.mm_per_pixel, finest)
    drawn = [Line((line + 0.5) * step + np.array(corner), EDGE, _EDGE_WIDTH) for line in lines]
    return [_raster(view, pixels, name, corner, palette()), *drawn]


def plain(view: View, image: ComparedImage, name: str, corner: tuple[float, float]) -> list[Item]:
    """An image in grey."""
    pixels = _shades(grey(_pixels(view, image.voxels, name), image.window)).astype(np.uint8)
    return [_raster(view, pixels, name, corner, palette())]


def _pixels(view: View, voxels: NDArray[np.generic], name: str) -> NDArray[np.float32]:
    return reduced(view.plane(voxels, name), view.mm_per_pixel)


def _raster(
    view: View, pixels: NDArray[np.uint8], name: str, corner: tuple[float, float],
    palette: NDArray[np.uint8],
) -> Raster:  # fmt: skip
    height, width = (mm * view.scale for mm in view.plane(view.scan.voxels[0], name).size)
    return Raster(*corner, width, height, pixels, palette)


def _shades(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.round(pixels.astype(np.float64) / 255 * (STEPS - 1)).astype(np.int64)


@cache
def palette() -> NDArray[np.uint8]:
    """Shades of grey, then as many of amber; shape (256, 3)."""
    shades = np.linspace(0, 255, STEPS)[:, None]
    colours = np.concatenate([shades * np.ones(3), shades * _AMBER])
    palette = np.zeros((256, 3))
    palette[: len(colours)] = colours
    return np.round(palette).astype(np.uint8)
