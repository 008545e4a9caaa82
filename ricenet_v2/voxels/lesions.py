"""The lesions of one mask."""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Image, Mask
from ricenet_v2.voxels.components import components_of
from ricenet_v2.voxels.labels import labels_of


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
    components, sizes = components_of(mask > 0.5)
    largest_first = sorted(sizes, key=lambda number: -sizes[number])
    return {
        number: np.asarray(components == component)
        for number, component in enumerate(largest_first, start=1)
    }
