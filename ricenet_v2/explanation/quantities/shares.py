"""Shares of absolute attribution, and what they would be were the map somewhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ricenet_v2.core.types import Floats, Image, Mask
from ricenet_v2.explanation.quantities.regions import is_outside
from ricenet_v2.records.explained_case import Shares

N_SHIFTS = 2000
MOST_VOXELS = 64
"""Along an axis, of the map that is moved; finer ones are summed over blocks."""
_KEPT = 0.5


def share_in(size: Floats, parts: Mapping[str, Mask]) -> dict[str, float]:
    """Share of a sum of sizes that lies in each part; 0 where there is nothing to share."""
    total = float(size.sum())
    return {
        name: float(size[mask].sum()) / total if total > 0 else 0.0 for name, mask in parts.items()
    }


def shares_of(
    values: Image,
    parts: Mapping[str, Mask],
    brain: Mask,
    random: np.random.Generator | None = None,
) -> Shares:
    """Shares of a map, and how often the same map holds as much of a part at other places.

    Parts are measured inside the region, shares and what is expected of them alike; the share
    outside is of the whole image, and nothing is expected of it. Whatever the map looks like, the
    mean over all its places is the share of the part in the volume of the region, so that is what
    is expected. How far a map strays from that depends on its blobs, so p comes from moving it.

    Args:
        values: Map, axes (z, y, x).
        parts: Masks of the same axes.
        brain: The region, with at least one voxel.
        random: Draws the moves; without it there is no p.
    """
    size = np.abs(values).astype(np.float64)
    inside = np.where(brain, size, 0.0)
    within = {name: mask & brain for name, mask in parts.items() if not is_outside(name)}
    shares, expected = share_in(inside, within), share_in(brain.astype(np.float64), within)
    p: dict[str, float] = {}
    if random is not None:
        p = dict.fromkeys(within, 1.0)
        if inside.any():
            coarse = {name: pooled(mask) for name, mask in within.items()}
            for name, each in moved_excess(pooled(inside), coarse, pooled(brain), random).items():
                p[name] = float(np.mean(each >= each[0] - 1e-9))
    outside = {name: mask for name, mask in parts.items() if is_outside(name)}
    return Shares({**shares, **share_in(size, outside)}, expected, p)


def pooled(image: NDArray[Any]) -> Floats:
    """Sums of blocks, as small as leave at most `MOST_VOXELS` along each axis; float64."""
    blocks = [-(-n // MOST_VOXELS) for n in image.shape]
    room = [(0, -n % block) for n, block in zip(image.shape, blocks, strict=True)]
    padded = np.pad(image.astype(np.float64), room)
    (z, y, x), (a, b, c) = padded.shape, blocks
    sums: Floats = padded.reshape(z // a, a, y // b, b, x // c, c).sum(axis=(1, 3, 5))
    return sums


def moved_excess(
    size: Floats, parts: Mapping[str, Floats], brain: Floats, random: np.random.Generator
) -> dict[str, Floats]:
    """Share of a moved map in each part less the part's share of the volume that the map covers.

    The map is moved by whole voxels and what leaves the brain is dropped. A moved map covers only
    a piece of the brain, which holds more of the parts in the middle and less of those at the rim;
    the volume is taken on that same piece, or moves would not be comparable with the map as it is.
    Only moves that leave at least half of the map inside count. All moves are known at once, since
    the attribution in a part as a function of the move is a correlation of map and part.

    Args:
        size: Absolute map inside the brain, axes (z, y, x).
        parts: Volume of each part inside the brain by voxel, the same axes.
        brain: Share of the brain.
        random: Draws from the moves that are allowed.

    Returns:
        By part, shape (1 + moves,); first that of the map as it is.
    """
    # Twice the room, so that nothing that leaves at one side comes in at the other.
    room = [fft.next_fast_len(2 * n, real=True) for n in size.shape]
    moved_map, moved_brain = (np.conj(fft.rfftn(image, room)) for image in (size, brain))

    def under_moves(moved: NDArray[np.complex128], part: Floats) -> Floats:
        correlation: Floats = fft.irfftn(moved * fft.rfftn(part, room), room)
        return np.maximum(correlation, 0.0).ravel()

    left, covered = (under_moves(moved, brain) for moved in (moved_map, moved_brain))
    (allowed,) = np.nonzero(left >= _KEPT * left[0] * (1 - 1e-9))
    moves = random.choice(allowed, N_SHIFTS) if len(allowed) > N_SHIFTS else allowed
    chosen = np.concatenate([[0], moves])
    return {
        name: under_moves(moved_map, part)[chosen] / left[chosen]
        - under_moves(moved_brain, part)[chosen] / covered[chosen]
        for name, part in parts.items()
    }
