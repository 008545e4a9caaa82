"""The paper's 3D ResNet-18, in the layout of MONAI, with the stem and the blocks of the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from dynamic_network_architectures.building_blocks.regularization import DropPath
from torch import nn

from ricenet_v2.core.types import Shape
from ricenet_v2.network.layers import nonlinearity_of, norm_of
from ricenet_v2.records.plan_parts import NetworkPlan

NormLayer = Callable[[int], nn.Module]


@dataclass(frozen=True)
class Layers:
    """Components of every block: norm layer, layer after it, whether convolutions have a bias."""

    norm: NormLayer
    nonlinearity: type[nn.Module]
    bias: bool


class BasicBlock(nn.Module):
    """Two 3 x 3 x 3 convolutions around a shortcut (type B: a strided 1 x 1 x 1 convolution)."""

    def __init__(
        self, inputs: int, outputs: int, stride: Shape, layers: Layers, skipped: float
    ) -> None:
        """Build a block; `stride` along (z, y, x), `skipped` the probability to skip its branch."""
        super().__init__()
        norm, bias = layers.norm, layers.bias
        self.conv1 = nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=bias)
        self.norm1 = norm(outputs)
        self.conv2 = nn.Conv3d(outputs, outputs, 3, padding=1, bias=bias)
        self.norm2 = norm(outputs)
        self.nonlinearity = layers.nonlinearity()
        self.skip = DropPath(skipped)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or max(stride) > 1:
            projection = nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, norm(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, Z, Y, X) to (B, outputs, Z', Y', X')."""
        out = self.nonlinearity(self.norm1(self.conv1(x)))
        out = self.skip(self.norm2(self.conv2(out)))
        outputs: torch.Tensor = self.nonlinearity(out + self.shortcut(x))
        return outputs


class ResNet18Encoder(nn.Module):
    """Stem (7 x 7 x 7 convolution, max pool 3 stride 2) and four stages of two blocks."""

    def __init__(self, plan: NetworkPlan, n_channels: int, layers: Layers) -> None:
        """Build the encoder; `plan.strides[0]` is the stride of the stem."""
        super().__init__()
        width = plan.features[0]
        self.stem = nn.Sequential(
            nn.Conv3d(n_channels, width, 7, stride=plan.strides[0], padding=3, bias=layers.bias),
            layers.norm(width),
            layers.nonlinearity(),
            nn.MaxPool3d(3, stride=2, padding=1),
        )
        strides = ((1, 1, 1), *plan.strides[1:])
        stages = []
        for features, blocks, stride in zip(plan.features, plan.blocks, strides, strict=True):
            stage = []
            for number in range(blocks):
                step = stride if number == 0 else (1, 1, 1)
                stage.append(BasicBlock(width, features, step, layers, plan.stochastic_depth))
                width = features
            stages.append(nn.Sequential(*stage))
        self.stages = nn.Sequential(*stages)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, Z, Y, X) to the last feature map (B, F, Z', Y', X')."""
        features: torch.Tensor = self.stages(self.stem(x))
        return features


def build(plan: NetworkPlan, n_maps: int) -> ResNet18Encoder:
    """An encoder from (B, C, Z, Y, X) to the last feature map (B, F, Z', Y', X').

    Args:
        plan: Stages; the first stride is that of the stem.
        n_maps: Input channels and bands.
    """
    layer = norm_of(plan)

    def norm(features: int) -> nn.Module:
        return layer(features, affine=True)

    layers = Layers(norm, nonlinearity_of(plan), plan.conv_bias)
    return ResNet18Encoder(plan, n_maps, layers)
