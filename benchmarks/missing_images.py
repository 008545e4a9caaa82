"""Patients who lack images: learning from them, against leaving them or the channel out.

    python -m benchmarks.missing_images --write documentation/benchmarks.md

Simulated cohorts of the paper's size in which 30 % of the patients lack the image after surgery,
in training and in the test set. Four networks for each seed, trained on all training cases:

- allowed: all patients, planned with --allow_missing_channels;
- without the channel: all patients, the image after surgery of nobody;
- without the patients: all channels, those patients only who have them;
- nothing missing: the same patients with all of their images, the best that could be.

Resumable: the same line goes on where it stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special

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
POST_OP, RATE = "T1c_post_op", 0.3
ALLOWED, NO_CHANNEL, NO_PATIENTS, WHOLE = (
    "allowed", "without the channel", "without the patients", "nothing missing",
)  # fmt: skip
OTHERS = tuple(channel.name for channel in CHANNELS if channel.name != POST_OP)


@dataclasses.dataclass(frozen=True)
class Scores:
    """Log odds of recurrence of the test cases by each network, axes (networks, cases).

    Attributes:
        names: Of the networks.
        values: Log odds.
        truth: Whether each case is a recurrence.
        complete: Whether each case has all of its images in the cohort with missing ones.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    truth: NDArray[np.bool_]
    complete: NDArray[np.bool_]

    def areas(self, *, complete_only: bool) -> Areas:
        """AUROCs with their covariance."""
        chosen = self.complete if complete_only else np.ones_like(self.complete)
        patients = Patients.of([str(n) for n in range(int(chosen.sum()))])
        found = areas(self.values[:, chosen], self.truth[chosen], patients)
        if found is None:
            raise SystemExit("There are too few test patients of a class.")
        return found


def run(workspace: Path, seed: int, chosen: argparse.Namespace) -> Scores:
    """The cohort of a seed, its networks and their predictions of the test cases."""
    missing = _cohort(workspace / "missing", seed, chosen, {POST_OP: RATE})
    whole = _cohort(workspace / "whole", seed, chosen, {})
    lacking = {case.case_id for case in missing.cases if missing.absent(case)}
    few = _without(workspace / "few", whole, lacking)
    ways = {
        ALLOWED: (missing, None, True),
        NO_CHANNEL: (whole, OTHERS, False),
        NO_PATIENTS: (few, None, False),
        WHOLE: (whole, None, False),
    }
    found = {
        name: _predicted(raw, channels, seed, chosen, allow_missing=allow)
        for name, (raw, channels, allow) in ways.items()
    }
    cases = whole.split("test")
    recurrence = whole.dataset.positive_index
    rows = [
        [_log_odds(by_case[c.case_id], recurrence) for c in cases] for by_case in found.values()
    ]
    return Scores(
        tuple(found),
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
        workspace / "raw" / NAME,
        cases=chosen.cases, test_cases=chosen.test_cases, shape=(z, y, x), spacing=head, seed=seed,
        missing_images=rates,
    )  # fmt: skip
    return load_raw_dataset(folder)


def _without(workspace: Path, whole: RawDataset, lacking: set[str]) -> RawDataset:
    """The cohort without those training patients."""
    folder = workspace / "raw" / NAME
    if not folder.is_dir():
        shutil.copytree(whole.folder, folder)
    left = [c for c in whole.cases if c.split == "test" or c.case_id not in lacking]
    write_cases(folder, left)
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
    options = rn.PlanOptions(preset=PLAN, allow_missing_channels=allow_missing)
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


def difference(
    found: Sequence[Areas], one: int, other: int
) -> tuple[float, float, float, list[float]]:
    """Mean of the differences of the seeds, the ends of its 95 % interval, and each of them.

    Seeds are other patients and other weights, so that their errors are independent; the interval
    is that of the patients of the test sets.
    """
    changes = [float(each.values[one] - each.values[other]) for each in found]
    variances = [
        each.covariance[one, one] + each.covariance[other, other] - 2 * each.covariance[one, other]
        for each in found
    ]
    mean = statistics.fmean(changes)
    reach = 1.959964 * float(np.sqrt(sum(variances))) / len(found)
    return mean, mean - reach, mean + reach, changes


def section(made: Sequence[Scores], chosen: argparse.Namespace) -> str:
    """The two tables and what they say."""
    names = made[0].names
    every = [each.areas(complete_only=False) for each in made]
    complete = [each.areas(complete_only=True) for each in made]
    n_complete = ", ".join(str(int(each.complete.sum())) for each in made)
    rows = []
    for index, name in enumerate(names):
        cells = [name]
        for found in (every, complete):
            values = [float(each.values[index]) for each in found]
            is_blind = name == NO_PATIENTS and found is every
            listed = ", ".join(f"{value:.3f}" for value in values)
            cells.append("cannot" if is_blind else f"{statistics.fmean(values):.3f} ({listed})")
        rows.append(cells)
    first = (
        f"{chosen.cases} training and {chosen.test_cases} test patients for each of {len(made)} "
        f"seeds, of whom {RATE:.0%} lack {POST_OP} ({n_complete} test patients have it); "
        f"{' x '.join(map(str, chosen.shape))} voxels, {chosen.width} features in the first stage, "
        f"{chosen.epochs} epochs; {page.machine('torch')}. AUROC, mean and that of each seed:"
    )
    second = [
        _compared(f"against {names[1]}, all test patients", every, 1),
        _compared(f"against {names[1]}, test patients with all images", complete, 1),
        _compared(f"against {names[2]}, test patients with all images", complete, 2),
        _compared(f"against {names[3]}, all test patients", every, 3),
    ]
    heads = ("network", "all test patients", "test patients with all images")
    return "\n\n".join(
        [
            first,
            page.table(heads, rows),
            f"Difference of the AUROC of the network that is {ALLOWED} to lack images:",
            page.table(("", "mean", "95 % interval", "of each seed"), second),
        ]
    )


def _compared(title: str, found: Sequence[Areas], other: int) -> list[str]:
    mean, low, high, each = difference(found, 0, other)
    of_seeds = ", ".join(f"{value:+.3f}" for value in each)
    return [title, f"{mean:+.3f}", f"{low:+.3f} to {high:+.3f}", of_seeds]


def main() -> None:
    """Run all seeds; print the section and, on request, write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=Path("missing_images_benchmark"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cases", type=int, default=80)
    parser.add_argument("--test_cases", type=int, default=160)
    parser.add_argument("--shape", type=int, nargs=3, default=(12, 14, 12), metavar=("Z", "Y", "X"))
    parser.add_argument("--width", type=int, default=8, help="features of the first stage")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--write", type=Path, metavar="FILE", help="page that is rewritten")
    chosen = parser.parse_args()
    if chosen.write:  # a page without its markers is found out now, not at the end
        page.rewrite(chosen.write.read_text(encoding="utf-8"), "missing images", "")
    made = []
    for seed in chosen.seeds:
        print(f"seed {seed}", flush=True)
        made.append(run(chosen.workspace / f"seed_{seed}", seed, chosen))
    found = section(made, chosen)
    print(found)
    if chosen.write:
        page.write(chosen.write, "missing images", found)


if __name__ == "__main__":
    main()
