"""Specifications of the network architectures, in one table.

A specification holds what can be known without building the network, and where the function is
that builds it. So this table loads no torch. Other packages add to it by entry points of the group
`ricenet_v2.networks`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ricenet_v2.core.plugins import Door
from ricenet_v2.core.types import Shape
from ricenet_v2.records.plan_parts import NetworkPlan, Norm, Setting

if TYPE_CHECKING:
    Build = Callable[[NetworkPlan, int], Any]

_ONE = (1, 1, 1)


@dataclass(frozen=True)
class PartLayout:
    """Kernel and stride along (z, y, x) of the stem or of a stage, and the blocks in it."""

    kernel: Shape
    stride: Shape
    blocks: int = 0


@dataclass(frozen=True)
class ArchitectureSpecification:
    """Properties of all networks of an architecture.

    Attributes:
        label: Name in texts, e.g. `3D ResNet-18`.
        build: A function, or `module:function`, from the network section of a plan and the number
            of input maps (channels and bands) to an encoder: a torch module from (B, maps, Z, Y,
            X) to the last feature map (B, features[-1], Z', Y', X'). Its parts are its submodules
            `stem` and, as the children of `stages`, as many stages as the plan has. A voxel of the
            map of a stage belongs to voxel `stride * n` of the input, and a map of n voxels has n
            divided by the stride, rounded up.
        block: Content of a stage, in words.
        norms: Norm layers that it can have; `own` where they are of another sort, or none.
        strides_divide: Whether the strides must divide the input size.
        stem_kernel: Kernel of the stem; that of the first stage where None.
        block_kernel: Kernel of the blocks whatever the plan says; the plan's where None.
        stem_strides: Whether the first stride of the plan is that of the stem rather than that of
            the first stage.
        stem_pooling: Stride of a pooling at the end of the stem, which the plan does not list.
        has_stem_features: Whether the stem follows `stem_features` of the plan.
        first_convolution: Name of the weights of the encoder's first convolution, which pretrained
            weights adapt to another number of channels; empty where they cannot.
        settings: Settings of its own, which the plan keeps in `network.settings`: the name and the
            value that is taken where the plan has none.
    """

    label: str
    build: Build | str
    block: str = "residual block"
    norms: tuple[Norm, ...] = ("instance", "batch")
    strides_divide: bool = False
    stem_kernel: Shape | None = None
    block_kernel: Shape | None = None
    stem_strides: bool = False
    stem_pooling: Shape = _ONE
    has_stem_features: bool = False
    first_convolution: str = ""
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def first_maps(self, network: NetworkPlan) -> tuple[int, Shape]:
        """Features of the first convolution, and its stride along (z, y, x)."""
        features = network.stem_features if self.has_stem_features else None
        return features or network.features[0], network.strides[0] if self.stem_strides else _ONE

    def stride_of(self, network: NetworkPlan, n_stages: int) -> Shape:
        """Voxels of the input from one voxel behind so many stages to the next, (z, y, x)."""
        strides = (self.stem_pooling, *network.strides[:n_stages])
        z, y, x = (math.prod(stride[axis] for stride in strides) for axis in range(3))
        return z, y, x

    def deepest_map(self, network: NetworkPlan, input_size: Shape) -> Shape:
        """Voxels along (z, y, x) of the last feature map for an input of `input_size` voxels."""
        total = self.stride_of(network, len(network.strides))
        z, y, x = (-(-n // stride) for n, stride in zip(input_size, total, strict=True))
        return z, y, x

    def layouts(self, network: NetworkPlan) -> tuple[PartLayout, ...]:
        """Kernel, stride and blocks of the stem and of each stage."""
        strides = list(network.strides)
        stem_stride = self.stem_pooling
        if self.stem_strides:
            z, y, x = (a * b for a, b in zip(strides[0], self.stem_pooling, strict=True))
            stem_stride, strides[0] = (z, y, x), _ONE
        stem = PartLayout(self.stem_kernel or network.kernel_sizes[0], stem_stride)
        kernels = [self.block_kernel or kernel for kernel in network.kernel_sizes]
        return (stem, *map(PartLayout, kernels, strides, network.blocks))

    def settings_of(self, network: NetworkPlan) -> dict[str, Setting]:
        """Settings of its own: those of the plan, and the values taken for the others."""
        return {**self.settings, **network.settings}

    def faults(self, network: NetworkPlan) -> list[str]:
        """Faults of the network section for this architecture, the field's name first."""
        faults = []
        if network.norm not in self.norms:
            faults.append(
                f"network.norm: {' or '.join(self.norms)} for a {self.label}, got {network.norm}"
            )
        unknown = [name for name in network.settings if name not in self.settings]
        if unknown:
            faults.append(
                f"network.settings: a {self.label} has {', '.join(self.settings) or 'none'}, got "
                f"{', '.join(unknown)}"
            )
        return faults


ARCHITECTURES: Door[ArchitectureSpecification] = Door(
    "networks",
    "network",
    ArchitectureSpecification,
    {
        "residual_encoder": ArchitectureSpecification(
            "3D residual encoder",
            "ricenet_v2.network.residual_encoder:build",
            # Its shortcuts average whole blocks of voxels.
            strides_divide=True,
            has_stem_features=True,
            first_convolution="stem.convs.0.conv.weight",
        ),
        "resnet18": ArchitectureSpecification(
            "3D ResNet-18",
            "ricenet_v2.network.resnet18:build",
            stem_kernel=(7, 7, 7),
            block_kernel=(3, 3, 3),
            stem_strides=True,
            stem_pooling=(2, 2, 2),
            first_convolution="stem.0.weight",
        ),
    },
)


def label_of(architecture: str) -> str:
    """Name of an architecture in texts, also where the package that brings it is missing."""
    specification = ARCHITECTURES.get(architecture)
    return specification.label if specification else architecture.replace("_", " ")


def block_of(architecture: str) -> str:
    """Content of its stages, in words."""
    specification = ARCHITECTURES.get(architecture)
    return specification.block if specification else "block"
