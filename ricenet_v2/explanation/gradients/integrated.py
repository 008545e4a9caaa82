"""Integrated gradients (Sundararajan, Taly and Yan 2017), through captum."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ricenet_v2.core.types import Images
from ricenet_v2.explanation.occlusion.log_odds import log_odds
from ricenet_v2.network.tf32 import float32

_LOGGER = logging.getLogger(__name__)
STEPS, MOST_STEPS = 32, 1024
GOOD = 0.05
"""Error of completeness, relative, from which down no finer steps are tried."""


@dataclass(frozen=True)
class Integrated:
    """Attribution of each voxel of each channel, in log odds of the class.

    Attributes:
        values: float32 (channels, z, y, x).
        score: Log odds of the case.
        reference: Log odds of the reference image.
        steps: Number of steps of the integral.
    """

    values: Images
    score: float
    reference: float
    steps: int

    @property
    def error(self) -> float:
        """Error of completeness: the sum of the values against score less reference, relative."""
        difference = self.score - self.reference
        return abs(float(self.values.sum(dtype=np.float64)) - difference) / max(
            abs(difference), 1e-6
        )


@float32()
def integrated_gradients(
    network: nn.Module,
    array: Images,
    reference: Images,
    target: int,
    batch: int = 4,
    *,
    steps: int = STEPS,
    most_steps: int = MOST_STEPS,
) -> Integrated:
    """Gradients along the straight way from the reference to the case, times that way.

    Steps are doubled until the values add up to the difference of the two scores within 5 %.

    Args:
        network: Network in evaluation mode; images are brought to its device.
        array: Preprocessed images (channels, z, y, x), NaN where a channel is missing.
        reference: Reference image of the same shape, NaN in the same channels.
        target: Index of the class.
        batch: Steps at a time; halved where memory runs out.
        steps: Number of steps to begin with.
        most_steps: Where doubling ends.

    Raises:
        RuntimeError: Memory runs out with one step at a time.
    """
    device = next(network.parameters()).device
    images, start = (torch.from_numpy(image)[None].to(device) for image in (array, reference))
    with torch.inference_mode():
        score, base = (float(log_odds(network(image), target)) for image in (images, start))
    while True:
        values = _attributed(network, images, start, target, steps, batch)
        integrated = Integrated(values, score, base, steps)
        if integrated.error <= GOOD or steps >= most_steps:
            return integrated
        steps = min(2 * steps, most_steps)


def _attributed(
    network: nn.Module,
    images: torch.Tensor,
    start: torch.Tensor,
    target: int,
    steps: int,
    batch: int,
) -> Images:
    from captum.attr import IntegratedGradients

    method = IntegratedGradients(lambda batch: log_odds(network(batch), target))
    try:
        attributions = method.attribute(images, start, n_steps=steps, internal_batch_size=batch)
    except RuntimeError as error:
        if batch == 1 or "memory" not in str(error):
            raise
    else:
        values: Images = attributions[0].detach().float().cpu().numpy()
        # What is missing (NaN) on the whole way has no part in the score.
        return np.where(np.isnan(values), np.float32(0), values)
    _LOGGER.warning("No memory for %d steps at a time: continuing with %d.", batch, batch // 2)
    return _attributed(network, images, start, target, steps, batch // 2)
