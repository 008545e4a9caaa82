"""The point of a case that its three planes go through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Shape
from ricenet_v2.reporting.case.scan import DisplayedCase

_HOTTEST = 0.995


@dataclass(frozen=True)
class ViewCentre:
    """A voxel (z, y, x) and why it was chosen, in words."""

    index: Shape
    why: str

    def where(self, grid: Grid) -> str:
        """`the dose maximum (L 12.0, P 8.5, S 34.0 mm)`: why, and where in the patient.

        Args:
            grid: Grid to which the index belongs.
        """
        at = zip(grid.world(self.index), ("LR", "PA", "SI"), strict=True)
        # Rounded first, so that a hair right of the middle is not written as R 0.0.
        coordinates = [(round(float(mm), 1), sides) for mm, sides in at]
        return f"{self.why} ({', '.join(f'{s[mm < 0]} {abs(mm):.1f}' for mm, s in coordinates)} mm)"


def find_centre(scan: DisplayedCase) -> ViewCentre:
    """The middle of the lesion, else of the hottest dose, else of the image."""
    if scan.lesion is not None and scan.lesion.any():
        return ViewCentre(_middle(scan.lesion, scan), "the middle of the lesion mask")
    dose = scan.dose
    if dose is not None and float(dose.max()) > 0:
        hottest = dose >= _HOTTEST * float(dose.max())
        return ViewCentre(_middle(hottest, scan), "the dose maximum")
    z, y, x = (n // 2 for n in scan.grid.shape)
    return ViewCentre((z, y, x), "the middle of the image")


def _middle(mask: NDArray[np.bool_], scan: DisplayedCase) -> Shape:
    """The voxel of the mask nearest to its centre of mass, which may lie outside of it."""
    inside = np.argwhere(mask)
    away = (inside - inside.mean(axis=0)) * np.asarray(scan.grid.spacing)
    z, y, x = inside[int(np.argmin((away**2).sum(axis=1)))]
    return int(z), int(y), int(x)
