"""Channels that a case lacks, as a network sees them: NaN becomes 0, and a flag says which.

After normalisation 0 is the mean of the region of a z-scored channel, and no dose or label of the
others. It is what most of an image that is there has outside of the patient, so a filled channel
adds nothing to a convolution; that it stands for nothing and not for 0 Gy, only the flag says.
"""

from __future__ import annotations

import torch

__all__ = ["filled", "flags_of", "is_lacking"]


def is_lacking(images: torch.Tensor) -> torch.Tensor:
    """Whether channels (B, C) of images (B, C, Z, Y, X) are missing: those with a voxel of NaN."""
    return images.isnan().flatten(2).any(dim=2)


def flags_of(images: torch.Tensor) -> torch.Tensor:
    """Flags (B, C) of images (B, C, Z, Y, X): 1 where a channel is there, 0 where it is missing."""
    return (~is_lacking(images)).to(images.dtype)


def filled(maps: torch.Tensor) -> torch.Tensor:
    """Maps (B, C, Z, Y, X) with 0 in place of NaN."""
    return torch.where(maps.isnan(), torch.zeros((), dtype=maps.dtype, device=maps.device), maps)
