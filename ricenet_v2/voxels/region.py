"""The region of a case: the one rule that measuring, preprocessing and prediction share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.errors import RegionError
from ricenet_v2.core.types import Image, Images, Mask, Shape, Triple
from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.region import BRAIN_MASK, HEAD, WHOLE_IMAGE, RegionPlan
from ricenet_v2.voxels.absence import is_absent
from ricenet_v2.voxels.boxes import bounding_box
from ricenet_v2.voxels.foreground import foreground
from ricenet_v2.voxels.head import head_mask


@dataclass(frozen=True)
class Region:
    """Region of a case that is used.

    Attributes:
        core: Mask around which the crop lies, axes (z, y, x).
        margin_mm: Distance in mm by which the crop is larger than the box around the core.
        patient: Voxels of the patient, also beyond the crop.
        name: Region of the crop, in words.
        box: First voxel of the crop and first voxel behind it, each (z, y, x).
    """

    core: Mask
    margin_mm: float
    patient: Mask
    name: str
    box: tuple[Shape, Shape]

    @property
    def inside(self) -> Mask:
        """Voxels of the patient in the crop: intensities are measured there."""
        if not self.margin_mm:
            return self.patient
        inside = np.zeros_like(self.patient)
        box = tuple(slice(a, b) for a, b in zip(*self.box, strict=True))
        inside[box] = self.patient[box]
        return inside


def case_region(
    images: Images,
    kinds: Sequence[ChannelKind],
    spacing: Triple,
    plan: RegionPlan | None,
    mask: Mask | None,
) -> Region:
    """The region of a case as a plan says.

    Args:
        images: Channels of one case, axes (channels, z, y, x). Where the plan follows the images,
            all that show anatomy must be among them, those that the case lacks as NaN; a dose
            never decides.
        kinds: Kind of each channel.
        spacing: mm along (z, y, x).
        plan: The region of the plan; None for a plan made before there were regions.
        mask: Mask that the plan names, axes (z, y, x); above 0.5 is inside.

    Raises:
        RegionError: The mask that the plan needs is missing, empty or of another shape, or nothing
            of the patient lies around the lesion.
        DatasetError: The images hold nothing but zeros.
    """
    if plan is None:
        voxels, name = foreground(images, kinds, mask)
        return _around(voxels, name)
    if plan.mask:
        mask = _checked(mask, plan.mask, images.shape[1:])
    if plan.kind == "brain" and mask is not None:
        return _around(mask, BRAIN_MASK)
    if plan.kind == "lesion" and mask is not None:
        return _around_lesion(mask, plan, spacing, head_of(images, kinds, spacing))
    head = head_of(images, kinds, spacing) if plan.kind == "head" else None
    if head is None:
        return _around(np.ones(images.shape[1:], dtype=np.bool_), WHOLE_IMAGE)
    return _around(head, HEAD)


def head_of(images: Images, kinds: Sequence[ChannelKind], spacing: Triple) -> Mask | None:
    """Voxels of the head or body in any MRI or CT channel; None where none shows air.

    A PET decides only where there is neither.
    """
    shown = [
        (image, kind)
        for image, kind in zip(images, kinds, strict=True)
        if KINDS[kind].is_anatomy and not is_absent(image)
    ]
    clear = [(image, kind) for image, kind in shown if KINDS[kind].shows_head]
    heads = [head_mask(image, spacing, kind) for image, kind in clear or shown]
    union: Mask | None = None
    for head in heads:
        if head is not None:
            union = head if union is None else union | head
    return union


def grown_box(core: Mask, margin_mm: float, spacing: Triple) -> tuple[Shape, Shape]:
    """The box around a mask, larger by a margin on each side as far as the image goes."""
    start, stop = bounding_box(core)
    reach = [int(np.ceil(margin_mm / mm - 1e-6)) for mm in spacing]
    low = [max(0, a - n) for a, n in zip(start, reach, strict=True)]
    high = [min(size, b + n) for b, n, size in zip(stop, reach, core.shape, strict=True)]
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def _around(mask: Mask, name: str) -> Region:
    return Region(mask, 0.0, mask, name, bounding_box(mask))


def _around_lesion(lesion: Mask, plan: RegionPlan, spacing: Triple, head: Mask | None) -> Region:
    box = grown_box(lesion, plan.margin_mm, spacing)
    patient = np.ones_like(lesion) if head is None else head | lesion
    if head is not None and not (head & lesion).any():
        raise RegionError(
            "The lesion lies outside of the patient.",
            expected="a lesion mask with voxels in the head or body that the images show",
            got=f"{np.count_nonzero(lesion)} voxels in the air, from {box[0]} on (z, y, x)",
            remedy="Look at the mask over the images: it may be mirrored, moved, or of another "
            "patient.",
        )
    return Region(lesion, plan.margin_mm, patient, plan.label, box)


def _checked(mask: Mask | Image | None, name: str, shape: tuple[int, ...]) -> Mask:
    if mask is None:
        raise RegionError(
            f"There is no {name} mask, which the region of the plan needs.",
            expected=f"the mask CASE_{name}: the plan crops every case to it",
            got="none",
        )
    if mask.shape != shape:
        raise RegionError(
            f"The {name} mask has another shape than the images.", expected=shape, got=mask.shape
        )
    inside = np.asarray(mask > 0.5, dtype=np.bool_)
    if not inside.any():
        raise RegionError(
            f"The {name} mask is empty.",
            expected="at least one voxel above 0.5",
            got=f"0 of {inside.size} voxels",
            remedy=f"Draw the {name} again, or leave the case out.",
        )
    return inside
