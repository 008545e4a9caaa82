"""Shares of absolute attribution, and what they would be were the map somewhere else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ricenet_v2.records.explanation import Shares

N_SHIFTS = 2000
_KEPT = 0.5

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


def share_in(values: Image, parts: Mapping[str, Mask]) -> dict[str, float]:
    """Share of the absolute values of a map that lies in each part; 0 of a map of zeros."""
    size = np.abs(values.astype(np.float64))
    total = float(size.sum())
    return {
        name: float(size[mask].sum()) / total if total > 0 else 0.0 for name, mask in parts.items()
    }


def shares_of(
    values: Image, parts: Mapping[str, Mask], brain: Mask, random: np.random.Generator
) -> Shares:
    """Shares of a map, and of the same map shifted to random places.

    The null keeps the map as it is, blobs and all, and asks whether its place means anything: it
    is moved by whole voxels, what leaves the brain is dropped, and shares are of what is left. Only
    moves that leave at least half of it inside count. All moves are known at once, since the
    attribution in a part as a function of the move is a correlation of map and part.

    Args:
        values: Map, axes (z, y, x).
        parts: Masks of the same axes.
        brain: The same.
        random: Draws the moves.
    """
    inside = np.where(brain, np.abs(values), 0).astype(np.float64)
    found = share_in(values, parts)
    if not inside.any():
        return Shares(found, dict.fromkeys(parts, 0.0), dict.fromkeys(parts, 1.0))
    shifted = shifted_shares(inside, {n: m & brain for n, m in parts.items()}, brain, random)
    own = share_in(inside.astype(np.float32), {n: m & brain for n, m in parts.items()})
    as_much = {n: int(np.sum(values >= own[n] - 1e-9)) for n, values in shifted.items()}
    return Shares(
        found=found,
        expected={name: float(each.mean()) for name, each in shifted.items()},
        p={n: (1 + k) / (1 + len(shifted[n])) for n, k in as_much.items()},
    )


def shifted_shares(
    size: Floats, parts: Mapping[str, Mask], brain: Mask, random: np.random.Generator
) -> dict[str, Floats]:
    """Share of each part under random moves, shape (moves,), drawn from all that are allowed.

    Args:
        size: Absolute map inside the brain, axes (z, y, x).
        parts: Masks inside the brain.
        brain: Mask.
        random: Draws.
    """
    # Twice the room, so that nothing that leaves at one side comes in at the other.
    room = [fft.next_fast_len(2 * n, real=True) for n in size.shape]
    moved = np.conj(fft.rfftn(size, room))

    def under_moves(mask: Mask) -> Floats:
        made: Floats = fft.irfftn(moved * fft.rfftn(mask.astype(np.float64), room), room)
        return np.maximum(made, 0.0).ravel()

    left = under_moves(brain)
    (allowed,) = np.nonzero(left >= _KEPT * size.sum() * (1 - 1e-9))
    chosen = random.choice(allowed, N_SHIFTS) if len(allowed) > N_SHIFTS else allowed
    return {name: under_moves(mask)[chosen] / left[chosen] for name, mask in parts.items()}
