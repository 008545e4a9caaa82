"""The image that says nothing: what integrated gradients start from and deletion ends in."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ricenet_v2.core.types import Images, Triple
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.voxels.absence import ABSENT, is_absent

BLUR_MM = 12.0
DESCRIPTION = f"mri and other images blurred by {BLUR_MM:g} mm, dose 0 Gy"
DESCRIPTION_OF_DOSE = f"the dose blurred by {BLUR_MM:g} mm, since there is no other image"


def reference_of(array: Images, plan: Plan, step: Triple) -> Images:
    """Each channel without its findings.

    An image of zeros would do for batch norm, but instance norm takes the scale out of an image: on
    the straight way from zeros to the case nothing changes until the very end, and gradients along
    it are worthless. A blurred head keeps its scale. Where dose is all that a network sees, it is
    blurred too. A channel that is missing stays so.

    Args:
        array: Preprocessed images (channels of the plan, z, y, x).
        plan: Kinds of the channels.
        step: mm along (z, y, x).
    """
    kinds = [channel.kind for channel in plan.channels]
    alone = all(KINDS[kind].has_fixed_intensities for kind in kinds)
    sigma = [BLUR_MM / mm for mm in step]
    reference = np.zeros_like(array)
    for target, image, kind in zip(reference, array, kinds, strict=True):
        if is_absent(image):
            target[...] = ABSENT
        elif not KINDS[kind].has_fixed_intensities or (alone and KINDS[kind].is_dose):
            target[...] = ndimage.gaussian_filter(image, sigma, mode="nearest")
    return reference


def description_of(plan: Plan) -> str:
    """Description of the reference image."""
    kinds = {channel.kind for channel in plan.channels}
    return DESCRIPTION_OF_DOSE if kinds <= {"dose", "mask"} else DESCRIPTION
