"""Shares of absolute attribution, and what they would be were the map somewhere else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ricenet_v2.explanation.quantities.parts import OUTSIDE
from ricenet_v2.records.explanation import Shares

N_SHIFTS = 2000
_KEPT = 0.5

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


def share_in(size: Floats, parts: Mapping[str, Mask]) -> dict[str, float]:
    """Share of a sum of sizes that lies in each part; 0 where there is nothing to share."""
    total = float(size.sum())
    return {
        name: float(size[mask].sum()) / total if total > 0 else 0.0 for name, mask in parts.items()
    }


def shares_of(
    values: Image, parts: Mapping[str, Mask], brain: Mask, random: np.random.Generator
) -> Shares:
    """Shares of a map, and how often the same map holds as much of a part at other places.

    Parts are measured inside the brain, shares and what is expected of them alike; the share
    outside is of the whole image, and nothing is expected of it. Whatever the map looks like, the
    mean over all its places is the share of the part in the volume of the brain, so that is what is
    expected. How far a map strays from that depends on its blobs, so p comes from moving it.

    Args:
        values: Map, axes (z, y, x).
        parts: Masks of the same axes.
        brain: The same, with at least one voxel.
        random: Draws the moves.
    """
    size = np.abs(values).astype(np.float64)
    inside = np.where(brain, size, 0.0)
    within = {name: mask & brain for name, mask in parts.items() if name != OUTSIDE}
    found, expected = share_in(inside, within), share_in(brain.astype(np.float64), within)
    p = dict.fromkeys(within, 1.0)
    if inside.any():
        for name, moved in moved_excess(inside, within, brain, random).items():
            as_much = int(np.sum(moved >= found[name] - expected[name] - 1e-9))
            p[name] = (1 + as_much) / (1 + len(moved))
    return Shares({**found, **share_in(size, {OUTSIDE: ~brain})}, expected, p)


def moved_excess(
    size: Floats, parts: Mapping[str, Mask], brain: Mask, random: np.random.Generator
) -> dict[str, Floats]:
    """Share of a moved map in each part less the part's share of the volume that the map covers.

    The map is moved by whole voxels and what leaves the brain is dropped. A moved map covers only
    a piece of the brain, which holds more of the parts in the middle and less of those at the rim;
    the volume is taken on that same piece, or moves would not be comparable with the map as it is.
    Only moves that leave at least half of the map inside count. All moves are known at once, since
    the attribution in a part as a function of the move is a correlation of map and part.

    Args:
        size: Absolute map inside the brain, axes (z, y, x).
        parts: Masks inside the brain.
        brain: Mask.
        random: Draws from the moves that are allowed.

    Returns:
        By part, shape (moves,).
    """
    # Twice the room, so that nothing that leaves at one side comes in at the other.
    room = [fft.next_fast_len(2 * n, real=True) for n in size.shape]
    moved_map, moved_brain = (
        np.conj(fft.rfftn(image, room)) for image in (size, brain.astype(np.float64))
    )

    def under_moves(moved: NDArray[np.complex128], mask: Mask) -> Floats:
        made: Floats = fft.irfftn(moved * fft.rfftn(mask.astype(np.float64), room), room)
        return np.maximum(made, 0.0).ravel()

    left, covered = (under_moves(moved, brain) for moved in (moved_map, moved_brain))
    (allowed,) = np.nonzero(left >= _KEPT * size.sum() * (1 - 1e-9))
    chosen = random.choice(allowed, N_SHIFTS) if len(allowed) > N_SHIFTS else allowed
    return {
        name: under_moves(moved_map, mask)[chosen] / left[chosen]
        - under_moves(moved_brain, mask)[chosen] / covered[chosen]
        for name, mask in parts.items()
    }
