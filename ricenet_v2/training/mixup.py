"""Mixup: pairs of samples and of their labels, averaged with random shares (Zhang et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ricenet_v2.core.types import Flags
from ricenet_v2.network.presence import is_lacking
from ricenet_v2.records.plan_parts import ChannelPlan
from ricenet_v2.records.presence import lacks_anatomy
from ricenet_v2.training.augmentation.transfer import sent


def mix(
    images: torch.Tensor,
    targets: torch.Tensor,
    alpha: float,
    random: np.random.Generator,
    channels: Sequence[ChannelPlan] = (),
) -> tuple[torch.Tensor, torch.Tensor]:
    """Average every sample with a partner of the same batch.

    All channels of a sample mix with the same share and the same partner. Dose channels are
    divided by a fixed number of Gy, so a mixed dose is the same average in Gy, never above the
    larger of the two; it belongs to no patient, as the mixed image does not, and its label is
    mixed likewise. A channel that either of the two lacks is missing in the mixture; where nothing
    would be left that shows the patient, the sample stays as it is.

    Args:
        images: (B, C, Z, Y, X); NaN in channels that are missing.
        targets: Probabilities (B, classes).
        alpha: Both parameters of the beta distribution of the shares; above 0.
        random: Draws shares and partners.
        channels: The channels, where some may be missing.
    """
    (partner,) = sent([torch.from_numpy(random.permutation(len(images)))], images.device)
    drawn = random.beta(alpha, alpha, size=len(images)).astype(np.float32)
    (share,) = sent([torch.from_numpy(drawn)], images.device)
    if channels:
        alone = _left_alone(images, partner, channels)
        (share,) = sent([torch.from_numpy(np.where(alone, np.float32(1), drawn))], images.device)
        (partner,) = sent(
            [torch.where(torch.from_numpy(alone), torch.arange(len(images)), partner.cpu())],
            images.device,
        )
    wide = share.view(-1, 1, 1, 1, 1)
    mixed = torch.lerp(images[partner], images, wide)
    return mixed, torch.lerp(targets[partner], targets, share[:, None])


def _left_alone(
    images: torch.Tensor, partner: torch.Tensor, channels: Sequence[ChannelPlan]
) -> Flags:
    """Samples (B,) that have no channel in common with their partner that shows the patient."""
    lacking = is_lacking(images)
    either = (lacking | lacking[partner]).tolist()
    return np.array(
        [
            lacks_anatomy(
                channels,
                [each.name for each, is_absent in zip(channels, row, strict=True) if is_absent],
            )
            for row in either
        ]
    )
