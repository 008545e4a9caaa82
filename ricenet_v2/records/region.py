"""Part of the images that a plan uses."""

from __future__ import annotations

from typing import Literal, get_args

from ricenet_v2.core.documents import NewFlag, record
from ricenet_v2.records import ranges

RegionKind = Literal["image", "head", "brain", "lesion"]
REGION_KINDS: tuple[RegionKind, ...] = get_args(RegionKind)
BRAIN_MASK, NON_ZERO, WHOLE_IMAGE, HEAD = "brain mask", "non-zero voxels", "whole image", "head"
"""Region of a crop, in records of cases; around lesions it is `RegionPlan.label`."""


@record
class RegionPlan:
    """The region that all cases of a plan are cropped to, and new patients alike.

    Attributes:
        kind: `image` crops nothing; `head` follows what is not air in the MRI and CT channels,
            without any mask; `brain` the mask CASE_brain; `lesion` the mask CASE_lesion.
        margin_mm: Around the lesion; 0 for the other kinds.
        per_lesion: Whether each lesion of a patient is a case of its own.
    """

    kind: RegionKind
    margin_mm: ranges.Length = 0.0
    per_lesion: NewFlag = False

    @property
    def mask(self) -> str:
        """Name of the mask that every case must have; empty where none is needed."""
        return self.kind if self.kind in ("brain", "lesion") else ""

    @property
    def label(self) -> str:
        """Region of the crop, in words; a head without air around it is the whole image."""
        names = {"image": WHOLE_IMAGE, "head": HEAD, "brain": BRAIN_MASK}
        return names.get(self.kind, f"lesion with a margin of {self.margin_mm:g} mm")


def mask_name(region: RegionPlan | None) -> str:
    """The mask that decides the region of a case; empty where none does.

    Args:
        region: Region of the plan; plans made before there were regions follow the brain mask of
            each case that has one.
    """
    return "brain" if region is None else region.mask


def follows_images(region: RegionPlan | None, *, has_mask: bool) -> bool:
    """Whether all channels that show anatomy are needed to tell where the patient is.

    Args:
        region: Region of the plan.
        has_mask: Whether the case has the mask of `mask_name`.
    """
    if region is None:
        return not has_mask
    return region.kind in ("head", "lesion")
