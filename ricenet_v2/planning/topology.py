"""Stages of the residual encoder from input size and spacing."""

from __future__ import annotations

from dataclasses import dataclass

from ricenet_v2.core.types import Shape
from ricenet_v2.planning.spacing import exceeds
from ricenet_v2.records.plan_parts import Triple

SMALLEST_HALVED = 8
FIRST_STAGE_HALVED_FROM = 24
SPACING_FACTOR = 2.0


@dataclass(frozen=True)
class Topology:
    """Strides and kernels per stage along (z, y, x).

    Attributes:
        strides: Stride of each stage.
        kernels: Kernel of the convolutions of each stage.
    """

    strides: tuple[Shape, ...]
    kernels: tuple[Shape, ...]

    @property
    def total_stride(self) -> Shape:
        """Product of the strides along each axis; input sizes are multiples of it."""
        total = [1, 1, 1]
        for stride in self.strides:
            total = [a * b for a, b in zip(total, stride, strict=True)]
        return total[0], total[1], total[2]


def topology(size: Shape, spacing: Triple, most_stages: int | None = None) -> Topology:
    """Stages by halving while an axis has 8 voxels left and a spacing within factor 2.

    The first stage works at half resolution where the longest axis has 24 voxels or more: a
    classifier gives no voxelwise answer, and full resolution costs eight times as much.

    Args:
        size: Voxels along (z, y, x).
        spacing: mm along (z, y, x).
        most_stages: Stages at most.
    """
    left, at = list(size), list(spacing)
    strides: list[Shape] = []
    kernels: list[Shape] = []
    stride = _halving(left, at) if max(size) >= FIRST_STAGE_HALVED_FROM else (1, 1, 1)
    while True:
        kernel = [1 if exceeds(value, SPACING_FACTOR * min(at)) else 3 for value in at]
        strides.append(stride)
        kernels.append((kernel[0], kernel[1], kernel[2]))
        left = [-(-n // s) for n, s in zip(left, stride, strict=True)]
        at = [value * s for value, s in zip(at, stride, strict=True)]
        stride = _halving(left, at)
        if stride == (1, 1, 1) or len(strides) == most_stages:
            return Topology(tuple(strides), tuple(kernels))


def _halving(left: list[int], at: list[float]) -> Shape:
    able = [axis for axis in range(3) if left[axis] >= SMALLEST_HALVED]
    finest = min((at[axis] for axis in able), default=0.0)
    z, y, x = (
        2 if axis in able and exceeds(SPACING_FACTOR * finest, at[axis]) else 1 for axis in range(3)
    )
    return z, y, x


def divisible(size: Shape, stride: Shape) -> Shape:
    """`size` rounded up to multiples of `stride`."""
    z, y, x = (-(-n // s) * s for n, s in zip(size, stride, strict=True))
    return z, y, x
