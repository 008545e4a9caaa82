"""The way between the images of a case and the voxels that the network sees, in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Mask, Shape, Triple
from ricenet_v2.preprocessing.fit import fit
from ricenet_v2.preprocessing.resample import resample
from ricenet_v2.preprocessing.resampling_route import ResamplingRoute
from ricenet_v2.preprocessing.rotated_resampling import carry
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Interpolation

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Space:
    """Crop, resampling and fit of one case, as `preprocessing.pipeline` does them.

    Attributes:
        record: Record of the preprocessed case.
        spacing: Spacing of the plan, mm along (z, y, x).
    """

    record: PreprocessedCase
    spacing: Triple

    @classmethod
    def of(cls, record: PreprocessedCase, plan: Plan) -> Space:
        """The space of a case that was preprocessed by a plan."""
        return cls(record, plan.spacing)

    @property
    def grid(self) -> Grid:
        """Grid of the images, turned to LPS."""
        return self.way.grid

    @property
    def way(self) -> ResamplingRoute:
        """Route of the images to the spacing of the plan."""
        return ResamplingRoute.of(self.record, self.spacing)

    @property
    def left(self) -> Triple:
        """Unit vector to the left of the patient, along the array axes (z, y, x) of the input."""
        x, y, z = self.way.made.direction[:3]
        return z, y, x

    @property
    def resampled(self) -> Shape:
        """Voxels (z, y, x) of the region at the spacing of the plan."""
        return self.way.made.shape

    @property
    def size(self) -> Shape:
        """Voxels (z, y, x) that the network sees."""
        _, z, y, x = self.record.shape
        return z, y, x

    @property
    def step(self) -> Triple:
        """True mm between voxels that the network sees: resampling keeps the extent, not the mm."""
        return self.way.made.spacing

    def to_network(self, image: Image, interpolation: Interpolation) -> Image:
        """An image on the grid of the case, brought to the voxels that the network sees.

        Args:
            image: Axes (z, y, x), LPS.
            interpolation: Interpolation for the kind of channel.
        """
        return fit(self.way.image(image, interpolation), self.size)

    def mask_to_network(self, mask: Mask) -> Mask:
        """A mask, brought there by the nearest voxel."""
        return fit(self.way.mask(mask).astype(np.float32), self.size) > 0.5

    def share_inside(self, mask: Mask) -> float:
        """Share of a mask's voxels that lie in the crop; 0 for an empty mask."""
        way = self.way
        if way.straight is None:
            return float(mask[way.box].sum() / max(mask.sum(), 1))
        places = way.made.index(self.grid.positions(np.argwhere(mask).astype(np.float64)))
        inside = (places >= -0.5) & (places <= np.asarray(way.made.shape) - 0.5)
        return float(inside.all(axis=1).sum() / max(len(places), 1))

    def to_images(self, values: Image) -> Image:
        """A map on the network's voxels, brought to the grid of the images; 0 where it saw none.

        Args:
            values: Axes (z, y, x) of the network's input, finite.

        Returns:
            float32 on `grid`, linear between the voxels of the map.
        """
        way = self.way
        cut = fit(values, way.made.shape)  # centring undoes itself
        if way.straight is not None:
            return carry(cut, way.made, self.grid, "linear", 0.0)
        image = np.zeros(self.record.source_grid_shape, dtype=np.float32)
        image[way.box] = resample(cut, way.cropped, "linear", self.step)
        return image

    def world(self, index: Point) -> NDArray[np.float64]:
        """World position (x, y, z) in LPS mm of a point (z, y, x) in the network's voxels."""
        target = self.way.made
        place = []
        for at, have, size in zip(index, target.shape, self.size, strict=True):
            n = min(have, size)
            place.append(at - (size - n) // 2 + (have - n) // 2)
        return target.world((place[0], place[1], place[2]))
