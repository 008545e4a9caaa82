"""The map of one network for one case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import nn

from ricenet_v2.explanation.occlusion.batches import Numbers, Progress, silent
from ricenet_v2.explanation.occlusion.coarse import Sampled, sample
from ricenet_v2.explanation.occlusion.gradient_estimates import (
    GradientEstimates,
    gradient_estimates,
)
from ricenet_v2.explanation.occlusion.log_odds import log_odds
from ricenet_v2.explanation.occlusion.passes import Runner, choose_pass
from ricenet_v2.explanation.occlusion.prepared import Occlusions
from ricenet_v2.explanation.occlusion.windows import Values
from ricenet_v2.network.tf32 import float32


@dataclass(frozen=True)
class OcclusionMap:
    """Effect of hiding each place on a class: prediction minus occluded prediction.

    Positive: the place speaks for the class. Where windows overlap, the mean of those that hold
    the voxel. NaN outside of the region.

    Attributes:
        logit: Change of the log odds of the class, float32 (z, y, x).
        probability: Change of its probability, float32 (z, y, x).
        n_windows: Number of windows that were evaluated.
        cost_share: Multiply-adds spent, as a share of one forward pass for every window.
        is_exact: Whether each window's value is that of a whole forward pass, to rounding.
        words: Description of the method, in sentences.
    """

    logit: NDArray[np.float32]
    probability: NDArray[np.float32]
    n_windows: int
    cost_share: float
    is_exact: bool
    words: tuple[str, ...]


@float32()
@torch.inference_mode()
def occlude(
    network: nn.Module, occlusions: Occlusions, target: int, progress: Progress = silent
) -> OcclusionMap:
    """Hide one window after the other and see what the network says.

    Args:
        network: Network in evaluation mode; images are brought to its device.
        occlusions: The case; the same for all members of an ensemble.
        target: Index of the class to explain.
        progress: Called with how many more windows, or gradients worth as much, are done.

    Raises:
        PlanError: There is no such class.
        RicenetError: Memory runs out with one window at a time.
    """
    windows, method = occlusions.windows, occlusions.settings.method
    passes = choose_pass(network, occlusions, method)
    before = log_odds(passes.whole, target)
    runner = Runner(network, occlusions, passes, progress)

    def look(numbers: Numbers) -> Values:
        return (before - log_odds(runner.logits(numbers), target)).numpy()

    def estimate(most: int) -> GradientEstimates:
        return gradient_estimates(network, occlusions, target, most, progress)

    sentences = [passes.words]
    if method == "coarse":
        sampled = sample(windows, look, lambda: passes.forward_passes, estimate)
    else:
        sampled = Sampled(look(np.arange(len(windows))), len(windows))
    if sampled.n_seen < len(windows):
        sentences.append(
            f"Those are a part of {len(windows)}; what the others take away was estimated from "
            "gradients and corrected by those that were seen."
        )
    z, y, x = windows.size
    left = before.numpy() - sampled.values
    return OcclusionMap(
        logit=_map(sampled.values, occlusions),
        probability=_map(special.expit(before.numpy()) - special.expit(left), occlusions),
        n_windows=sampled.n_seen,
        cost_share=(passes.forward_passes + sampled.forward_passes) / len(windows),
        is_exact=passes.is_exact and sampled.n_seen == len(windows),
        words=(f"{sampled.n_seen} windows of {z} x {y} x {x} voxels (z, y, x).", *sentences),
    )


def _map(values: Values, occlusions: Occlusions) -> NDArray[np.float32]:
    averaged = occlusions.windows.average(values)
    return np.where(occlusions.region, averaged, np.nan).astype(np.float32)
