"""The encoder: in each stage a strided convolution and further ones."""

import torch
from torch import nn

from ricenet_example_network import PLAIN_CNN
from ricenet_v2.plugins import NetworkPlan, norm_of


class PlainEncoder(nn.Module):
    """From (B, maps, Z, Y, X) to (B, features[-1], Z', Y', X')."""

    def __init__(self, plan: NetworkPlan, n_maps: int, slope: float) -> None:
        """Build the stem at full resolution, and a stage for each entry of the plan."""
        super().__init__()
        norm, width = norm_of(plan), plan.features[0]

        def layers(inputs: int, outputs: int, kernel: tuple, stride: tuple) -> list[nn.Module]:
            padding = tuple(n // 2 for n in kernel)
            convolution = nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=plan.conv_bias)
            return [convolution, norm(outputs, affine=True), nn.LeakyReLU(slope)]

        self.stem = nn.Sequential(*layers(n_maps, width, plan.kernel_sizes[0], (1, 1, 1)))
        stages = []
        for features, blocks, kernel, stride in zip(
            plan.features, plan.blocks, plan.kernel_sizes, plan.strides, strict=True
        ):
            stage = layers(width, features, kernel, stride)
            for _ in range(blocks - 1):
                stage += layers(features, features, kernel, (1, 1, 1))
            stages.append(nn.Sequential(*stage))
            width = features
        self.stages = nn.Sequential(*stages)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The last feature map."""
        return self.stages(self.stem(images))


def build(plan: NetworkPlan, n_maps: int) -> PlainEncoder:
    """The encoder of a plan."""
    settings = PLAIN_CNN.settings_of(plan)
    return PlainEncoder(plan, n_maps, float(settings["slope"]))
