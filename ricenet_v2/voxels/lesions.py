"""The lesions of one mask."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ricenet_v2.core.types import Image, Mask
from ricenet_v2.voxels.labels import labels_of

_NEIGHBOURS = np.ones((3, 3, 3))


def lesions_in(mask: Image) -> dict[int, Mask]:
    """Each lesion by its number.

    A mask of several labels has a lesion for each label, with its number. A mask of one label has
    one for each part that hangs together (voxels that touch at a corner do), the largest first.

    Args:
        mask: Axes (z, y, x); above 0.5 is lesion.
    """
    labels = labels_of(mask) or ()
    numbers = [int(value) for value in labels if value >= 1 and value == int(value)]
    if len(numbers) > 1 and len(numbers) == len(labels):
        return {number: np.asarray(mask == number) for number in numbers}
    parts, n_parts = ndimage.label(mask > 0.5, _NEIGHBOURS)
    sizes = np.bincount(parts.ravel(), minlength=n_parts + 1)[1:]
    order = np.argsort(-sizes, kind="stable")
    return {
        number: np.asarray(parts == int(part) + 1) for number, part in enumerate(order, start=1)
    }
