"""The way of a case's images to the target spacing: cropped, or straightened where they are tilted.

A crop is a box of voxels, and resampling keeps its axes. Straightened, the box runs along the axes
of the patient, and its voxels are taken from the images as they are: one resampling turns them
and brings them to the target spacing.
"""

from __future__ import annotations

from dataclasses import dataclass

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Mask, Shape, Triple
from ricenet_v2.preprocessing.resample import new_shape, resample, resample_mask
from ricenet_v2.preprocessing.rotated_resampling import carry, carry_mask
from ricenet_v2.records.cases import PreprocessedCase, StraightBox
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Interpolation
from ricenet_v2.voxels.boxes import patient_box
from ricenet_v2.voxels.region import Region


@dataclass(frozen=True)
class ResamplingRoute:
    """Resampling from the images of a case to the target spacing.

    Attributes:
        grid: Grid of the images, LPS.
        start: First voxel (z, y, x) of the region.
        stop: First voxel behind it.
        spacing: Wanted, mm along (z, y, x).
        straight: Box along the axes of the patient; None where the crop keeps its axes.
    """

    grid: Grid
    start: Shape
    stop: Shape
    spacing: Triple
    straight: StraightBox | None

    @classmethod
    def of(cls, record: PreprocessedCase, spacing: Triple) -> ResamplingRoute:
        """The route of a case that was preprocessed at a spacing."""
        grid = Grid(
            record.source_grid_shape,
            record.source_spacing,
            record.source_origin,
            record.source_direction,
        )
        return cls(grid, record.crop_start, record.crop_stop, spacing, record.straight)

    @property
    def cropped(self) -> Shape:
        """Voxels (z, y, x) of the region at the spacing of the images."""
        z, y, x = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return z, y, x

    @property
    def box(self) -> tuple[slice, slice, slice]:
        """Slices of the region in the images."""
        z, y, x = map(slice, self.start, self.stop)
        return z, y, x

    @property
    def _shape(self) -> Shape:
        return new_shape(self.cropped, self.grid.spacing, self.spacing)

    @property
    def made(self) -> Grid:
        """Spacing of the result: resampling keeps the extent, so it is not quite the target."""
        if self.straight is not None:
            return Grid(self.straight.shape, self.straight.spacing, self.straight.origin)
        shape = self._shape
        ratios = [have / n for have, n in zip(self.cropped, shape, strict=True)]
        z, y, x = (mm * ratio for mm, ratio in zip(self.grid.spacing, ratios, strict=True))
        first = [a + (ratio - 1) / 2 for a, ratio in zip(self.start, ratios, strict=True)]
        i, j, k = self.grid.world((first[0], first[1], first[2]))
        return Grid(shape, (z, y, x), (float(i), float(j), float(k)), self.grid.direction)

    def image(self, image: Image, interpolation: Interpolation, outside: float = 0.0) -> Image:
        """An image at the target spacing, before it is brought to the size of the input.

        Args:
            image: Image on `grid`, axes (z, y, x).
            interpolation: Interpolation for the kind of channel.
            outside: Value where a straight box reaches beyond the image.
        """
        if self.straight is not None:
            return carry(image, self.grid, self.made, interpolation, outside)
        return resample(image[self.box], self._shape, interpolation, self.grid.spacing)

    def mask(self, mask: Mask) -> Mask:
        """A mask, brought there by the nearest voxel."""
        if self.straight is not None:
            return carry_mask(mask, self.grid, self.made)
        return resample_mask(
            mask[self.box], new_shape(self.cropped, self.grid.spacing, self.spacing)
        )


def find_way(region: Region, grid: Grid, plan: Plan) -> ResamplingRoute:
    """The way of a case to what a plan wants.

    Args:
        region: Where the case is looked at.
        grid: Grid of the images.
        plan: Target spacing, and whether to straighten.
    """
    start, stop = region.box
    straight = None
    if plan.straighten and grid.is_tilted:
        box = patient_box(region.core, grid, region.margin_mm)
        straight = straight_box(*box, plan.spacing)
    return ResamplingRoute(grid, start, stop, plan.spacing, straight)


def straight_box(low: Triple, high: Triple, spacing: Triple) -> StraightBox:
    """A grid along the axes of the patient whose outer faces lie at `low` and `high`.

    Args:
        low: mm (x, y, z) in LPS.
        high: mm (x, y, z).
        spacing: Wanted, mm along (z, y, x); kept to the rounding of the number of voxels.
    """
    extent = [b - a for a, b in zip(low, high, strict=True)][::-1]
    z, y, x = (max(1, round(mm / step)) for mm, step in zip(extent, spacing, strict=True))
    steps = [mm / n for mm, n in zip(extent, (z, y, x), strict=True)]
    first = [a + step / 2 for a, step in zip(low, reversed(steps), strict=True)]
    return StraightBox((z, y, x), (steps[0], steps[1], steps[2]), (first[0], first[1], first[2]))
