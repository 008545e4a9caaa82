"""Do all channels of a case lie on one grid?"""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.grid import TOLERANCE_MM, Grid
from ricenet_v2.fingerprinting.findings import Place, error
from ricenet_v2.records.integrity import Finding


def check_geometry(grid: Grid, reference: Grid, place: Place, reference_file: str) -> list[Finding]:
    """Compare the grid of a file with that of the first channel of its case.

    Args:
        grid: Grid of the file, LPS.
        reference: Grid of the first channel that could be read, LPS.
        place: Case and file.
        reference_file: Name of the file of `reference`.
    """
    differences = _differences(grid, reference)
    if not differences:
        return []
    return [
        error(
            "geometry",
            place,
            found="; ".join(differences),
            expected=f"the grid of {reference_file}: shape {_text(reference.shape)}, spacing "
            f"{_text(reference.spacing)} mm, corners within {TOLERANCE_MM} mm (z, y, x)",
            remedy="If its header is wrong, correct the header; if the header is right, resample "
            f"this file onto the grid of {reference_file} (dose linear, masks nearest).",
        )
    ]


def _differences(grid: Grid, reference: Grid) -> list[str]:
    if grid.matches(reference):
        return []
    if _are_apart(grid, reference):
        return ["it lies wholly outside of the image"]
    if grid.shape != reference.shape:
        return [f"shape {_text(grid.shape)}", f"spacing {_text(grid.spacing)} mm"]
    where = [f"corners {grid.distance(reference):.3g} mm apart"]
    steps = [abs(a - b) for a, b in zip(grid.spacing, reference.spacing, strict=True)]
    if max(n * step for n, step in zip(grid.shape, steps, strict=True)) > TOLERANCE_MM:
        where.append(f"spacing {_text(grid.spacing)} mm")
    if max(abs(a - b) for a, b in zip(grid.direction, reference.direction, strict=True)) > 1e-3:
        where.append(f"direction {_text(grid.direction)}")
    if len(where) == 1:
        where.append(
            f"only the origin differs: {_text(grid.origin)} instead of "
            f"{_text(reference.origin)} mm (x, y, z)"
        )
    return where


def _are_apart(grid: Grid, reference: Grid) -> bool:
    """Whether the boxes around two grids, along the axes of the patient, do not touch."""
    a, b = grid.corners(), reference.corners()
    return bool(np.any(a.max(axis=0) < b.min(axis=0)) or np.any(b.max(axis=0) < a.min(axis=0)))


def _text(numbers: tuple[float, ...]) -> str:
    return " x ".join(f"{number:.4g}" for number in numbers)
