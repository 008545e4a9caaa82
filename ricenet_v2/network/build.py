"""From the network section of a plan to a torch module."""

from __future__ import annotations

import math

import torch
from torch import nn

from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.types import Shape
from ricenet_v2.network.levels import Bands, Levels, n_bands
from ricenet_v2.network.residual_encoder import residual_encoder
from ricenet_v2.network.resnet18 import Layers, ResNet18Encoder
from ricenet_v2.records.plan_parts import NetworkPlan, Norm


class Classifier(nn.Module):
    """Bands, an encoder, global average pool, dropout and a linear head. A batch of one works."""

    def __init__(
        self,
        encoder: nn.Module,
        n_features: int,
        n_classes: int,
        dropout: float,
        levels: Levels = (),
    ) -> None:
        """Put a head on an encoder that takes the channels and a band for each of their levels.

        Args:
            encoder: Module from (B, channels + bands, Z, Y, X) to the last feature map.
            n_features: Channels of that map.
            n_classes: Classes.
            dropout: Probability before the head.
            levels: Levels of each channel, see `levels.Bands`.
        """
        super().__init__()
        self.bands = Bands(levels)
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n_features, n_classes)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Last feature map (B, F, Z', Y', X') of images (B, C, Z, Y, X)."""
        feature_map: torch.Tensor = self.encoder(self.bands(x))
        return feature_map

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        """Means (B, F) of the last feature map of images (B, C, Z, Y, X)."""
        return self.features(x).mean(dim=(2, 3, 4))

    def classify(self, pooled: torch.Tensor) -> torch.Tensor:
        """Logits (B, classes) of pooled features (B, F)."""
        logits: torch.Tensor = self.head(self.dropout(pooled))
        return logits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (B, classes) of images (B, C, Z, Y, X)."""
        return self.classify(self.pooled(x))


_NONLINEARITIES = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}


def _norm_layer(norm: Norm) -> type[nn.Module]:
    return nn.InstanceNorm3d if norm == "instance" else nn.BatchNorm3d


def _residual_encoder(plan: NetworkPlan, n_channels: int) -> nn.Module:
    nonlinearity = _NONLINEARITIES[plan.nonlinearity]
    return residual_encoder(plan, n_channels, _norm_layer(plan.norm), nonlinearity)


def _resnet18(plan: NetworkPlan, n_channels: int) -> nn.Module:
    layer = _norm_layer(plan.norm)

    def norm(features: int) -> nn.Module:
        return layer(features, affine=True)

    layers = Layers(norm, _NONLINEARITIES[plan.nonlinearity], plan.conv_bias)
    return ResNet18Encoder(plan, n_channels, layers)


_ENCODERS = {"residual_encoder": _residual_encoder, "resnet18": _resnet18}


def build_network(
    plan: NetworkPlan, n_channels: int, n_classes: int, input_size: Shape | None = None
) -> Classifier:
    """The network that a plan describes, with fresh weights from torch's generator.

    Args:
        plan: The network.
        n_channels: Input channels.
        n_classes: Classes.
        input_size: Voxels along (z, y, x); where given, it must leave enough for the norm layers.

    Raises:
        PlanError: The stages of the plan do not have the same number of entries, its levels are
            not those of the channels, the strides do not divide the input size, or the deepest
            feature map would be a single voxel, on which norm layers cannot train.
    """
    lengths = {
        "features": len(plan.features),
        "blocks": len(plan.blocks),
        "kernel_sizes": len(plan.kernel_sizes),
        "strides": len(plan.strides),
    }
    if len(set(lengths.values())) != 1 or not plan.features:
        raise PlanError(
            "The stages of the network do not fit each other.",
            expected="as many features as blocks, kernel_sizes and strides",
            got=lengths,
            remedy="Correct the network section of the plan.",
        )
    if input_size is not None:
        _check_input(plan, input_size)
    _check_levels(plan, n_channels)
    encoder = _ENCODERS[plan.architecture](plan, n_channels + n_bands(plan.levels))
    return Classifier(encoder, plan.features[-1], n_classes, plan.dropout, plan.levels)


def deepest_map(plan: NetworkPlan, input_size: Shape) -> Shape:
    """Voxels along (z, y, x) of the last feature map for an input of `input_size` voxels."""
    pool = [(2, 2, 2)] if plan.architecture == "resnet18" else []
    left = list(input_size)
    for stride in [*plan.strides, *pool]:
        left = [-(-n // s) for n, s in zip(left, stride, strict=True)]
    return left[0], left[1], left[2]


def _check_levels(plan: NetworkPlan, n_channels: int) -> None:
    if plan.levels and len(plan.levels) != n_channels:
        raise PlanError(
            "The levels of the network are not those of its input channels.",
            expected=f"levels of {n_channels} channels, or none at all",
            got=f"levels of {len(plan.levels)}",
            remedy="Correct the network section of the plan.",
        )


def _check_input(plan: NetworkPlan, input_size: Shape) -> None:
    # The shortcuts of the residual encoder average whole blocks of voxels; ResNet-18 pads.
    total = [math.prod(stride[axis] for stride in plan.strides) for axis in range(3)]
    odd = any(n % t for n, t in zip(input_size, total, strict=True))
    if odd and plan.architecture == "residual_encoder":
        raise PlanError(
            "The strides of the network do not divide the input size.",
            expected=f"multiples of {tuple(total)} voxels (z, y, x)",
            got=input_size,
            remedy="Give such an --input_size, or leave it to the planner.",
        )
    deepest = deepest_map(plan, input_size)
    if max(deepest) < 2:
        raise PlanError(
            "The input is too small for the network: its last feature map is a single voxel.",
            expected="at least 2 voxels along one axis of the last feature map",
            got=f"{deepest} from an input of {input_size} voxels (z, y, x)",
            remedy="Give a larger --input_size, a finer --spacing, or use --preset auto.",
        )
