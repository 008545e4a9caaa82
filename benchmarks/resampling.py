"""Cubic resampling of 160 x 192 x 160 to 192 x 224 x 192 voxels, against nnU-Net's function.

    bash benchmarks/setup_peers.sh
    .venv_peers/bin/python -m benchmarks.resampling \
        --output resampling.json --write documentation/benchmarks.md

nnU-Net is called as its default plan calls it for images: `is_seg=False, order=3, order_z=0,
force_separate_z=None`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from benchmarks import limited, page

HAVE, WANT = (160, 192, 160), (192, 224, 192)
SPACING = (1.2, 1.2, 1.2)
TARGET = tuple(s * n / m for s, n, m in zip(SPACING, HAVE, WANT, strict=True))
GOAL, LARGEST_DIFFERENCE = 10.0, 1e-4
OURS, FIRST, PEER = "ours", "ours, first time", "nnU-Net"
DENSE, SPARSE = "whole matrices (BLAS)", "sparse matrices (scipy CSR)"
Image = NDArray[np.float32]


def picture() -> Image:
    """Structures of several sizes, and noise."""
    random = np.random.default_rng(0)
    layers = (ndimage.gaussian_filter(random.normal(size=HAVE), s) * s**1.5 for s in (1, 2, 4))
    noisy: Image = (400 + 300 * sum(layers) + random.normal(0, 20, HAVE)).astype(np.float32)
    return noisy


def ours(image: Image) -> Image:
    """This project's function, with its matrices kept from call to call."""
    from ricenet_v2.preprocessing.resample import resample

    return resample(image, WANT, "cubic", SPACING)


def ours_first(image: Image) -> Image:
    """The same for a shape that was not met before: the matrices are made too."""
    from ricenet_v2.preprocessing import axis

    axis.matrix.cache_clear()
    axis.blocks.cache_clear()
    return ours(image)


def peer(image: Image) -> Image:
    """nnU-Net's function, as its default plan calls it."""
    from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape

    resampled: Image = resample_data_or_seg_to_shape(
        image[None],
        WANT,
        SPACING,
        TARGET,
        is_seg=False,
        order=3,
        order_z=0,
        force_separate_z=None,
    )
    first: Image = resampled[0]
    return first


def dense(image: Image) -> Image:
    """The same matrices without leaving out what is zero."""
    from ricenet_v2.preprocessing.axis import matrix

    z, y, x = (matrix(n, m, 3).astype(np.float32) for n, m in zip(HAVE, WANT, strict=True))
    planes = np.matmul(y, image @ x.T)
    resampled: Image = (z @ planes.reshape(HAVE[0], -1)).reshape(WANT)
    return np.clip(resampled, image.min(), image.max(), out=resampled)


def scattered(image: Image) -> Image:
    """The same matrices in compressed rows, entries below the rounding of float32 left out."""
    from ricenet_v2.preprocessing.axis import matrix

    z, y, x = (_compressed(matrix(n, m, 3)) for n, m in zip(HAVE, WANT, strict=True))
    rows = (x @ image.reshape(-1, HAVE[2]).T).T.reshape(HAVE[0], HAVE[1], WANT[2])
    planes = np.stack([y @ plane for plane in rows])
    resampled: Image = (z @ planes.reshape(HAVE[0], -1)).reshape(WANT)
    return np.clip(resampled, image.min(), image.max(), out=resampled)


def _compressed(whole: NDArray[np.float64]) -> sparse.csr_array:
    kept = np.where(np.abs(whole) > np.finfo(np.float32).eps / 2, whole, 0)
    return sparse.csr_array(kept.astype(np.float32))


SIDES: dict[str, Callable[[Image], Image]] = {
    OURS: ours,
    FIRST: ours_first,
    PEER: peer,
    DENSE: dense,
    SPARSE: scattered,
}


def measure(repeats: int) -> dict[str, Any]:
    """Seconds of each side in turn after one call that is not counted, and how far they differ."""
    image = picture()
    outputs = {name: side(image) for name, side in SIDES.items()}
    span = float(np.ptp(image))
    wall: dict[str, list[float]] = {name: [] for name in SIDES}
    cpu: dict[str, list[float]] = {name: [] for name in SIDES}
    for _ in range(repeats):
        for name, side in SIDES.items():
            start, start_cpu = time.perf_counter(), time.process_time()
            side(image)
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - start_cpu)
    difference = float(np.abs(outputs[OURS].astype(np.float64) - outputs[PEER]).max()) / span
    return {"wall": wall, "cpu": cpu, "difference": difference}


def section(results: dict[int, dict[str, Any]], repeats: int) -> str:
    """Markdown of the section."""
    rows, ways = [], []
    for threads, run in results.items():
        wall, cpu = ({n: statistics.median(v) for n, v in run[k].items()} for k in ("wall", "cpu"))
        for name in (OURS, FIRST):
            pairs = [b / a for a, b in zip(run["wall"][name], run["wall"][PEER], strict=True)]
            ratio = f"{wall[PEER] / wall[name]:.1f} ({min(pairs):.1f} to {max(pairs):.1f})"
            in_cpu = f"{cpu[PEER] / cpu[name]:.1f}"
            seconds = (f"{wall[name]:.3f} s", f"{wall[PEER]:.3f} s")
            rows.append((threads, name, *seconds, ratio, in_cpu, f"at least {GOAL:.0f}"))
        ways += [
            (threads, way, f"{wall[way] / wall[OURS]:.1f}", f"{cpu[way] / cpu[OURS]:.1f}")
            for way in (DENSE, SPARSE)
        ]
    largest = max(run["difference"] for run in results.values())
    ratio, in_cpu = "nnU-Net / ours (of pairs)", "the same in CPU seconds"
    return "\n\n".join(
        [
            f"Medians of {repeats} calls in turn, float32 in and out; "
            f"{page.machine('nnunetv2', 'scikit-image', 'scipy', 'numpy')}. {limited.STATED}",
            page.table(("threads", "side", "ours", "nnU-Net", ratio, in_cpu, "goal"), rows),
            f"Largest difference of a voxel: {largest:.1e} of the range of the image "
            f"(goal: at most {LARGEST_DIFFERENCE:.0e}).",
            "The same matrices multiplied in other ways, measured in the same turns:",
            page.table(("threads", "way", "way / ours", "the same in CPU seconds"), ways),
        ]
    )


def main() -> None:
    """Run both sides in turn, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--output", type=Path, metavar="JSON")
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--only_measure", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only_measure:
        print(json.dumps(measure(chosen.repeats)))
        return
    words = ["--only_measure", "--repeats", str(chosen.repeats)]
    results = {each: limited.run("benchmarks.resampling", words, each) for each in chosen.threads}
    text = section(results, chosen.repeats)
    print(text)
    if chosen.output:
        chosen.output.write_text(json.dumps(results, indent=2), encoding="utf-8")
    if chosen.write:
        page.write(chosen.write, "resampling", text)


if __name__ == "__main__":
    main()
