"""What a crop to the head is worth where no mask of the brain is there, at equal budget.

    python -m benchmarks.head_crop --write documentation/benchmarks.md

For each seed two simulated cohorts of the same patients in a field of view that is larger than the
head: unstripped MRIs with noise in the air, and CTs with air of -1000 HU. Networks of all training
cases are planned without masks for the whole image or with the region that `auto` decides, and
with masks of the brain again with what `auto` decides. All have the same preset, batches and
number of updates.

The whole image is seen twice: at the spacing of the images, which takes more voxels and time than
the head, and at `--image_spacing`, at which it has as many voxels as the head. The decisive
difference of the AUROC, named before any of them was computed, is that of the head less the whole
image with as many voxels, for each kind of images: equal voxels, batches and updates. The head pays
where its interval lies above 0. The head less the whole image of the same spacing tells what of it
comes from the air alone, and the brain less the head what a mask would add.

How tight the crops are is measured on the training cases: the share of their voxels that lies in
the head that was simulated, and their edges. Held-out patients are predicted from their files.
Resumable: what is trained and predicted is kept.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ricenet_v2 as rn
from benchmarks import crops, page
from benchmarks.crops import Compared, Way
from ricenet_v2.core.types import Mask, Triple
from ricenet_v2.phantom.cohort import NAME, simulate
from ricenet_v2.phantom.scanner import Scanner
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.case_images import load_case
from ricenet_v2.store.raw import RawDataset, load_raw_dataset
from ricenet_v2.voxels.region import case_region

SECTION = "head_crop"
FIELD_OF_VIEW_MM: Triple = (240.0, 276.0, 240.0)
BRAIN_MASKS = "brain"
"""Workspace of the way that has masks."""
COHORTS: dict[Scanner, str] = {"noisy": "MRI with noise in the air", "ct": "CT"}
SCAN_SPACING, EQUAL, HEAD, BRAIN = range(4)
"""Places of the ways."""
PAIRS = ((HEAD, EQUAL), (HEAD, SCAN_SPACING), (BRAIN, HEAD))
"""Pairs of the differences, the decisive one first."""


@dataclass(frozen=True)
class Crop:
    """What a plan cuts out of one case.

    Attributes:
        edges: mm along (z, y, x).
        left: Share of the voxels of the image.
        head: Share of the voxels of the crop that lie in the simulated head.
        lost: Share of the voxels of the simulated head beyond the crop.
    """

    edges: Triple
    left: float
    head: float
    lost: float


@dataclass(frozen=True)
class Measured:
    """The ways on the cohort of a seed.

    Attributes:
        compared: Their networks.
        crops: Crops of the training cases, for each way.
    """

    compared: Compared
    crops: tuple[tuple[Crop, ...], ...]


def ways_of(chosen: argparse.Namespace) -> tuple[Way, ...]:
    """What networks see, in the order of the places."""
    mm = chosen.image_spacing
    return (
        Way("whole image, spacing of the images", "image", "image"),
        Way("whole image, as many voxels as the head", "image_coarse", "image", mm),
        Way("head (`auto`)", "head", "auto"),
        Way("brain (`auto` with masks)", BRAIN_MASKS, "auto"),
    )


def cohort(
    folder: Path, seed: int, scanner: Scanner, chosen: argparse.Namespace, *, masks: bool
) -> RawDataset:
    """The patients of a seed as a scanner shows them; a cohort that is there is kept."""
    z, y, x = chosen.shape
    raw = rn.write_cohort(
        folder / ("with_masks" if masks else "without_masks") / "raw" / NAME,
        cases=chosen.cases,
        test_cases=chosen.test_cases,
        shape=(z, y, x),
        spacing=crops.spacing_of(chosen.shape, FIELD_OF_VIEW_MM),
        seed=seed,
        scanner=scanner,
        brain_masks=masks,
    )
    return load_raw_dataset(raw)


def measure(folder: Path, seed: int, scanner: Scanner, chosen: argparse.Namespace) -> Measured:
    """All ways on the patients of a seed."""
    ways = ways_of(chosen)
    without = cohort(folder, seed, scanner, chosen, masks=False)
    masked = cohort(folder, seed, scanner, chosen, masks=True)
    raws = [masked if way.workspace == BRAIN_MASKS else without for way in ways]
    compared = crops.compare(folder, lambda way: raws[ways.index(way)], ways, seed, chosen)
    of_ways = zip(raws, compared.trained, strict=True)
    return Measured(compared, tuple(crops_of(raw, trained.plan, seed) for raw, trained in of_ways))


def crops_of(raw: RawDataset, plan: Plan, seed: int) -> tuple[Crop, ...]:
    """What a plan cuts out of each training case."""
    kinds = [channel.kind for channel in raw.dataset.channels]
    measured = []
    for case in raw.split("train"):
        mask = raw.region_mask(case, plan.region)
        images, grid, inside = load_case(raw.images(case), mask)
        start, stop = case_region(images, kinds, grid.spacing, plan.region, inside).box
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        # Where nothing else is simulated, an image is 0 outside of the head.
        head: Mask = simulate(case.case_id, seed, grid)[1].post_op > 0
        z, y, x = ((b - a) * mm for a, b, mm in zip(start, stop, grid.spacing, strict=True))
        share = float(head[box].mean())
        measured.append(
            Crop(
                (z, y, x),
                head[box].size / head.size,
                share,
                1 - float(np.count_nonzero(head[box]) / np.count_nonzero(head)),
            )
        )
    return tuple(measured)


def crops_table(every: Sequence[Measured], ways: Sequence[Way]) -> str:
    """How tight the crop of each way is, a row each."""
    rows = []
    for place, way in enumerate(ways):
        plans = [each.compared.trained[place].plan for each in every]
        regions = dict.fromkeys(str(plan.region and plan.region.label) for plan in plans)
        of_way = [crop for each in every for crop in each.crops[place]]
        edges = [statistics.fmean(crop.edges[axis] for crop in of_way) for axis in range(3)]
        shares = [
            statistics.fmean(values)
            for values in zip(*((crop.left, crop.head, crop.lost) for crop in of_way), strict=True)
        ]
        rows.append(
            (
                way.name,
                ", ".join(regions),
                " x ".join(f"{mm:.0f}" for mm in edges) + " mm",
                *(f"{share:.1%}" for share in shares),
            )
        )
    columns = (
        "networks see", "region of the plan", "edges of the crop (z, y, x)", "of the image",
        "of the crop in the head", "of the head cut off",
    )  # fmt: skip
    return page.table(columns, rows)


def reasons(every: Sequence[Measured], ways: Sequence[Way]) -> str:
    """Why the plans without a request have their region, in their words."""
    lines = []
    for place, way in enumerate(ways):
        if way.region != "auto":
            continue
        plans = [each.compared.trained[place].plan for each in every]
        whys = dict.fromkeys(
            decision.reason
            for plan in plans
            for decision in plan.decisions
            if decision.what == "region"
        )
        lines.append(f"- {way.name}: {'; or: '.join(whys)}.")
    return "\n".join(lines)


def section(measured: Mapping[Scanner, Sequence[Measured]], chosen: argparse.Namespace) -> str:
    """Markdown of the tables of both kinds of images."""
    ways, spacing = ways_of(chosen), crops.spacing_of(chosen.shape, FIELD_OF_VIEW_MM)
    first = [each.compared for each in next(iter(measured.values()))]
    parts = [crops.setting(first, chosen, spacing)]
    for scanner, every in measured.items():
        compared = [each.compared for each in every]
        parts += [
            f"**{COHORTS[scanner]}**",
            crops.areas_table(compared, ways),
            crops.differences_table(compared, ways, PAIRS),
            "Crops of the training cases, means, and what planning says of its decisions:",
            crops_table(every, ways),
            reasons(every, ways),
        ]
    return "\n\n".join(parts)


def main() -> None:
    """Compare on both cohorts of each seed; print the section and, on request, write it."""
    parser = crops.options(__doc__, "head_crop_benchmark", (26, 30, 26))
    parser.add_argument(
        "--image_spacing", type=float, default=13.0, help="mm, at which the image is as small"
    )
    chosen = crops.parsed(parser, SECTION)
    measured: dict[Scanner, list[Measured]] = {scanner: [] for scanner in COHORTS}
    for seed in chosen.seeds:
        for scanner, every in measured.items():
            print(f"{COHORTS[scanner]}:", flush=True)
            folder = chosen.workspace / scanner / f"seed_{seed}"
            every.append(measure(folder, seed, scanner, chosen))
    crops.show(section(measured, chosen), SECTION, chosen)


if __name__ == "__main__":
    main()
