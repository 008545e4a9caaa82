"""Is the content of one image usable?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.fingerprinting.findings import Place, error, warning
from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.kinds import KINDS


def check_voxels(image: NDArray[np.float32], kind: ChannelKind, place: Place) -> list[Finding]:
    """NaN, infinite and constant images.

    Args:
        image: Axes (z, y, x).
        kind: Kind of the channel; a constant mask (nothing marked) is only a warning.
        place: Case and file.
    """
    n_nan = int(np.count_nonzero(np.isnan(image)))
    n_infinite = int(np.count_nonzero(np.isinf(image)))
    if n_nan or n_infinite:
        return [not_finite(place, n_nan, n_infinite, image.size)]
    if image.min() != image.max():
        return []
    is_mask = KINDS[kind].is_mask
    make = warning if is_mask else error
    return [
        make(
            "constant image",
            place,
            found=f"every voxel is {float(image.flat[0]):g}",
            expected="an image with more than one value",
            remedy="Export the image again, or remove the case."
            if not is_mask
            else "Check that nothing is marked in this case.",
        )
    ]


def not_finite(place: Place, n_nan: int, n_infinite: int, size: int) -> Finding:
    """The finding for voxels that are NaN or infinite."""
    return error(
        "not finite",
        place,
        found=f"{n_nan} NaN and {n_infinite} infinite of {size} voxels",
        expected="finite numbers only",
        remedy="Export the image again, or set these voxels to 0 if they lie outside the patient.",
    )
