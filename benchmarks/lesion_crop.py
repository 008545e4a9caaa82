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
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

import ricenet_v2 as rn
from benchmarks import page
from ricenet_v2.core import documents
from ricenet_v2.core.types import Floats, Mask, Triple
from ricenet_v2.evaluation.delong import Areas, areas
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.phantom.cohort import CHANNELS, NAME
from ricenet_v2.planning.region import RegionOption
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.paths import PREDICTIONS_JSON, dataset_paths
from ricenet_v2.store.raw import RawDataset, load_raw_dataset

SECTION = "lesion_crop"
PRESET = "small"
IMAGES = tuple(channel.name for channel in CHANNELS)
HEAD_MM = (180.0, 216.0, 180.0)
LEVEL = 0.95


@dataclass(frozen=True)
class Way:
    """What networks see.

    Attributes:
        region: That cases are cropped to.
        has_mask: Whether the mask of the lesion is a channel.
    """

    region: RegionOption
    has_mask: bool

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.region} and mask channel" if self.has_mask else self.region

    @property
    def channels(self) -> tuple[str, ...] | None:
        """Those of a training; None for all."""
        return None if self.has_mask else IMAGES


WAYS = (Way("brain", False), Way("lesion", False), Way("lesion", True))


@dataclass(frozen=True)
class Trained:
    """A network and what it made of the held-out cases.

    Attributes:
        plan: It was trained by.
        scores: Probabilities of the positive class, in the order of the cases.
    """

    plan: Plan
    scores: Floats


@dataclass(frozen=True)
class Compared:
    """All ways of one seed.

    Attributes:
        trained: In the order of the ways.
        areas: AUROCs in the same order.
        n_positive: Held-out cases of the positive class.
        n_cases: Held-out cases.
    """

    trained: tuple[Trained, ...]
    areas: Areas
    n_positive: int
    n_cases: int


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
            spacing=spacing_of(chosen.shape),
            seed=seed,
        )
        rn.split_lesions(raw, mask_channel=True)
    return load_raw_dataset(raw)


def spacing_of(shape: Sequence[int]) -> Triple:
    """At which the head fills a grid, mm."""
    z, y, x = (mm / n for mm, n in zip(HEAD_MM, shape, strict=True))
    return z, y, x


def train(
    folder: Path, raw: RawDataset, way: Way, seed: int, chosen: argparse.Namespace
) -> Trained:
    """Plan, train and predict; what is there is kept."""
    space, mm = folder / way.region, chosen.brain_spacing
    spacing = (mm, mm, mm) if way.region == "brain" else None
    plan = rn.plan(
        raw.folder,
        rn.PlanOptions(
            preset=PRESET,
            region=way.region,
            spacing=spacing,
            batch_size=chosen.batch,
            num_folds=1,
            device="cpu",
        ),
        workspace=space,
    )
    if failed := rn.preprocess(raw.folder, PRESET, workspace=space).failed:
        raise SystemExit(f"Cases could not be prepared: {failed}")
    options = rn.TrainOptions(
        channels=way.channels,
        epochs=chosen.epochs,
        overrides={"iterations_per_epoch": str(chosen.updates // chosen.epochs)},
        seed=seed,
        resume=True,
    )
    rn.train(raw.folder, "full", options, plan=PRESET, workspace=space, device="cpu")
    label = "all" if way.has_mask else "+".join(IMAGES)
    model = dataset_paths(str(raw.folder), space).run(PRESET, label, full=True)
    output = folder / f"predictions_{way.name.replace(' ', '_')}"
    if (output / PREDICTIONS_JSON).is_file():
        predictions = documents.read(rn.Predictions, output / PREDICTIONS_JSON)
    else:
        predictions = rn.predict(raw.folder, output, model.folder, device="cpu")
    if predictions.failed:
        raise SystemExit(f"Cases could not be predicted: {predictions.failed}")
    probability = {
        case.case_id: case.probabilities[raw.dataset.positive_index] for case in predictions.cases
    }
    scores = np.array([probability[case.case_id] for case in raw.split("test")])
    return Trained(plan, scores)


def compare(folder: Path, seed: int, chosen: argparse.Namespace) -> Compared:
    """All ways on the cohort of a seed."""
    raw = cohort(folder, seed, chosen)
    trained = []
    for way in WAYS:
        trained.append(train(folder, raw, way, seed, chosen))
        print(f"seed {seed}, {way.name}: done", flush=True)
    cases = raw.split("test")
    positive: Mask = np.array([case.label == raw.dataset.positive_class for case in cases])
    scores = np.stack([one.scores for one in trained])
    found = areas(scores, positive, Patients.of([case.patient_id for case in cases]))
    if found is None:
        raise SystemExit("More test cases are needed: a class has fewer than two.")
    return Compared(tuple(trained), found, int(positive.sum()), len(cases))


def pooled(every: Sequence[Areas]) -> Areas:
    """Means over cohorts that share no patient, and their covariance."""
    values = np.mean([one.values for one in every], axis=0)
    return Areas(values, np.sum([one.covariance for one in every], axis=0) / len(every) ** 2)


def section(every: Sequence[Compared], chosen: argparse.Namespace) -> str:
    """Markdown of the tables."""
    mean = pooled([one.areas for one in every])
    rows = []
    for index, way in enumerate(WAYS):
        plans = [one.trained[index].plan for one in every]
        sizes = dict.fromkeys(" x ".join(map(str, plan.input_size)) for plan in plans)
        voxels = statistics.fmean(math.prod(plan.input_size) for plan in plans)
        reach = stats.norm.ppf((1 + LEVEL) / 2) * math.sqrt(mean.covariance[index, index])
        value = mean.values[index]
        rows.append(
            (
                way.name,
                "; ".join(sizes),
                f"{voxels:,.0f}",
                f"{statistics.fmean(min(plan.spacing) for plan in plans):.1f} mm",
                f"{value:.3f}",
                f"{value - reach:.3f} to {min(1.0, value + reach):.3f}",
                ", ".join(f"{one.areas.values[index]:.3f}" for one in every),
            )
        )
    columns = (
        "networks see", "input (z, y, x)", "voxels, mean", "finest spacing", "AUROC, mean",
        "interval", "of each seed",
    )  # fmt: skip
    cohorts = "cohort" if len(every) == 1 else "cohorts"
    first = (
        f"{len(every)} {cohorts} of {chosen.cases} training and {chosen.test_cases} held-out cases "
        f"({', '.join(f'{one.n_positive} of {one.n_cases}' for one in every)} with recurrence), "
        f"{' x '.join(map(str, chosen.shape))} voxels of "
        f"{' x '.join(f'{mm:.1f}' for mm in spacing_of(chosen.shape))} mm; "
        f"preset {PRESET}, {chosen.updates} updates of {chosen.batch} cases; "
        f"{page.machine('torch')}."
    )
    return "\n\n".join([first, page.table(columns, rows), _differences(mean, every)])


def _differences(mean: Areas, every: Sequence[Compared]) -> str:
    rows = []
    for a, b in ((1, 0), (2, 1), (2, 0)):
        difference, low, high, p = mean.difference(a, b, LEVEL)
        each = [one.areas.values[a] - one.areas.values[b] for one in every]
        rows.append(
            (
                f"{WAYS[a].name} less {WAYS[b].name}",
                f"{difference:+.3f}",
                "-" if low is None or high is None else f"{low:+.3f} to {high:+.3f}",
                "-" if p is None else f"{p:.3f}",
                ", ".join(f"{value:+.3f}" for value in each),
            )
        )
    columns = ("difference of the AUROCs", "mean", "interval", "p", "of each seed")
    return page.table(columns, rows)


def main() -> None:
    """Compare on the cohort of each seed; print the section and, on request, write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workspace", type=Path, default=Path("lesion_crop_benchmark"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cases", type=int, default=48, help="training cases of a cohort")
    parser.add_argument("--test_cases", type=int, default=80, help="held-out cases of a cohort")
    parser.add_argument("--shape", type=int, nargs=3, default=(28, 34, 28), metavar=("Z", "Y", "X"))
    parser.add_argument("--brain_spacing", type=float, default=11.0, help="mm, of the whole brain")
    parser.add_argument("--batch", type=int, default=8, help="cases of an update")
    parser.add_argument("--updates", type=int, default=160, help="of each network")
    parser.add_argument("--epochs", type=int, default=8, help="that the updates are divided into")
    parser.add_argument("--write", type=Path, metavar="FILE", help="page that is rewritten")
    chosen = parser.parse_args()
    if chosen.write:  # a page without its markers is found out now
        page.rewrite(chosen.write.read_text(encoding="utf-8"), SECTION, "")
    every = [compare(chosen.workspace / f"seed_{seed}", seed, chosen) for seed in chosen.seeds]
    text = section(every, chosen)
    print(text)
    if chosen.write:
        page.write(chosen.write, SECTION, text)


if __name__ == "__main__":
    main()
