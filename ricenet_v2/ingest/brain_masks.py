"""Sources of the brain mask of a case, behind one interface."""

from __future__ import annotations

from dataclasses import dataclass, field

from ricenet_v2.core.types import Mask
from ricenet_v2.ingest.brain_command import mask_by_command
from ricenet_v2.ingest.brain_deepbet import mask_by_deepbet
from ricenet_v2.ingest.case_inputs import ImageSource
from ricenet_v2.ingest.checks import check_brain
from ricenet_v2.ingest.convert_options import ConvertOptions
from ricenet_v2.ingest.resampling import resample_mask
from ricenet_v2.ingest.source_images import read_source
from ricenet_v2.ingest.volume import ImageVolume
from ricenet_v2.voxels.foreground import foreground

GIVEN = "given"


@dataclass(frozen=True)
class BrainRegion:
    """Mask of the brain on the grid of the reference, or the region that stands in its place.

    Attributes:
        mask: Array axes (z, y, x).
        source: `given`, what made it (`deepbet 1.0.2`, `command hd-bet`), or by which rule the
            region was taken.
        is_brain: Whether it is a mask of the brain, and not a region.
    """

    mask: Mask = field(repr=False)
    source: str
    is_brain: bool = True


def brain_region(
    given: ImageSource | None, reference: ImageVolume, source: ImageSource, options: ConvertOptions
) -> BrainRegion:
    """The mask that is given, else what the options name.

    Args:
        given: Image that is a mask, in the coordinates of the reference; it comes first.
        reference: Reference image to which the mask belongs.
        source: Source of the reference.
        options: Options that name the command or network that makes one.

    Raises:
        DatasetError: A mask cannot be read or made, or is not that of one brain.
    """
    if given is not None:
        image = read_source(given)
        brain = BrainRegion(resample_mask(image.voxels > 0.5, image.grid, reference.grid), GIVEN)
    elif options.brain_command:
        command, seconds = options.brain_command, options.brain_timeout
        brain = BrainRegion(*mask_by_command(reference, command, seconds))
    elif options.brain_mask == "deepbet":
        brain = BrainRegion(*mask_by_deepbet(reference))
    else:
        region, rule = foreground(reference.voxels[None], (source.kind,), None)
        return BrainRegion(region, rule, is_brain=False)
    check_brain(brain.mask, reference.grid, (given or source).files[0])
    return brain
