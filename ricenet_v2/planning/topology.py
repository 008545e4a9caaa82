"""Stages of the residual encoder from input size and spacing."""

from __future__ import annotations

from dataclasses import dataclass

from ricenet_v2.records.plan import NetworkPlan, Norm, Shape, Triple

SMALLEST_HALVED = 8
FIRST_STAGE_HALVED_FROM = 24
SPACING_FACTOR = 2.0
FIRST_FEATURES, MOST_FEATURES = 32, 320
# Stem 2, max pool 2, and three stages of 2.
PAPER_STRIDE = 32


@dataclass(frozen=True)
class Topology:
    """Strides and kernels per stage along (z, y, x)."""

    strides: tuple[Shape, ...]
    kernels: tuple[Shape, ...]

    @property
    def total_stride(self) -> Shape:
        """Product of the strides along each axis; input sizes are multiples of it."""
        total = [1, 1, 1]
        for stride in self.strides:
            total = [a * b for a, b in zip(total, stride, strict=True)]
        return total[0], total[1], total[2]


def topology(size: Shape, spacing: Triple) -> Topology:
    """Stages by halving while an axis has 8 voxels left and a spacing within factor 2.

    The first stage works at half resolution where the longest axis has 24 voxels or more: a
    classifier gives no voxelwise answer, and full resolution costs eight times as much.

    Args:
        size: Voxels along (z, y, x).
        spacing: mm along (z, y, x).
    """
    left, at = list(size), list(spacing)
    strides: list[Shape] = []
    kernels: list[Shape] = []
    stride = _halving(left, at) if max(size) >= FIRST_STAGE_HALVED_FROM else (1, 1, 1)
    while True:
        kernel = [3 if value <= SPACING_FACTOR * min(at) else 1 for value in at]
        strides.append(stride)
        kernels.append((kernel[0], kernel[1], kernel[2]))
        left = [-(-n // s) for n, s in zip(left, stride, strict=True)]
        at = [value * s for value, s in zip(at, stride, strict=True)]
        stride = _halving(left, at)
        if stride == (1, 1, 1):
            return Topology(tuple(strides), tuple(kernels))


def _halving(left: list[int], at: list[float]) -> Shape:
    able = [axis for axis in range(3) if left[axis] >= SMALLEST_HALVED]
    finest = min((at[axis] for axis in able), default=0.0)
    z, y, x = (2 if axis in able and at[axis] < SPACING_FACTOR * finest else 1 for axis in range(3))
    return z, y, x


def divisible(size: Shape, stride: Shape) -> Shape:
    """`size` rounded up to multiples of `stride`."""
    z, y, x = (-(-n // s) * s for n, s in zip(size, stride, strict=True))
    return z, y, x


def residual_encoder(found: Topology, norm: Norm) -> NetworkPlan:
    """The residual encoder with these stages."""
    stages = len(found.strides)
    return NetworkPlan(
        architecture="residual_encoder",
        features=tuple(min(FIRST_FEATURES * 2**stage, MOST_FEATURES) for stage in range(stages)),
        blocks=tuple(1 if stage == 0 else 2 for stage in range(stages)),
        kernel_sizes=found.kernels,
        strides=found.strides,
        norm=norm,
        dropout=0.1,
        stem="conv at full resolution",
    )


def paper_resnet18() -> NetworkPlan:
    """The paper's ResNet-18 with the stem of stride 2 that it needs to be affordable."""
    return NetworkPlan(
        architecture="resnet18",
        features=(64, 128, 256, 512),
        blocks=(2, 2, 2, 2),
        kernel_sizes=((3, 3, 3),) * 4,
        strides=((2, 2, 2),) * 4,
        norm="batch",
        dropout=0.0,
        stem="conv7 stride 2, max pool 3 stride 2",
    )
