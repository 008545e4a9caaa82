"""Brain masks of deepbet, a network for T1 images of heads whose weights come with its package.

L. Fisch et al.: deepbet: Fast brain extraction of T1-weighted MRI using Convolutional Neural
Networks. Computers in Biology and Medicine 179 (2024). It was trained with healthy adults: look at
masks beside resection cavities.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np

from ricenet_v2.core.errors import DatasetError, OptionError
from ricenet_v2.core.packages import check_package, installing, version_of
from ricenet_v2.core.types import Mask
from ricenet_v2.ingest.volume import ImageVolume

BYTES = int(1.6e9)
"""Memory that it takes beside the images."""
_THRESHOLD = 0.5


def mask_by_deepbet(reference: ImageVolume) -> tuple[Mask, str]:
    """Make a mask on the CPU, where it is the same each time.

    Args:
        reference: T1 image of a head.

    Returns:
        Mask on its grid, and name and version of the package.

    Raises:
        OptionError: The package is not installed.
        DatasetError: It sees no brain.
    """
    check_package("deepbet", "brain", "name masks in the column brain of the manifest")
    network = _network()
    # It takes axes (x, y, z) that run right, anterior, superior.
    turned = np.ascontiguousarray(reference.voxels[:, ::-1, ::-1].transpose(2, 1, 0))
    try:
        shares = network.run_model(turned)
        mask = network.postprocess(shares > _THRESHOLD)
    except (AssertionError, ValueError, IndexError, RuntimeError) as error:
        raise DatasetError(
            "deepbet sees no brain in this image.",
            expected="a T1 image of a whole head",
            got=type(error).__name__,
            remedy="Specify a mask in the column brain, or check that the series is the right one.",
        ) from error
    back = np.asarray(mask, dtype=np.bool_).transpose(2, 1, 0)[:, ::-1, ::-1]
    return np.ascontiguousarray(back), f"deepbet {version_of('deepbet')}".strip()


@cache
def _network() -> Any:
    """Both networks, which are read once a process."""
    try:
        from deepbet import BrainExtraction
    except ImportError as error:  # of what it needs
        raise OptionError(
            "deepbet cannot be imported.", got=error, remedy=f"Run {installing('brain')}."
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit.load will go at some time
        return BrainExtraction(no_gpu=True)
