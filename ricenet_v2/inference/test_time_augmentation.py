"""Probabilities of one network."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.network.build import Classifier
from ricenet_v2.network.tf32 import float32


def mirrorings(axes: Sequence[int]) -> list[tuple[int, ...]]:
    """All subsets of the axes, the empty one first."""
    return [subset for size in range(len(axes) + 1) for subset in combinations(axes, size)]


def probabilities(
    network: nn.Module, batch: torch.Tensor, mirror_axes: Sequence[int] = ()
) -> torch.Tensor:
    """Softmax averaged over the mirrorings.

    Args:
        network: Network in evaluation mode, on the device of the batch.
        batch: Images (B, C, Z, Y, X).
        mirror_axes: Axes (0 z, 1 y, 2 x) that may be flipped.

    Returns:
        (B, classes), float32 on the CPU; NaN for an image of which an output is not finite.
    """
    return seen(network, batch, mirror_axes).probabilities


@dataclass(frozen=True)
class NetworkOutputs:
    """The output of a network for a batch.

    Attributes:
        probabilities: (B, classes), float32 on the CPU; NaN where an output is not finite.
        features: Pooled features (B, F) of the images as they are, float32 on the CPU; None of a
            network that has none.
    """

    probabilities: torch.Tensor
    features: torch.Tensor | None


@float32()
@torch.inference_mode()
def seen(
    network: nn.Module, batch: torch.Tensor, mirror_axes: Sequence[int] = ()
) -> NetworkOutputs:
    """Probabilities as `probabilities` gives them, and features of the images without a flip."""
    turns, features = mirrorings(mirror_axes), None
    total = torch.zeros((), device=batch.device)
    for axes in turns:
        turned = torch.flip(batch, [axis + 2 for axis in axes]) if axes else batch
        if not axes and isinstance(network, Classifier):
            pooled = network.pooled(turned)
            logits, features = network.classify(pooled), pooled.float().cpu()
        else:
            logits = network(turned)
        sound = logits.isfinite().all(dim=1, keepdim=True)
        total = total + torch.where(sound, torch.softmax(logits.float(), dim=1), torch.nan)
    return NetworkOutputs((total / len(turns)).cpu(), features)


def with_log_odds(network: Classifier, added: NDArray[np.float64] | None) -> Classifier:
    """The network with numbers (classes,) added to its logits; it shares all but the head."""
    if added is None:
        return network
    copied = copy.copy(network)
    copied._modules = dict(network._modules)  # noqa: SLF001 - a copy shares this table otherwise
    copied.head = copy.deepcopy(network.head)
    with torch.no_grad():
        copied.head.bias.add_(torch.as_tensor(added).float().to(copied.head.bias))
    return copied


@float32()
@torch.inference_mode()
def pooled_features(network: Classifier, batch: torch.Tensor) -> torch.Tensor:
    """Pooled features (B, F) of images (B, C, Z, Y, X), float32 on the CPU."""
    return network.pooled(batch).float().cpu()


def check_finite(outputs: Mapping[int, NDArray[np.float64]], case_id: str) -> None:
    """Refuse a case for which the outputs of networks are not finite.

    Args:
        outputs: Probabilities (classes,) by fold.
        case_id: The case.

    Raises:
        DatasetError: Those of a fold are not finite; the text names the folds.
    """
    wild = [fold for fold, values in outputs.items() if not np.isfinite(values).all()]
    if wild:
        raise DatasetError(
            "The outputs of the networks are not finite for this case.",
            case=case_id,
            expected="finite outputs of all folds",
            got=f"infinite or undefined ones of fold {', '.join(map(str, wild))}",
            remedy="Look at the intensities of its images: extreme ones leave the range of the "
            "arithmetic. Where all cases fail, train these folds again, or specify the others with "
            "-f.",
        )
