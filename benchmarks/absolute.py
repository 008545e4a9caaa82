"""Whether networks read the dose in Gy: cohorts that differ in nothing else.

    python -m benchmarks.absolute --write documentation/benchmarks.md

The shapes of the dose are the same in both classes; only its height differs (60 or 40.05 Gy). Each
network is planned and trained as by `ricenet_plan_and_preprocess` and `ricenet_train`, for 200
updates, and asked for cases that it has not seen; batch norm with the small preset alone.
Resumable: finished folds are kept.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks import page
from benchmarks.cohorts import Cohort
from ricenet_v2.cli import plan_and_preprocess
from ricenet_v2.core import documents
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.seeds import generator
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.records.dataset import Case, Channel, Dataset, Split
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Norm
from ricenet_v2.records.splits import Splits
from ricenet_v2.store.cases import read_array, read_record
from ricenet_v2.store.images import write_image
from ricenet_v2.store.paths import CASES_CSV
from ricenet_v2.store.raw import image_path, images_folder, load_raw_dataset, write_raw_tables
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.fold import train_fold
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.process_group import ProcessGroup, joined
from ricenet_v2.training.settings import channels_label
from ricenet_v2.training.training_setup import TrainingSetup

NAME, SECTION = "Dataset011_TwoDoses", "absolute"
HEIGHTS = {"low": 40.05, "high": 60.0}
SIDE, MM = 20, 9.0
CHANNELS = (
    Channel("T1c_post_op", "mri", "post_op"),
    Channel("T1c_event", "mri", "event"),
    Channel("dose", "dose", unit="Gy"),
)
SUBSETS: dict[str, tuple[str, ...] | None] = {"dose alone": ("dose",), "dose and two MRI": None}
UPDATES, EPOCHS = 200, 8
SPLITS: tuple[Split, Split] = ("train", "test")

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Variant:
    """A norm, with or without bands."""

    norm: Norm
    has_bands: bool

    @property
    def name(self) -> str:
        """Name in words."""
        return f"{self.norm} norm, {'bands' if self.has_bands else 'no bands'}"


SMALL = "small"
VARIANTS = (
    Variant("instance", has_bands=True),
    Variant("instance", has_bands=False),
    Variant("batch", has_bands=True),
    Variant("batch", has_bands=False),
)


@dataclass(frozen=True)
class Result:
    """AUROC of the cases that were held out."""

    preset: str
    subset: str
    variant: str
    seed: int
    n_test: int
    auroc: float


def patient(height: float, random: np.random.Generator) -> list[Image]:
    """Two MRI of a head with noise and a dose with a plateau of `height` Gy; axes (z, y, x)."""
    axes = [np.arange(SIDE) - (SIDE - 1) / 2 for _ in range(3)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    head = np.linalg.norm(places, axis=-1) < SIDE * 0.45
    centre, radius = random.uniform(-2.5, 2.5, 3), random.uniform(3.0, 5.5)
    away = np.linalg.norm(places - centre, axis=-1)
    dose = height / (1 + np.exp((away - radius) / random.uniform(0.7, 1.2)))
    scans = [
        np.where(head, random.normal(300, 60) + random.normal(0, 40, head.shape), 0)
        for _ in range(2)
    ]
    return [image.astype(np.float32) for image in (*scans, dose)]


def write_cohort(folder: Path, n_train: int, n_test: int, seed: int) -> None:
    """Write the raw dataset, where it is not there yet."""
    if (folder / CASES_CSV).is_file():
        return
    dataset = Dataset(NAME, CHANNELS, tuple(HEIGHTS), positive_class="high")
    corner = -(SIDE - 1) / 2 * MM
    grid = Grid((SIDE,) * 3, (MM,) * 3, (corner,) * 3)
    cases, random = [], generator(seed, "two doses")
    for number in range(n_train + n_test):
        label, split = tuple(HEIGHTS)[number % 2], SPLITS[number >= n_train]
        case = Case(f"TD{number:04d}", f"P{number:04d}", label, split)
        target = images_folder(folder, split)
        for index, image in enumerate(patient(HEIGHTS[label], random)):
            path = image_path(target, case.case_id, index, dataset.file_ending)
            write_image(path, image, grid)
        cases.append(case)
    write_raw_tables(folder, dataset, cases)


def planned(chosen: argparse.Namespace, preset: str) -> Cohort:
    """The cohort, planned and preprocessed by the command."""
    raw = chosen.workspace / "raw" / NAME
    write_cohort(raw, chosen.cases, chosen.test_cases, seed=0)
    if plan_and_preprocess.main([NAME, "--workspace", str(chosen.workspace), "--preset", preset]):
        raise SystemExit(f"{NAME} could not be planned.")
    paths = dataset_paths(NAME, chosen.workspace)
    plan, splits = documents.read(Plan, paths.plan(preset)), documents.read(Splits, paths.splits)
    return Cohort(NAME, paths, load_raw_dataset(raw), plan, splits)


def measure(
    cohort: Cohort, subset: str, variant: Variant, seed: int, process_group: ProcessGroup
) -> Result:
    """Train fold 0 for 200 updates and rank the held-out cases."""
    plan = cohort.plan
    if not variant.has_bands:
        plan = dataclasses.replace(plan, network=dataclasses.replace(plan.network, levels=()))
    settings = {
        "network.norm": variant.norm,
        "epochs": str(EPOCHS),
        "iterations_per_epoch": str(UPDATES // EPOCHS),
    }
    channels, raw = SUBSETS[subset], cohort.raw
    options = TrainOptions(resume=True, overrides=settings, seed=seed, channels=channels)
    paths = cohort.runs(variant.name.replace(",", ""), seed)
    setup = TrainingSetup(
        paths, plan, raw.dataset, raw.cases, cohort.splits, options, process_group
    )
    train_fold(setup, 0)
    folder = paths.run(plan.name, channels_label(plan, channels)).folder
    ensemble = load_ensemble(folder, device=str(process_group.device))
    cases, stored = raw.split("test"), cohort.paths.cases(plan.name)
    seen = [channel.name for channel in ensemble.plan.channels]
    rows = [index for index, channel in enumerate(raw.dataset.channels) if channel.name in seen]
    scores = [
        ensemble.predict(read_array(stored, c.case_id)[rows], read_record(stored, c.case_id))
        for c in cases
    ]
    high = [score.probabilities[tuple(HEIGHTS).index("high")] for score in scores]
    auroc = float(roc_auc_score([case.label == "high" for case in cases], high))
    return Result(plan.preset, subset, variant.name, seed, len(cases), auroc)


def section(results: Sequence[Result]) -> str:
    """Markdown of the table."""
    rows = []
    for preset, subset, variant in dict.fromkeys((r.preset, r.subset, r.variant) for r in results):
        values = [
            r.auroc for r in results if (r.preset, r.subset, r.variant) == (preset, subset, variant)
        ]
        cells = ", ".join(f"{value:.3f}" for value in values)
        rows.append((preset, subset, variant, f"{statistics.fmean(values):.3f}", cells))
    n = results[0].n_test
    low, high = HEIGHTS.values()
    return "\n".join(
        [
            f"{high:g} against {low:g} Gy, {UPDATES} updates, {n} held-out cases; "
            f"{page.machine('torch')}.",
            "",
            page.table(("preset", "channels", "network", "AUROC, mean", "of each seed"), rows),
        ]
    )


def main() -> None:
    """Run all that was chosen and, on request, write its section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=Path("absolute_benchmark"))
    parser.add_argument("--presets", nargs="+", default=[SMALL, "auto"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cases", type=int, default=40, help="training cases")
    parser.add_argument("--test_cases", type=int, default=60)
    parser.add_argument("--device")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="page whose section is rewritten"
    )
    chosen = parser.parse_args()
    if chosen.write:  # a page without its markers is found out now
        page.rewrite(chosen.write.read_text(encoding="utf-8"), SECTION, "")
    results = []
    with joined(chosen.device) as process_group:
        for preset in chosen.presets:
            cohort = planned(chosen, preset)
            for subset in SUBSETS:
                for variant in VARIANTS if preset == SMALL else VARIANTS[:2]:
                    for seed in chosen.seeds:
                        results.append(measure(cohort, subset, variant, seed, process_group))
                        print(results[-1], flush=True)
    text = json.dumps([asdict(result) for result in results], indent=1)
    (chosen.workspace / "absolute.json").write_text(text, encoding="utf-8")
    print(section(results))
    if chosen.write:
        page.write(chosen.write, SECTION, section(results))


if __name__ == "__main__":
    main()
