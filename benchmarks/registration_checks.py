"""What the checks of registered images say of simulated heads: right pairs, and wrong ones.

    python -m benchmarks.registration_checks --write documentation/benchmarks.md

Heads have folds of 4 mm in their brains. A CT shows them with a standard deviation of 5 HU, which
is less than its noise. Each image has noise of its own. Other heads are registered before they are
looked at. Some MRIs lack the outer parts of k-space, as those whose voxels were made finer by
interpolation; their resolution is the voxel size that would have them all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks import page
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.ingest.checks import (
    CT_BOUND,
    MRI_BOUND,
    CheckBound,
    RegistrationCheck,
    check_registration,
)
from ricenet_v2.ingest.registration import register
from ricenet_v2.ingest.rigid import RigidTransform, rigid
from ricenet_v2.phantom.cohort import simulate

SECTION = "registration checks"
COLUMNS = ("pair", "correlation", "moved by 4 mm", "best of these", "mirrored", "refused")
_GRID = Grid((96, 96, 96), (2.0, 2.0, 2.0))
_NOISE_HU = (5.0, 15.0, 30.0, 45.0)
_RESOLUTIONS_MM = (6.0, 8.0, 10.0)
_MRI_NOISE = 0.03


@dataclass(frozen=True)
class SimulatedHead:
    """A head as MRI and as CT without noise, with the mask of its brain."""

    mri: Image
    hounsfield: Image
    brain: Mask


@dataclass(frozen=True)
class _Picture:
    voxels: Image
    grid: Grid = _GRID


def _head(seed: int) -> SimulatedHead:
    _, images, _, _ = simulate(f"head{seed}", seed, _GRID)
    folds = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=_GRID.shape), 2)
    folds = np.where(images.brain, np.clip(1 + folds / folds.std() / 3, 0.1, 2), 1)
    mri = images.post_op * folds
    head = images.post_op > 0
    skull = ndimage.binary_dilation(images.brain, iterations=3) & head & ~images.brain
    soft = 20 + 15 * folds * images.post_op / np.median(images.post_op[images.brain])
    hounsfield = np.where(skull, 900.0, np.where(head, soft, -1000.0))
    return SimulatedHead(
        (mri / mri.max()).astype(np.float32), hounsfield.astype(np.float32), images.brain
    )


@dataclass(frozen=True)
class _PairKind:
    """What the images of a pair are.

    Attributes:
        name: Name in the table.
        bound: Bound of its check.
        noise: Noise of the CT, HU; 0 for another MRI.
        resolution: Resolution of the first image, mm; 0 for that of its voxels.
    """

    name: str
    bound: CheckBound
    noise: float = 0.0
    resolution: float = 0.0


_KINDS = (
    _PairKind("MRI and MRI, noise 3 %", MRI_BOUND),
    *(_PairKind(f"MRI and CT, noise {noise:g} HU", CT_BOUND, noise) for noise in _NOISE_HU),
    *(
        _PairKind(f"MRI of {size:g} mm and CT, noise 5 HU", CT_BOUND, 5.0, size)
        for size in _RESOLUTIONS_MM
    ),
)


def _of_resolution(voxels: Image, resolution: float) -> Image:
    """The image without what k-space of voxels of this size, in mm, does not have."""
    if not resolution:
        return voxels
    space = np.fft.fftn(voxels)
    for axis, step in enumerate(_GRID.spacing):
        outside = np.abs(np.fft.fftfreq(voxels.shape[axis], step)) > 0.5 / resolution
        np.moveaxis(space, axis, 0)[outside] = 0
    result: Image = np.abs(np.fft.ifftn(space)).astype(np.float32)
    return result


def _noisy(voxels: Image, deviation: float, seed: int) -> _Picture:
    noise = np.random.default_rng(seed).normal(0, deviation, voxels.shape)
    return _Picture((voxels + noise).astype(np.float32))


def _off(millimetres: float) -> RigidTransform:
    return rigid(np.eye(3), np.array([0.0, millimetres, 0.0]))


def _checks(
    head: SimulatedHead, fixed: _Picture, moving: _Picture, other: _Picture, bound: CheckBound
) -> Iterator[tuple[str, RegistrationCheck]]:
    mirrored = _Picture(np.ascontiguousarray(moving.voxels[..., ::-1]))
    pairs = {
        "same head": (moving, RigidTransform()),
        "4 mm off": (moving, _off(4)),
        "10 mm off": (moving, _off(10)),
        "mirrored": (mirrored, RigidTransform()),
        "another head": (other, register(fixed, other).transform),
    }
    for name, (picture, transform) in pairs.items():
        yield name, check_registration(fixed, picture, transform, head.brain, bound)


def _rows(heads: list[SimulatedHead]) -> Iterator[tuple[str, ...]]:
    for kind in _KINDS:
        by_pair: dict[str, list[RegistrationCheck]] = {}
        for at, head in enumerate(heads):
            fixed = _noisy(_of_resolution(head.mri, kind.resolution), _MRI_NOISE, 3 * at)
            both = enumerate((head, heads[at - 1]), 3 * at + 1)
            moving, other = (
                _noisy(each.hounsfield, kind.noise, seed)
                if kind.noise
                else _noisy(each.mri**0.6, _MRI_NOISE, seed)
                for seed, each in both
            )
            for name, check in _checks(head, fixed, moving, other, kind.bound):
                by_pair.setdefault(name, []).append(check)
        for name, checks in by_pair.items():
            yield (f"{kind.name}: {name}", *_cells(checks, kind.bound))


def _cells(checks: list[RegistrationCheck], bound: CheckBound) -> Iterator[str]:
    for name in ("correlation", "shifted", "nearby", "mirrored"):
        values = [getattr(check, name) for check in checks]
        yield f"{min(values):.2f} to {max(values):.2f}"
    refused = [check.faults_by(bound) for check in checks]
    n_refused = sum(bool(faults) for faults in refused)
    reasons = sorted({fault for faults in refused for fault in faults})
    yield f"{n_refused} of {len(checks)}" + (f": {', '.join(reasons)}" if reasons else "")


def main() -> None:
    """Print the table and, on request, write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--heads", type=int, default=3, help="2 or more")
    parser.add_argument("--write", type=Path, help="page whose section is rewritten")
    given = parser.parse_args()
    heads = [_head(seed) for seed in range(given.heads)]
    text = "\n\n".join(
        [
            f"{given.heads} heads, {page.machine('SimpleITK', 'scipy')}.",
            page.table(COLUMNS, list(_rows(heads))),
        ]
    )
    print(text)
    if given.write:
        page.write(given.write, SECTION, text)


if __name__ == "__main__":
    main()
