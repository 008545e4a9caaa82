"""A hash of voxels, by which the same image is known under other names."""

from __future__ import annotations

import hashlib

import numpy as np

from ricenet_v2.core.types import Image, Images


def voxel_hash(image: Image | Images) -> str:
    """Hash of shape and voxels (in LPS), whatever the file's name, format and header."""
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()
