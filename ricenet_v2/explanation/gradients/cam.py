"""Class activation maps: Grad-CAM (Selvaraju et al. 2017), HiResCAM (Draelos and Carin 2021)."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from ricenet_v2.core.types import Floats, Image, Images, Shape
from ricenet_v2.explanation.occlusion.log_odds import log_odds
from ricenet_v2.network.build import Classifier
from ricenet_v2.network.stages import parts_of
from ricenet_v2.network.tf32 import float32
from ricenet_v2.records.architectures import ARCHITECTURES
from ricenet_v2.records.plan_parts import NetworkPlan


def hirescam(network: Classifier, array: Images, plan: NetworkPlan, target: int) -> Image:
    """Last feature map times its gradient, summed over features; sign kept.

    The head is linear on the mean of that map, so the values of the map (before it is spread to
    the voxels of the input) add up to the log odds of two classes less those of the biases: this is
    what the network added up, place by place. Grad-CAM on this map is the same but for a factor
    and for the signs that it drops.

    Args:
        network: A network in evaluation mode.
        array: Preprocessed images (channels, z, y, x).
        plan: Plan of the network.
        target: Index of the class.

    Returns:
        Axes (z, y, x) of the input.
    """
    n_stages = len(plan.features)
    features, gradient = features_and_gradient(network, array, n_stages, target)
    values = (features * gradient).sum(axis=0)
    return spread(values, array.shape[1:], stride_of(plan, n_stages))


def gradcam(network: Classifier, array: Images, plan: NetworkPlan, target: int) -> Image:
    """Features of the last stage but one, weighed by their mean gradients, where positive.

    One stage below the last the map is finer, and differs from HiResCAM's. Arguments and result as
    there.
    """
    stage = max(1, len(plan.features) - 1)
    features, gradient = features_and_gradient(network, array, stage, target)
    weights = gradient.mean(axis=(1, 2, 3))
    values = np.maximum(np.einsum("f,fzyx->zyx", weights, features), 0)
    return spread(values, array.shape[1:], stride_of(plan, stage))


@float32()
def features_and_gradient(
    network: Classifier, array: Images, stage: int, target: int
) -> tuple[Floats, Floats]:
    """Output of a stage (1 is the first) and the gradient of the log odds, (features, z, y, x)."""
    kept: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        kept.append(output)

    device = next(network.parameters()).device
    images = torch.from_numpy(array)[None].to(device).requires_grad_()
    hook = parts_of(network)[f"stage {stage}"].register_forward_hook(keep)
    try:
        with torch.enable_grad():
            score = log_odds(network(images), target).sum()
            (gradient,) = torch.autograd.grad(score, kept[0])
    finally:
        hook.remove()
    return kept[0][0].detach().cpu().double().numpy(), gradient[0].cpu().double().numpy()


def stride_of(plan: NetworkPlan, stage: int) -> Shape:
    """Voxels of the input from one voxel of a stage's output to the next, along (z, y, x)."""
    return ARCHITECTURES[plan.architecture].stride_of(plan, stage)


def spread(values: Floats, size: tuple[int, ...], stride: Shape) -> Image:
    """A map of a stage on the voxels of the input, linear between its own.

    Convolutions with padding look at voxel `stride * n` of the input with voxel n of their output,
    not at the middle of a block of voxels, as an upsampling that stretches the map to the size of
    the input supposes: that one is off by half a stride.

    Args:
        values: Axes (z, y, x).
        size: Size of the input.
        stride: Voxels of the input from one of the map to the next.
    """
    resampled = ndimage.affine_transform(
        values, [1 / s for s in stride], output_shape=size, order=1, mode="nearest"
    )
    return np.asarray(resampled, dtype=np.float32)
