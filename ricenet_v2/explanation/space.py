"""The way between the images of a case and the voxels that the network sees, in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.grid import Grid, Shape, Triple
from ricenet_v2.preprocessing.fit import fit
from ricenet_v2.preprocessing.resample import new_shape, resample, resample_mask
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.plan import Interpolation, Plan

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Space:
    """Crop, resampling and fit of one case, as `preprocessing.pipeline` does them.

    Attributes:
        record: Of the preprocessed case.
        spacing: Of the plan, mm along (z, y, x).
    """

    record: PreprocessedCase
    spacing: Triple

    @classmethod
    def of(cls, record: PreprocessedCase, plan: Plan) -> Space:
        """Of a case that was preprocessed by a plan."""
        return cls(record, plan.spacing)

    @property
    def grid(self) -> Grid:
        """Of the images, turned to LPS."""
        one = self.record
        return Grid(
            one.source_grid_shape, one.source_spacing, one.source_origin, one.source_direction
        )

    @property
    def cropped(self) -> Shape:
        """Voxels (z, y, x) of the cropped region at the spacing of the images."""
        z, y, x = (
            b - a for a, b in zip(self.record.crop_start, self.record.crop_stop, strict=True)
        )
        return z, y, x

    @property
    def resampled(self) -> Shape:
        """Voxels (z, y, x) of the cropped region at the spacing of the plan."""
        return new_shape(self.cropped, self.record.source_spacing, self.spacing)

    @property
    def size(self) -> Shape:
        """Voxels (z, y, x) that the network sees."""
        _, z, y, x = self.record.shape
        return z, y, x

    @property
    def step(self) -> Triple:
        """True mm between voxels that the network sees: resampling keeps the extent, not the mm."""
        z, y, x = (
            mm * have / made
            for mm, have, made in zip(
                self.record.source_spacing, self.cropped, self.resampled, strict=True
            )
        )
        return z, y, x

    @property
    def _box(self) -> tuple[slice, slice, slice]:
        z, y, x = map(slice, self.record.crop_start, self.record.crop_stop)
        return z, y, x

    def to_network(self, image: Image, interpolation: Interpolation) -> Image:
        """An image on the grid of the case, brought to the voxels that the network sees.

        Args:
            image: Axes (z, y, x), LPS.
            interpolation: By kind of channel.
        """
        made = resample(image[self._box], self.resampled, interpolation, self.record.source_spacing)
        return fit(made, self.size)

    def mask_to_network(self, mask: Mask) -> Mask:
        """The same for a mask, by the nearest voxel."""
        made = resample_mask(mask[self._box], self.resampled)
        return fit(made.astype(np.float32), self.size) > 0.5

    def share_inside(self, mask: Mask) -> float:
        """Share of a mask's voxels that lie in the crop; 0 for an empty mask."""
        return float(mask[self._box].sum() / max(mask.sum(), 1))

    def to_images(self, values: Image) -> Image:
        """A map on the network's voxels, brought to the grid of the images; 0 where it saw none.

        Args:
            values: Axes (z, y, x) of the network's input, finite.

        Returns:
            float32 on `grid`, linear between the voxels of the map.
        """
        made = np.zeros(self.record.source_grid_shape, dtype=np.float32)
        cut = fit(values, self.resampled)  # centring undoes itself
        made[self._box] = resample(cut, self.cropped, "linear", self.step)
        return made

    def world(self, index: Point) -> NDArray[np.float64]:
        """World position (x, y, z) in LPS mm of a point (z, y, x) in the network's voxels."""
        place = []
        for axis, at in enumerate(index):
            have, made, size = self.cropped[axis], self.resampled[axis], self.size[axis]
            n = min(made, size)
            inside = at - (size - n) // 2 + (made - n) // 2
            place.append((inside + 0.5) * have / made - 0.5 + self.record.crop_start[axis])
        return self.grid.world((place[0], place[1], place[2]))
