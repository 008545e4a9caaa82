"""What a crop to the lesion and a channel of its mask are worth, at equal budget.

    python -m benchmarks.lesion_crop --write documentation/benchmarks.md

For each seed a simulated cohort, each patient with one lesion, which is a case with a mask channel
(`split_lesions`). Networks of all training cases see the brain at the spacing `--brain_spacing`,
or the lesion and its surroundings at that of the images: about as many voxels, the same batches
and as many updates. Held-out patients are predicted from their files. Resumable: what is trained
and predicted is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import ricenet_v2 as rn
from benchmarks import crops
from benchmarks.crops import Compared, Way
from ricenet_v2.core.types import Triple
from ricenet_v2.phantom.cohort import CHANNELS, NAME
from ricenet_v2.store.raw import RawDataset, load_raw_dataset

SECTION = "lesion_crop"
IMAGES = tuple(channel.name for channel in CHANNELS)
HEAD_MM: Triple = (180.0, 216.0, 180.0)


def ways_of(chosen: argparse.Namespace) -> tuple[Way, ...]:
    """What networks see."""
    return (
        Way("brain", "brain", "brain", chosen.brain_spacing, IMAGES),
        Way("lesion", "lesion", "lesion", None, IMAGES),
        Way("lesion and mask channel", "lesion", "lesion"),
    )


def cohort(folder: Path, seed: int, chosen: argparse.Namespace) -> RawDataset:
    """The cohort of a seed, whose cases are lesions; one that is there is kept."""
    raw = folder / "raw" / NAME
    if not (raw / "cases_of_images.csv").is_file():
        z, y, x = chosen.shape
        rn.write_cohort(
            raw,
            cases=chosen.cases,
            test_cases=chosen.test_cases,
            shape=(z, y, x),
            spacing=crops.spacing_of(chosen.shape, HEAD_MM),
            seed=seed,
        )
        rn.split_lesions(raw, mask_channel=True)
    return load_raw_dataset(raw)


def compare(folder: Path, seed: int, chosen: argparse.Namespace) -> Compared:
    """All ways on the cohort of a seed."""
    raw = cohort(folder, seed, chosen)
    return crops.compare(folder, lambda _: raw, ways_of(chosen), seed, chosen)


def section(every: Sequence[Compared], chosen: argparse.Namespace) -> str:
    """Markdown of the tables."""
    ways = ways_of(chosen)
    return "\n\n".join(
        [
            crops.setting(every, chosen, crops.spacing_of(chosen.shape, HEAD_MM)),
            crops.areas_table(every, ways),
            crops.differences_table(every, ways, ((1, 0), (2, 1), (2, 0))),
        ]
    )


def main() -> None:
    """Compare on the cohort of each seed; print the section and, on request, write it."""
    parser = crops.options(__doc__, "lesion_crop_benchmark", (28, 34, 28))
    parser.add_argument("--brain_spacing", type=float, default=11.0, help="mm, of the whole brain")
    chosen = crops.parsed(parser, SECTION)
    every = [compare(chosen.workspace / f"seed_{seed}", seed, chosen) for seed in chosen.seeds]
    crops.show(section(every, chosen), SECTION, chosen)


if __name__ == "__main__":
    main()
