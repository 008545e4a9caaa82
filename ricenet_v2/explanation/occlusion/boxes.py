"""The part of a map that a window changed, and how it grows from layer to layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Corners = NDArray[np.int64]
Size = tuple[int, ...]


@dataclass(frozen=True)
class Boxes:
    """Boxes of one size in copies of a map; around them each copy is as the map.

    Attributes:
        starts: First voxel of each box, (B, 3) along (z, y, x).
        values: Values inside, (B, C, *size).
    """

    starts: Corners
    values: torch.Tensor

    @property
    def size(self) -> Size:
        """Voxels of a box along (z, y, x)."""
        return tuple(self.values.shape[2:])

    def cut(
        self, around: torch.Tensor, starts: Corners, size: Size, beyond: float = 0.0
    ) -> torch.Tensor:
        """Parts (B, C, *size) of the copies of a map (C, z, y, x), with `beyond` outside of it.

        They have the memory layout of the map.
        """
        parts = torch.empty(
            (len(starts), len(around), *size),
            dtype=around.dtype,
            device=around.device,
            memory_format=_layout(around),
        )
        if (starts < 0).any() or (starts + size > around.shape[1:]).any():
            parts.fill_(beyond)
        origin = np.zeros(3, dtype=np.int64)
        for part, start, value, box_start in zip(
            parts, starts, self.values, self.starts, strict=True
        ):
            _lay(part, start, around, origin)
            _lay(part, start, value, box_start)
        return parts

    def widened(self, around: torch.Tensor) -> Boxes:
        """The copies of the map (C, z, y, x) as a whole."""
        starts, size = np.zeros_like(self.starts), tuple(around.shape[1:])
        return Boxes(starts, self.values if self.size == size else self.cut(around, starts, size))

    def change(self, around: torch.Tensor) -> torch.Tensor:
        """Change of the sums of the voxels against those of the map (C, z, y, x), (B, C)."""
        sums = torch.empty_like(self.values[:, :, 0, 0, 0])
        for row, start, value in zip(sums, self.starts, self.values, strict=True):
            place = _slices(start, start + self.size)
            row[...] = (value - around[place]).sum(dim=(1, 2, 3))
        return sums


def _layout(around: torch.Tensor) -> torch.memory_format:
    """Memory format of a map (C, z, y, x): whether its channels lie side by side."""
    return torch.channels_last_3d if around.stride(0) == 1 else torch.contiguous_format


def _lay(target: torch.Tensor, start: Corners, source: torch.Tensor, source_start: Corners) -> None:
    """Copy the overlap of two parts (C, z, y, x); they begin at `start`, `source_start`."""
    first = np.maximum(start, source_start)
    last = np.minimum(start + target.shape[1:], source_start + source.shape[1:])
    if (first < last).all():
        target[_slices(first - start, last - start)] = source[
            _slices(first - source_start, last - source_start)
        ]


def _slices(first: Corners, last: Corners) -> tuple[slice, ...]:
    return (slice(None), *(slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True)))


@dataclass(frozen=True)
class Reach:
    """Voxels that a layer sees along (z, y, x): those of a kernel, dilation included."""

    kernel: Size
    stride: Size
    padding: Size

    def seen_by(self, starts: Corners, size: Size) -> tuple[Corners, Size]:
        """The boxes of the input that output boxes are computed from; they may lie beyond it."""
        extents = ((n - 1) * s + k for n, s, k in zip(size, self.stride, self.kernel, strict=True))
        return starts * self.stride - np.asarray(self.padding), tuple(extents)

    def touched_by(self, starts: Corners, size: Size, shape: Size) -> tuple[Corners, Size]:
        """The boxes of the output that input boxes can change, all of the size of the largest.

        Output voxel o looks at input voxels o * stride - padding to o * stride - padding +
        kernel - 1. A box that would end beyond the map is moved back: it then holds some voxels
        that did not change, which costs work but no exactness.

        Args:
            starts: Starts of the input boxes, (B, 3).
            size: Size of the input boxes.
            shape: Shape of the output map.
        """
        shifted = starts + np.asarray(self.padding)
        first = -(-(shifted - np.asarray(self.kernel) + 1) // np.asarray(self.stride))
        last = (shifted + np.asarray(size) - 1) // np.asarray(self.stride) + 1
        return together(np.maximum(first, 0), np.minimum(last, shape), shape)


def together(first: Corners, last: Corners, shape: Size) -> tuple[Corners, Size]:
    """Boxes of one size that hold all voxels from `first` to before `last` each, (B, 3)."""
    size = np.maximum((last - first).max(axis=0), 1)
    starts = np.clip(first, 0, np.asarray(shape) - size)
    return starts, tuple(size.tolist())
