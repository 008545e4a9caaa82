"""The image that says nothing: what integrated gradients start from and deletion ends in."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ricenet_v2.core.types import Images, Triple
from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.voxels.absence import ABSENT, is_absent

BLUR_MM = 12.0


def reference_of(array: Images, plan: Plan, step: Triple) -> Images:
    """Each channel without its findings.

    An image of zeros would do for batch norm, but instance norm takes the scale out of an image: on
    the straight way from zeros to the case nothing changes until the very end, and gradients along
    it are worthless. A blurred head keeps its scale. A dose, and a mask, of 0 is one that says
    nothing; where dose is all that a network sees, it is blurred too. A channel that is missing
    stays so.

    Args:
        array: Preprocessed images (channels of the plan, z, y, x).
        plan: Kinds of the channels.
        step: mm along (z, y, x).
    """
    blurred = _blurred(plan)
    sigma = [BLUR_MM / mm for mm in step]
    reference = np.zeros_like(array)
    for target, image, channel in zip(reference, array, plan.channels, strict=True):
        if is_absent(image):
            target[...] = ABSENT
        elif channel.kind in blurred:
            target[...] = ndimage.gaussian_filter(image, sigma, mode="nearest")
    return reference


def description_of(plan: Plan) -> str:
    """Description of the reference image, e.g. `MRI blurred by 12 mm, dose 0 Gy`."""
    blurred = _blurred(plan)
    kinds = dict.fromkeys(channel.kind for channel in plan.channels)
    texts = [
        f"{KINDS[kind].label} blurred by {BLUR_MM:g} mm"
        if kind in blurred
        else f"{KINDS[kind].label} 0 {KINDS[kind].unit}".rstrip()
        for kind in kinds
    ]
    return ", ".join(texts)


def _blurred(plan: Plan) -> set[ChannelKind]:
    """Kinds whose images are blurred: those of images, or doses where there are none."""
    kinds = {channel.kind for channel in plan.channels}
    images = {kind for kind in kinds if KINDS[kind].filling == "image"}
    return images or {kind for kind in kinds if KINDS[kind].filling == "dose"}
