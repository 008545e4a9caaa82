"""Patients who lack images: learning from them, against leaving them or the channel out.

    python -m benchmarks.missing_images --write documentation/benchmarks.md

Simulated cohorts in which 30 % of the patients lack one image, in training and in the test set: the
image after surgery (`--missing T1c_post_op`), which says little of the label by itself, or the dose
(`--missing dose`), which says most.
Networks of each seed, each trained on all training cases it may have:

- allowed: all patients, planned with --allow_missing_channels;
- without the channel: all patients, the channel of nobody;
- without the patients: all channels, those patients only who have them;
- nothing missing: the same patients with all of their images, the best that could be.

Its first form (80 training patients, 3 seeds) could not tell whether there is a gain: intervals
were wide, and 56 patients taught as much as 80. This form was chosen before any of its results were
seen, but for those of one other seed that was run for its time: half as many training patients, so
that each counts more; eight seeds that were not used before; and as the figure that decides the
difference of the AUROC between "allowed" and "without the patients" on the test patients with all
images, with an interval whose units are the seeds. "Nothing missing" against "without the patients"
says what there is to gain: what the patients would bring who are left out, if they lacked nothing.
The dose may be named as a second channel. The run was interrupted, and what its first five seeds
had given was seen before the last three were computed as planned.

Two intervals of each difference: over seeds (Student's t of the differences; each seed has other
patients, other weights and another test set, so that it holds all of these chances), and over the
test patients of these very networks (DeLong's variance). Resumable: the same line goes on where it
stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import statistics
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

import ricenet_v2 as rn
from benchmarks import page
from ricenet_v2.core import documents
from ricenet_v2.evaluation.delong import Areas, areas
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.phantom.cohort import CHANNELS, NAME, write_cohort
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.prediction import CasePrediction, Predictions
from ricenet_v2.store.paths import PREDICTIONS_JSON, dataset_paths
from ricenet_v2.store.raw import RawDataset, load_raw_dataset, write_cases

PLAN = "small"
RATE = 0.3
ALLOWED, NO_CHANNEL, NO_PATIENTS, WHOLE = NETWORKS = (
    "allowed", "without the channel", "without the patients", "nothing missing",
)  # fmt: skip
NAMES = tuple(channel.name for channel in CHANNELS)
COMPARED = (
    (ALLOWED, NO_PATIENTS, True),
    (WHOLE, NO_PATIENTS, True),
    (ALLOWED, NO_CHANNEL, True),
    (ALLOWED, NO_CHANNEL, False),
    (ALLOWED, WHOLE, False),
)
"""The two networks of each difference, and whether only test patients with all images count."""


@dataclasses.dataclass(frozen=True)
class Scores:
    """Log odds of recurrence of the test cases by each of NETWORKS, axes (networks, cases).

    Attributes:
        values: Log odds.
        truth: Whether each case is a recurrence.
        complete: Whether each case has all of its images in the cohort with missing ones.
    """

    values: NDArray[np.float64]
    truth: NDArray[np.bool_]
    complete: NDArray[np.bool_]

    def areas(self, *, complete_only: bool) -> Areas:
        """AUROCs with their covariance."""
        chosen = self.complete if complete_only else np.ones_like(self.complete)
        patients = Patients.of([str(n) for n in range(int(chosen.sum()))])
        areas_of_networks = areas(self.values[:, chosen], self.truth[chosen], patients)
        if areas_of_networks is None:
            raise SystemExit("There are too few test patients of a class.")
        return areas_of_networks


def run(workspace: Path, seed: int, channel: str, chosen: argparse.Namespace) -> Scores:
    """The cohort of a seed, its networks and their predictions of the test cases."""
    missing = _cohort(workspace / channel / "simulated", seed, chosen, {channel: RATE})
    whole = _cohort(workspace / "simulated", seed, chosen, {})
    lacking = {case.case_id for case in missing.cases if missing.absent(case)}
    few = _planned(workspace / channel / "few", whole, lacking)
    every = _planned(workspace / "whole", whole)
    others = tuple(name for name in NAMES if name != channel)
    networks = {
        ALLOWED: (_planned(workspace / channel / "missing", missing), None, True),
        NO_CHANNEL: (every, others, False),
        NO_PATIENTS: (few, None, False),
        WHOLE: (every, None, False),
    }
    cases = whole.split("test")
    recurrence = whole.dataset.positive_index
    rows = []
    for name in NETWORKS:
        raw, channels, allow = networks[name]
        by_case = _predicted(raw, channels, seed, chosen, allow_missing=allow)
        rows.append([_log_odds(by_case[c.case_id], recurrence) for c in cases])
    return Scores(
        np.array(rows),
        np.array([case.label == whole.dataset.classes[recurrence] for case in cases]),
        np.array([case.case_id not in lacking for case in cases]),
    )


def _cohort(
    workspace: Path, seed: int, chosen: argparse.Namespace, rates: Mapping[str, float]
) -> RawDataset:
    z, y, x = chosen.shape
    head = (180.0 / z, 216.0 / y, 180.0 / x)  # the head fills the grid at any size
    folder = write_cohort(
        workspace / NAME,
        cases=chosen.cases, test_cases=chosen.test_cases, shape=(z, y, x), spacing=head, seed=seed,
        missing_images=rates,
    )  # fmt: skip
    return load_raw_dataset(folder)


def _planned(workspace: Path, simulated: RawDataset, without: Collection[str] = ()) -> RawDataset:
    """A copy whose table has neither these training patients nor the test cases.

    Test cases are predicted as new patients from the images of the folder.
    """
    folder = workspace / "raw" / NAME
    if not folder.is_dir():
        shutil.copytree(simulated.folder, folder)
    write_cases(folder, [case for case in simulated.split("train") if case.case_id not in without])
    return load_raw_dataset(folder)


def _predicted(
    raw: RawDataset,
    channels: tuple[str, ...] | None,
    seed: int,
    chosen: argparse.Namespace,
    *,
    allow_missing: bool,
) -> dict[str, CasePrediction]:
    """Predictions of the test cases by one network of all training cases, what is there kept."""
    space = raw.folder.parent.parent
    options = rn.PlanOptions(preset=PLAN, allow_missing_channels=allow_missing, num_folds=2)
    paths = dataset_paths(NAME, space)
    if not paths.plan(PLAN).is_file():
        rn.plan(raw.folder, options, workspace=space)
        _narrow(paths.plan(PLAN), chosen.width)
    rn.preprocess(raw.folder, PLAN, workspace=space)
    training = rn.TrainOptions(channels=channels, epochs=chosen.epochs, seed=seed, resume=True)
    rn.train(NAME, "full", training, plan=PLAN, workspace=space, device="cpu")
    label = "all" if channels is None else "+".join(channels)
    output = space / f"predictions_{label}"
    if not (output / PREDICTIONS_JSON).is_file():
        model = rn.model_folder(NAME, plan=PLAN, channels=label, workspace=space, full=True)
        rn.predict(raw.folder / "imagesTs", output, model, resume=True, device="cpu")
    made = documents.read(Predictions, output / PREDICTIONS_JSON)
    assert not made.failed, made.failed
    return {case.case_id: case for case in made.cases}


def _narrow(file: Path, width: int) -> None:
    """Give the network of a plan fewer features: `width` in its first stage."""
    plan = documents.read(Plan, file)
    features = tuple(width * 2**stage for stage in range(len(plan.network.features)))
    network = dataclasses.replace(plan.network, features=features)
    documents.write(file, dataclasses.replace(plan, network=network))


def _log_odds(case: CasePrediction, recurrence: int) -> float:
    return float(special.logit(np.clip(case.probabilities[recurrence], 1e-6, 1 - 1e-6)))


@dataclasses.dataclass(frozen=True)
class Difference:
    """Mean difference of the AUROC of two networks, the ends of its 95 % intervals, its seeds.

    Attributes:
        mean: Over the seeds.
        seeds: Interval with seeds as units; NaN where there is one.
        patients: Interval over the test patients, given the networks.
        each: Difference of each seed.
    """

    mean: float
    seeds: tuple[float, float]
    patients: tuple[float, float]
    each: tuple[float, ...]


def difference(of_seeds: Sequence[Areas], one: int, other: int) -> Difference:
    """Difference of the network `one` to `other`.

    Errors of seeds are independent: their patients, weights and test sets are others.
    """
    n = len(of_seeds)
    each = [float(areas.values[one] - areas.values[other]) for areas in of_seeds]
    variances = [
        c[one, one] + c[other, other] - 2 * c[one, other] for c in (a.covariance for a in of_seeds)
    ]
    mean = statistics.fmean(each)
    spread = statistics.stdev(each) / n**0.5 if n > 1 else float("nan")
    by_seeds = float(stats.t.ppf(0.975, n - 1)) * spread
    by_patients = float(stats.norm.ppf(0.975)) * float(np.sqrt(sum(variances))) / n
    return Difference(
        mean,
        (mean - by_seeds, mean + by_seeds),
        (mean - by_patients, mean + by_patients),
        tuple(each),
    )


def section(made: Mapping[str, Sequence[Scores]], chosen: argparse.Namespace) -> str:
    """The two tables and what they are of."""
    first = (
        f"{chosen.cases} training and {chosen.test_cases} test patients for each of "
        f"{len(chosen.seeds)} seeds, of whom {RATE:.0%} lack the channel; "
        f"{' x '.join(map(str, chosen.shape))} voxels, {chosen.width} features in the first stage, "
        f"{chosen.epochs} epochs; {page.machine('torch')}. AUROC, mean (lowest to highest seed):"
    )
    rows = [
        [channel, name, _summary(scores, n, complete_only=False), _summary(scores, n)]
        for channel, scores in made.items()
        for n, name in enumerate(NETWORKS)
    ]
    heads = ("missing", "network", "all test patients", "test patients with all images")
    second = [
        _compared(channel, scores, *names) for channel, scores in made.items() for names in COMPARED
    ]
    titles = (
        "missing", "networks", "test patients", "mean",
        "95 % interval, seeds", "95 % interval, test patients", "seeds above 0",
    )  # fmt: skip
    return "\n\n".join(
        [first, page.table(heads, rows), "Differences of the AUROC:", page.table(titles, second)]
    )


def _summary(scores: Sequence[Scores], network: int, *, complete_only: bool = True) -> str:
    if network == NETWORKS.index(NO_PATIENTS) and not complete_only:
        return "cannot"
    values = [float(s.areas(complete_only=complete_only).values[network]) for s in scores]
    return f"{statistics.fmean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _compared(
    channel: str, scores: Sequence[Scores], one: str, other: str, complete_only: bool
) -> list[str]:
    of_seeds = [each.areas(complete_only=complete_only) for each in scores]
    change = difference(of_seeds, NETWORKS.index(one), NETWORKS.index(other))
    return [
        channel,
        f"{one} - {other}",
        "with all images" if complete_only else "all",
        f"{change.mean:+.3f}",
        *(f"{low:+.3f} to {high:+.3f}" for low, high in (change.seeds, change.patients)),
        f"{sum(value > 0 for value in change.each)} of {len(change.each)}",
    ]


def main() -> None:
    """Run all seeds; print the section and, on request, write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=Path("missing_images_benchmark"))
    parser.add_argument("--missing", nargs="+", choices=NAMES, default=["T1c_post_op"])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(100, 108)))
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--test_cases", type=int, default=160)
    parser.add_argument("--shape", type=int, nargs=3, default=(12, 14, 12), metavar=("Z", "Y", "X"))
    parser.add_argument("--width", type=int, default=8, help="features of the first stage")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--write", type=Path, metavar="FILE", help="page that is rewritten")
    chosen = parser.parse_args()
    if chosen.write:  # a page without its markers is found out now, not at the end
        page.rewrite(chosen.write.read_text(encoding="utf-8"), "missing images", "")
    made: dict[str, list[Scores]] = {channel: [] for channel in chosen.missing}
    for channel, scores in made.items():
        for seed in chosen.seeds:
            print(f"seed {seed}, missing {channel}", flush=True)
            scores.append(run(chosen.workspace / f"seed_{seed}", seed, channel, chosen))
    text = section(made, chosen)
    print(text)
    if chosen.write:
        page.write(chosen.write, "missing images", text)


if __name__ == "__main__":
    main()
