"""Connected components of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Mask

_ALL_NEIGHBOURS = 26


def components_of(mask: Mask) -> tuple[NDArray[np.integer], dict[int, int]]:
    """The component that each voxel belongs to, and the voxels of each component.

    Voxels that touch at a corner are connected. Source: acvl-utils, as in nnU-Net.

    Args:
        mask: Axes (z, y, x).

    Returns:
        Numbers from 1, 0 outside of the mask, axes (z, y, x); and the size of each by its number.
    """
    # It loads scikit-image, which most processes do without.
    from acvl_utils.morphology.morphology_helper import cc3d_label_with_component_sizes

    binary = np.asarray(mask, dtype=bool)
    components, sizes = cc3d_label_with_component_sizes(binary, _ALL_NEIGHBOURS)
    return components, {int(number): int(size) for number, size in sizes.items()}
