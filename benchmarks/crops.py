"""Networks that see different regions of the same cases, compared at equal budget."""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

import ricenet_v2 as rn
from benchmarks import page
from ricenet_v2.core import documents
from ricenet_v2.core.types import Floats, Mask, Shape, Triple
from ricenet_v2.evaluation.delong import Areas, areas
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.planning.region import RegionOption
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.paths import PREDICTIONS_JSON
from ricenet_v2.store.raw import RawDataset
from ricenet_v2.store.workspace import dataset_paths

PRESET = "small"
LEVEL = 0.95


@dataclass(frozen=True)
class Way:
    """What networks see.

    Attributes:
        name: Name in words.
        workspace: Name of the folder of its plan, which ways of other channels share.
        region: Region to which cases are cropped, as in the option of planning.
        spacing: mm of the voxels; None for that of the images.
        channels: Those of a training; None for all.
    """

    name: str
    workspace: str
    region: RegionOption
    spacing: float | None = None
    channels: tuple[str, ...] | None = None


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
    """All ways on one cohort.

    Attributes:
        trained: Trained models, in the order of the ways.
        areas: AUROCs in the same order.
        n_positive: Held-out cases of the positive class.
        n_cases: Held-out cases.
    """

    trained: tuple[Trained, ...]
    areas: Areas
    n_positive: int
    n_cases: int


def spacing_of(shape: Sequence[int], extent: Triple) -> Triple:
    """Voxel spacing along (z, y, x), mm, at which a grid has an extent in mm."""
    z, y, x = (mm / n for mm, n in zip(extent, shape, strict=True))
    return z, y, x


def train(
    folder: Path, raw: RawDataset, way: Way, seed: int, chosen: argparse.Namespace
) -> Trained:
    """Plan, train and predict; what is there is kept."""
    space = folder / way.workspace
    mm = way.spacing
    plan = rn.plan(
        raw.folder,
        rn.PlanOptions(
            preset=PRESET,
            region=way.region,
            spacing=None if mm is None else (mm, mm, mm),
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
    label = "all" if way.channels is None else "+".join(way.channels)
    model = dataset_paths(str(raw.folder), space).run(PRESET, label, full=True)
    output = space / f"predictions_{label}"
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


def compare(
    folder: Path,
    raw_of: Callable[[Way], RawDataset],
    ways: Sequence[Way],
    seed: int,
    chosen: argparse.Namespace,
) -> Compared:
    """All ways on the cohort of a seed, whose images and cases are the same to all."""
    trained = []
    for way in ways:
        trained.append(train(folder, raw_of(way), way, seed, chosen))
        print(f"seed {seed}, {way.name}: done", flush=True)
    raw = raw_of(ways[0])
    cases = raw.split("test")
    positive: Mask = np.array([case.label == raw.dataset.positive_class for case in cases])
    scores = np.stack([trained_model.scores for trained_model in trained])
    of_models = areas(scores, positive, Patients.of([case.patient_id for case in cases]))
    if of_models is None:
        raise SystemExit("More test cases are needed: a class has fewer than two.")
    return Compared(tuple(trained), of_models, int(positive.sum()), len(cases))


def pooled(every: Sequence[Areas]) -> Areas:
    """Means over cohorts that share no patient, and their covariance."""
    values = np.mean([areas.values for areas in every], axis=0)
    return Areas(values, np.sum([areas.covariance for areas in every], axis=0) / len(every) ** 2)


def setting(every: Sequence[Compared], chosen: argparse.Namespace, spacing: Triple) -> str:
    """What was compared, in a sentence."""
    cohorts = "cohort" if len(every) == 1 else "cohorts"
    return (
        f"{len(every)} {cohorts} of {chosen.cases} training and {chosen.test_cases} held-out cases "
        f"({', '.join(f'{each.n_positive} of {each.n_cases}' for each in every)} with recurrence), "
        f"{' x '.join(map(str, chosen.shape))} voxels of "
        f"{' x '.join(f'{mm:.1f}' for mm in spacing)} mm; "
        f"preset {PRESET}, {chosen.updates} updates of {chosen.batch} cases; "
        f"{page.machine('torch')}."
    )


def areas_table(every: Sequence[Compared], ways: Sequence[Way]) -> str:
    """The AUROC of each way, a row each."""
    mean = pooled([result.areas for result in every])
    rows = []
    for index, way in enumerate(ways):
        plans = [result.trained[index].plan for result in every]
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
                ", ".join(f"{result.areas.values[index]:.3f}" for result in every),
            )
        )
    columns = (
        "networks see", "input (z, y, x)", "voxels, mean", "finest spacing", "AUROC, mean",
        "interval", "of each seed",
    )  # fmt: skip
    return page.table(columns, rows)


def differences_table(
    every: Sequence[Compared], ways: Sequence[Way], pairs: Sequence[tuple[int, int]]
) -> str:
    """Differences of the AUROC, a row for each pair of places in the ways."""
    mean = pooled([result.areas for result in every])
    rows = []
    for a, b in pairs:
        difference, low, high, p = mean.difference(a, b, LEVEL)
        each = [result.areas.values[a] - result.areas.values[b] for result in every]
        rows.append(
            (
                f"{ways[a].name} less {ways[b].name}",
                f"{difference:+.3f}",
                "-" if low is None or high is None else f"{low:+.3f} to {high:+.3f}",
                "-" if p is None else f"{p:.3f}",
                ", ".join(f"{value:+.3f}" for value in each),
            )
        )
    columns = ("difference of the AUROCs", "mean", "interval", "p", "of each seed")
    return page.table(columns, rows)


def options(what: str | None, workspace: str, shape: Shape) -> argparse.ArgumentParser:
    """The options that such a benchmark has.

    Args:
        what: Docstring of the benchmark, whose first line is its help.
        workspace: Folder if none is named.
        shape: Voxels of the images along (z, y, x).
    """
    parser = argparse.ArgumentParser(description=(what or "").partition("\n")[0])
    parser.add_argument("--workspace", type=Path, default=Path(workspace))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cases", type=int, default=48, help="training cases of a cohort")
    parser.add_argument("--test_cases", type=int, default=80, help="held-out cases of a cohort")
    parser.add_argument("--shape", type=int, nargs=3, default=shape, metavar=("Z", "Y", "X"))
    parser.add_argument("--batch", type=int, default=8, help="cases of an update")
    parser.add_argument("--updates", type=int, default=160, help="of each network")
    parser.add_argument("--epochs", type=int, default=8, help="that the updates are divided into")
    parser.add_argument("--write", type=Path, metavar="FILE", help="page that is rewritten")
    return parser


def parsed(parser: argparse.ArgumentParser, section: str) -> argparse.Namespace:
    """The options of the command line; a page without its markers is refused now."""
    chosen = parser.parse_args()
    if chosen.write:
        page.rewrite(chosen.write.read_text(encoding="utf-8"), section, "")
    return chosen


def show(text: str, section: str, chosen: argparse.Namespace) -> None:
    """Print a section and, on request, write it."""
    print(text)
    if chosen.write:
        page.write(chosen.write, section, text)
