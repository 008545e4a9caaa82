"""Effects of many windows, estimated from few gradients.

To first order a window takes away the gradient of the log odds times the change of its voxels. Half
way between the image and the hidden window the gradient also accounts for curvature, and one
backward pass serves many windows that lie far enough apart to have little to say about each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ricenet_v2.explanation.occlusion.batches import Numbers, Progress, silent
from ricenet_v2.explanation.occlusion.log_odds import log_odds
from ricenet_v2.explanation.occlusion.prepared import Occlusions
from ricenet_v2.explanation.occlusion.windows import Values, Windows

_PASSES = 2
"""Forward passes that one gradient of the voxels is worth: one forward, one backward."""


@dataclass(frozen=True)
class GradientEstimates:
    """Two estimates for each window and channel.

    Attributes:
        values: (windows, 2 * channels): from the image as it is, and from half way.
        forward_passes: Forward passes that they took.
    """

    values: Values
    forward_passes: int


def gradient_estimates(
    network: nn.Module, occlusions: Occlusions, target: int, most: int, progress: Progress = silent
) -> GradientEstimates:
    """Gradients of the image as it is, and of images in which groups of windows are half hidden.

    One image goes through the network and back at a time, and its feature maps are kept meanwhile.

    Args:
        network: A network in evaluation mode.
        occlusions: The case.
        target: Index of the class.
        most: Forward passes that they may take; groups become denser where there are too many.
        progress: Called with how many more forward passes are done.
    """
    windows, array = occlusions.windows, occlusions.array
    everything = np.arange(len(windows))
    steps = _Gradient(network, target)
    as_it_is = _products(steps.at(array), occlusions, everything)
    half_way = np.empty_like(as_it_is)
    groups = _apart(windows, most // _PASSES - 1)
    for group in groups:
        image = array.copy()
        for number in group:
            box = windows.slices(number)
            image[box] = (array[box] + occlusions.fills.box(number, windows)) / 2
        half_way[group] = _products(steps.at(image), occlusions, group)
        progress(_PASSES)
    return GradientEstimates(np.hstack([as_it_is, half_way]), _PASSES * (len(groups) + 1))


def lattice(windows: Windows) -> Numbers:
    """Index of each window along each axis, (windows, 3)."""
    columns = [np.unique(axis, return_inverse=True)[1] for axis in windows.starts.T]
    return np.stack(columns, axis=1)


def _apart(windows: Windows, most: int) -> list[Numbers]:
    """Groups of windows with the gap of a window between them, or less to have at most `most`."""
    places = lattice(windows)
    periods = [_period(n, axis) for n, axis in zip(windows.size, windows.starts.T, strict=True)]
    while math.prod(periods) > max(most, 1):
        periods[int(np.argmax(periods))] -= 1
    offsets = product(*(range(period) for period in periods))
    groups = [np.flatnonzero((places % periods == offset).all(axis=1)) for offset in offsets]
    return [group for group in groups if len(group)]


def _period(size: int, starts: NDArray[np.int64]) -> int:
    """Windows of an axis from one of a group to the next."""
    distinct = np.unique(starts)
    if len(distinct) < 2:
        return 1
    return min(len(distinct), math.ceil(2 * size / int(distinct[1] - distinct[0])))


class _Gradient:
    """Gradient of the log odds of a class by the voxels of an image."""

    def __init__(self, network: nn.Module, target: int) -> None:
        self._network, self._target = network, target
        self._device = next(network.parameters()).device

    def at(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """The gradient of one image; both (channels, z, y, x). Those of weights are not made."""
        with torch.inference_mode(mode=False), torch.enable_grad():
            voxels = torch.from_numpy(image)[None].to(self._device).requires_grad_()
            score = log_odds(self._network(voxels), self._target)
            (gradient,) = torch.autograd.grad(score.sum(), voxels)
        values: NDArray[np.float32] = gradient[0].cpu().numpy()
        return values


def _products(gradient: NDArray[np.float32], occlusions: Occlusions, numbers: Numbers) -> Values:
    """Gradient times what hiding takes from the voxels, by window and channel."""
    windows, array, fills = occlusions.windows, occlusions.array, occlusions.fills
    products = np.empty((len(numbers), len(array)))
    for row, number in enumerate(numbers):
        box = windows.slices(number)
        change = array[box] - fills.box(number, windows)
        change[np.isnan(change)] = 0  # channels that are missing
        products[row] = np.einsum("czyx,czyx->c", gradient[box], change, dtype=np.float64)
    return products
