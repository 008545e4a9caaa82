"""Mixup: pairs of samples and of their labels, averaged with random shares (Zhang et al. 2018)."""

from __future__ import annotations

import numpy as np
import torch

from ricenet_v2.training.augmentation.transfer import sent


def mix(
    images: torch.Tensor, targets: torch.Tensor, alpha: float, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Average every sample with a partner of the same batch.

    All channels of a sample mix with the same share and the same partner. Dose channels are
    divided by a fixed number of Gy, so a mixed dose is the same average in Gy, never above the
    larger of the two; it belongs to no patient, as the mixed image does not, and its label is
    mixed likewise.

    Args:
        images: (B, C, Z, Y, X).
        targets: Probabilities (B, classes).
        alpha: Both parameters of the beta distribution of the shares; above 0.
        random: Draws shares and partners.
    """
    (partner,) = sent([torch.from_numpy(random.permutation(len(images)))], images.device)
    drawn = random.beta(alpha, alpha, size=len(images)).astype(np.float32)
    (share,) = sent([torch.from_numpy(drawn)], images.device)
    wide = share.view(-1, 1, 1, 1, 1)
    mixed = torch.lerp(images[partner], images, wide)
    return mixed, torch.lerp(targets[partner], targets, share[:, None])
