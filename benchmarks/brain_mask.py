"""Brain masks of a real head by deepbet: volume, agreement of two positions, time and memory.

    python -m benchmarks.brain_mask --data DIR
    python -m benchmarks.brain_mask --data DIR --write documentation/benchmarks.md

DIR holds the series of dcm_qa_decubitus: one person on the back and on the right side. There is no
mask by an expert. The mask of one position is carried to the other by registration, where both
should be equal. Needs `pip install '.[brain]'`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import limited, page, resident
from benchmarks.registration import read_archive
from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.brain_deepbet import mask_by_deepbet
from ricenet_v2.ingest.checks import BRAIN_ML
from ricenet_v2.ingest.registration import register
from ricenet_v2.ingest.resampling import resample, resample_mask
from ricenet_v2.ingest.volume import ImageVolume
from ricenet_v2.voxels.volumes import millilitres

SECTION = "brain_mask"
_SIDE = 192
_HEADS = {"supine": "HFS", "on the right side": "HFDR"}
_FINER = f"supine, {_SIDE} voxels of 1 mm a side"
_GOAL_SECONDS, _GOAL_MIB = 15.0, 2560.0
_MIB = 1 << 20


def _head(data: Path, name: str) -> ImageVolume:
    with tempfile.TemporaryDirectory() as folder:
        volume = read_archive(data / f"{_HEADS.get(name, 'HFS')}_t1_sag.zip", Path(folder))
    if name != _FINER:
        return volume
    middle = volume.grid.positions((np.array(volume.grid.shape) - 1.0) / 2)
    corner = tuple(float(v) for v in middle - (_SIDE - 1) / 2)
    grid = Grid((_SIDE,) * 3, (1.0, 1.0, 1.0), (corner[0], corner[1], corner[2]))
    return ImageVolume(resample(volume.voxels, volume.grid, grid), grid, "")


def measured(data: Path, name: str) -> dict[str, Any]:
    """Volume of the mask of a head in ml, CPU seconds, and MiB with and without it."""
    volume = _head(data, name)
    before, start = resident.peak_bytes(), time.process_time()
    mask, by = mask_by_deepbet(volume)
    return {
        "by": by,
        "seconds": time.process_time() - start,
        "ml": millilitres(mask, volume.grid.spacing),
        "peak": resident.peak_bytes() / _MIB,
        "before": before / _MIB,
    }


def agreement(data: Path) -> float:
    """Dice coefficient of the masks of both positions, one carried to the other."""
    first, other = (_head(data, name) for name in _HEADS)
    masks = [mask_by_deepbet(volume)[0] for volume in (first, other)]
    transform = register(first, other).transform.of_simpleitk()
    carried = resample_mask(masks[1], other.grid, first.grid, transform)
    return float(2 * (masks[0] & carried).sum() / (masks[0].sum() + carried.sum()))


def section(data: Path) -> str:
    """The table."""
    rows = []
    for name in (*_HEADS, _FINER):
        result = limited.run("benchmarks.brain_mask", ["--data", str(data), "--head", name], 1)
        rows.append(
            (
                name,
                f"{result['ml']:,.0f} ml",
                f"{result['seconds']:.1f} s",
                f"{result['seconds'] / _GOAL_SECONDS:.2f}",
                f"{result['peak']:,.0f} MiB",
                f"{result['peak'] / _GOAL_MIB:.2f}",
            )
        )
    columns = ("head", "volume", "CPU time", "share of 15 s", "peak memory", "share of 2.5 GiB")
    return "\n\n".join(
        [
            f"{page.machine('deepbet', 'torch', 'SimpleITK')}.",
            page.table(columns, rows),
            "Each head in a new process with one thread; loading the networks counts, imports do "
            f"not. A mask is taken from {BRAIN_ML[0]:g} to {BRAIN_ML[1]:,g} ml. Dice coefficient "
            f"of the masks of both positions after registration: {agreement(data):.3f}.",
        ]
    )


def main() -> None:
    """Print the table and, on request, write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of dcm_qa_decubitus")
    parser.add_argument("--head", help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help="page whose section is rewritten")
    given = parser.parse_args()
    if given.head:
        print(json.dumps(measured(given.data, given.head)))
        return
    text = section(given.data)
    print(text)
    if given.write:
        page.write(given.write, SECTION, text)


if __name__ == "__main__":
    main()
