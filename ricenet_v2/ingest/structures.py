"""RTSTRUCT files -> structures, and their masks on any grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset as Attributes

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Floats, Mask
from ricenet_v2.ingest import reading
from ricenet_v2.ingest.contour_planes import ContourPlanes

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_PLANAR_MM = 0.1
"""Largest distance of a point from the plane of its contour, and of planes that are one."""


@dataclass(frozen=True)
class Structure:
    """A region of interest.

    Attributes:
        file: Source file.
        number: Number of the region in its file.
        name: Name as a person wrote it.
        frame_of_reference: UID of its coordinate system; empty where it is not known.
        contours: Corners (x, y, z) in LPS mm of closed planar contours, each of shape (n, 3).
        n_skipped: Contours of another kind: points and open lines.
    """

    file: Path
    number: int
    name: str = field(repr=False)
    frame_of_reference: str = field(repr=False)
    contours: tuple[Floats, ...] = field(repr=False)
    n_skipped: int = 0


@reading.quiet()
def read_structures(file: Path) -> tuple[Structure, ...]:
    """Read the structures of a file, those without contours too.

    Raises:
        DatasetError: It holds no structures or cannot be read.
    """
    attributes = reading.read_attributes(file)
    if reading.text(attributes, "Modality") != "RTSTRUCT":
        raise DatasetError(
            "This file holds no structures.", file=file, expected="modality RTSTRUCT"
        )
    drawn = {
        reading.integer(roi, "ReferencedROINumber"): reading.items(roi, "ContourSequence")
        for roi in reading.items(attributes, "ROIContourSequence")
    }
    structures = []
    for roi in reading.items(attributes, "StructureSetROISequence"):
        number = reading.integer(roi, "ROINumber")
        if number is not None:
            structures.append(_structure(roi, number, drawn.get(number, ()), file))
    return tuple(structures)


@reading.quiet()
def roi_names(file: Path) -> tuple[str, ...]:
    """Names of the regions of interest of a file, which may name the patient; none if unreadable.

    Contours are not read.
    """
    try:
        attributes = reading.read_attributes(file, only=("StructureSetROISequence",))
    except DatasetError:
        return ()
    rois = reading.items(attributes, "StructureSetROISequence")
    return tuple(name for roi in rois if (name := reading.text(roi, "ROIName")))


def _structure(
    roi: Attributes, number: int, contours: Sequence[Attributes], file: Path
) -> Structure:
    closed, skipped = [], 0
    for contour in contours:
        if reading.text(contour, "ContourGeometricType").upper() not in _CLOSED:
            skipped += 1
            continue
        values = reading.numbers(contour, "ContourData")
        if len(values) % 3 or len(values) < 9:
            raise DatasetError(
                f"A contour of structure number {number} is damaged.",
                file=file,
                expected="3 or more points of 3 finite numbers",
                got=f"{len(values)} numbers",
                remedy="Export the structures again.",
            )
        closed.append(np.array(values).reshape(-1, 3))
    return Structure(
        file=file,
        number=number,
        name=reading.text(roi, "ROIName"),
        frame_of_reference=reading.text(roi, "ReferencedFrameOfReferenceUID"),
        contours=tuple(closed),
        n_skipped=skipped,
    )


def structure_mask(structure: Structure, grid: Grid, slice_spacing: float | None = None) -> Mask:
    """Voxels whose centre lies inside of a structure, by the even-odd rule in each plane.

    A plane reaches half the distance of planes up and down; where planes are missing there is a
    gap.

    Args:
        structure: Structure with contours.
        grid: Grid of the mask, in the frame of reference of the structure, with any orientation.
        slice_spacing: Distance of planes in mm; None takes the smallest distance of two.

    Returns:
        Array axes (z, y, x), of the grid's shape.

    Raises:
        DatasetError: No closed contours, contours that are not planar or not parallel, a single
            plane without `slice_spacing`, or nothing inside of the grid.
    """
    planes = _planes(structure, slice_spacing)
    mask = planes.mask(grid)
    if not mask.any():
        raise DatasetError(
            f"Structure number {structure.number} has no voxel.",
            file=structure.file,
            expected="contours inside of the image",
            got="none inside",
            remedy="Check whether the structures are of this image, and whether it is as large.",
        )
    return mask


def _planes(structure: Structure, slice_spacing: float | None) -> ContourPlanes:
    if not structure.contours:
        raise DatasetError(
            f"Structure number {structure.number} is empty.",
            file=structure.file,
            expected="1 or more closed planar contours",
            got=f"none, and {structure.n_skipped} of points or open lines",
            remedy="Choose another structure, or draw this one.",
        )
    axes = _axes(structure)
    places = []
    for contour in structure.contours:
        heights = contour @ axes[2]
        if heights.max() - heights.min() > 2 * _PLANAR_MM:
            raise DatasetError(
                f"The contours of structure number {structure.number} are not in parallel planes.",
                file=structure.file,
                expected=f"points within {2 * _PLANAR_MM} mm of one plane",
                got=f"{heights.max() - heights.min():.3g} mm",
                remedy="Export the structures again, drawn on one series.",
            )
        places.append(float(heights.mean()))
    order = np.argsort(places, kind="stable")
    groups: list[list[int]] = []
    for at in order:
        if groups and places[at] - places[groups[-1][0]] <= _PLANAR_MM:
            groups[-1].append(int(at))
        else:
            groups.append([int(at)])
    centres = np.array([np.mean([places[at] for at in group]) for group in groups])
    return ContourPlanes(
        axes=axes,
        places=centres,
        thickness=_thickness(centres, slice_spacing, structure),
        contours=tuple(tuple(structure.contours[at] for at in group) for group in groups),
    )


def _thickness(places: Floats, slice_spacing: float | None, structure: Structure) -> float:
    if slice_spacing is not None:
        return slice_spacing
    if len(places) < 2:
        raise DatasetError(
            f"Structure number {structure.number} is drawn in one plane.",
            file=structure.file,
            expected="contours in 2 or more planes, or the distance of slices",
            got="1 plane",
            remedy="Give the image that it is drawn on.",
        )
    return float(np.diff(places).min())


def _axes(structure: Structure) -> Floats:
    """Unit vectors in the planes of the contours, and their normal."""
    largest = max(structure.contours, key=_area)
    normal = _normal(largest)
    length = float(np.linalg.norm(normal))
    if length < 1e-6:
        raise DatasetError(
            f"The contours of structure number {structure.number} have no area.",
            file=structure.file,
            remedy="Choose another structure.",
        )
    normal /= length * np.sign(normal[np.abs(normal).argmax()])
    row = np.eye(3)[np.abs(normal).argmin()]
    row = row - (row @ normal) * normal
    row /= np.linalg.norm(row)
    return np.stack([row, np.cross(normal, row), normal])


def _normal(contour: Floats) -> Floats:
    """Twice the area, along the normal (Newell's formula)."""
    relative = contour - contour[0]
    total: Floats = np.cross(relative, np.roll(relative, -1, axis=0)).sum(axis=0)
    return total


def _area(contour: Floats) -> float:
    return float(np.linalg.norm(_normal(contour)))
