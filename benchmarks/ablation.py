"""Whether the ablation of a simulated cohort ranks the channels as the simulation does.

    python -m benchmarks.ablation --shape 16 20 16 --width 8 --epochs 72 --seeds 0 1 2 \
        --write documentation/benchmarks.md

A cohort of the paper's size (80 + 12 cases) for each seed, ricenet_ablate on it, and the ranking of
the mean out-of-fold AUROCs. Resumable: the same line goes on where it stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import special
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from benchmarks import page
from ricenet_v2.cli import ablate, plan_and_preprocess
from ricenet_v2.core import documents
from ricenet_v2.phantom import images, patient
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.records.ablation import Ablation
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.workspace import dataset_paths

PLAN = "small"
POST_OP, EVENT, DOSE = "T1c_post_op", "T1c_event", "dose"
METRICS = ("AUROC", "macro F1")
# What each channel shows of the hidden truth: columns of `hidden`.
SHOWN = {
    POST_OP: ("cavity radius", "cavity side"),
    EVENT: ("cavity radius", "cavity side", "distance", "lesion radius", "solidity"),
    DOSE: ("cavity side", "target radius", "prescription"),
}
# Where a lesion lies in a dose map is seen only with both.
TOGETHER = {frozenset((EVENT, DOSE)): ("dose of the lesion",)}


def hidden(n: int, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Hidden values of simulated patients by name, and whether each has a recurrence."""
    random, rows, truth = np.random.default_rng(seed), [], []
    for _ in range(n):
        phantom = patient.draw_patient(random)
        # Points spread over a ball, whose mean dose is that of the lesion.
        spread = random.normal(size=(60, 3)) * phantom.lesion_radius / np.sqrt(5)
        away = np.linalg.norm(np.array(phantom.lesion) + spread - np.array(phantom.cavity), axis=1)
        dose = _relative_dose(away - phantom.target_radius)
        odds = patient.log_odds_of_recurrence(phantom, dose)
        truth.append(patient.draw_recurrence(odds, random))
        rows.append(
            {
                "cavity radius": phantom.cavity_radius,
                "cavity side": abs(phantom.cavity[2]),
                "distance": float(
                    np.linalg.norm(np.array(phantom.lesion) - np.array(phantom.cavity))
                ),
                "lesion radius": phantom.lesion_radius,
                "solidity": phantom.solidity,
                "target radius": phantom.target_radius,
                "prescription": phantom.prescription,
                "dose of the lesion": dose,
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}, np.array(truth)


def _relative_dose(beyond: np.ndarray) -> float:
    """Dose of `phantom.images.dose_in_gy` without its unevenness; `beyond` the target in mm."""
    plateau = 0.5 * special.erfc((beyond - images.PENUMBRA_MM) / (np.sqrt(2) * images.PENUMBRA_MM))
    bath = images.BATH_SHARE * np.exp(-np.clip(beyond, 0, None) / images.BATH_MM)
    return float((bath + (1 - bath) * plateau).mean())


def allowed(channels: Sequence[str], columns: dict[str, np.ndarray], truth: np.ndarray) -> float:
    """AUROC of boosted trees on the hidden values that the channels show, in five folds."""
    names = {name for channel in channels for name in SHOWN[channel]}
    for needed, more in TOGETHER.items():
        names |= set(more) if needed <= set(channels) else set()
    table = np.column_stack([columns[name] for name in sorted(names)])
    trees = HistGradientBoostingClassifier(
        max_depth=3, max_iter=150, learning_rate=0.05, random_state=0
    )
    probabilities = cross_val_predict(trees, table, truth, cv=5, method="predict_proba")[:, 1]
    return float(roc_auc_score(truth, probabilities))


def run(workspace: Path, seed: int, chosen: argparse.Namespace) -> Ablation:
    """One cohort and its ablation; what is there is kept."""
    z, y, x = chosen.shape
    head = (180.0 / z, 216.0 / y, 180.0 / x)  # the head fills the grid at any size
    write_cohort(
        workspace / "raw" / NAME,
        cases=80, test_cases=12, shape=(z, y, x), spacing=head, seed=seed,
    )  # fmt: skip
    words = [NAME, "--workspace", str(workspace)]
    paths = dataset_paths(NAME, workspace)
    if not paths.plan(PLAN).is_file():
        if plan_and_preprocess.main([*words, "--preset", PLAN, "--num_workers", "1"]):
            raise SystemExit("The cohort could not be planned.")
        _narrow(paths.plan(PLAN), chosen.width)
    words += ["--plan", PLAN, "--epochs", str(chosen.epochs), "--seed", str(seed)]
    words += ["--executor", chosen.executor, "--num_threads", "1", "--num_workers", "0"]
    if ablate.main([*words, "--permutation_repeats", "2", "--device", chosen.device]):
        raise SystemExit("Some trainings failed.")
    return documents.read(Ablation, paths.run(PLAN).ablation("channel") / "ablation.json")


def _narrow(file: Path, width: int) -> None:
    """Give the network of a plan fewer features: `width` in its first stage."""
    plan = documents.read(Plan, file)
    features = tuple(width * 2**stage for stage in range(len(plan.network.features)))
    network = dataclasses.replace(plan.network, features=features)
    documents.write(file, dataclasses.replace(plan, network=network))


def section(ablations: Sequence[Ablation], chosen: argparse.Namespace) -> str:
    """The table of means over the seeds, and the verdict."""
    columns, truth = hidden(8000)
    values = {name: [_values(ablation, name) for ablation in ablations] for name in METRICS}
    rows = []
    for subset in ablations[0].subsets:
        scores = {name: [each[subset.name] for each in values[name]] for name in METRICS}
        rows.append(
            (
                subset.name,
                f"{statistics.fmean(scores['AUROC']):.3f}",
                ", ".join(f"{value:.3f}" for value in scores["AUROC"]),
                f"{statistics.fmean(scores['macro F1']):.3f}",
                f"{allowed(subset.channels, columns, truth):.3f}",
            )
        )
    heads = ("subset", "AUROC, mean", "of each seed", "macro F1, mean",
             "AUROC that the hidden truth allows")  # fmt: skip
    first = (
        f"Out-of-fold, 80 cases a cohort, {len(ablations)} seeds; "
        f"{' x '.join(map(str, chosen.shape))} voxels, {chosen.width} features in the first "
        f"stage, {chosen.epochs} epochs; "
        f"{page.machine('torch', 'scikit-learn')}."
    )
    means = {
        subset.name: statistics.fmean(each[subset.name] for each in values["AUROC"])
        for subset in ablations[0].subsets
    }
    return "\n\n".join([first, page.table(heads, rows), shapley(ablations), verdict(means)])


def _values(ablation: Ablation, metric: str) -> dict[str, float]:
    return {
        row.subset: estimate.value
        for row in ablation.tables[0].rows
        for estimate in row.metrics
        if estimate.name == metric and estimate.value is not None
    }


def shapley(ablations: Sequence[Ablation]) -> str:
    """Mean Shapley values of the AUROC."""
    contributions: dict[str, list[float]] = {}
    for ablation in ablations:
        for each in ablation.tables[0].contributions:
            if each.metric == "AUROC" and each.value is not None:
                contributions.setdefault(each.group, []).append(each.value)
    means = [f"{name} {statistics.fmean(values):+.3f}" for name, values in contributions.items()]
    return f"Shapley values of the AUROC, means over the seeds: {', '.join(means)}."


def verdict(means: dict[str, float]) -> str:
    """Whether the ranking that was expected came out."""
    pairs = {name: value for name, value in means.items() if name.count("+") == 1}
    best = max(pairs, key=lambda name: pairs[name])
    claims = {
        f"dose above {POST_OP}": means[DOSE] > means[POST_OP],
        f"dose above {EVENT}": means[DOSE] > means[EVENT],
        f"the best pair ({best}) at least equal to dose alone "
        f"({pairs[best] - means[DOSE]:+.4f})": pairs[best] >= means[DOSE],
    }
    answers = [f"{claim}: {'yes' if holds else 'no'}" for claim, holds in claims.items()]
    return "; ".join(answers)


def main() -> None:
    """Run all seeds; print the section and, on request, write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=Path("ablation_benchmark"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--shape", type=int, nargs=3, default=(12, 14, 12), metavar=("Z", "Y", "X"))
    parser.add_argument("--width", type=int, default=8, help="features of the first stage")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--executor", default="serial")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--write", type=Path, metavar="FILE", help="page that is rewritten")
    chosen = parser.parse_args()
    ablations = []
    for seed in chosen.seeds:
        print(f"seed {seed}", flush=True)
        ablations.append(run(chosen.workspace / f"seed_{seed}", seed, chosen))
    text = section(ablations, chosen)
    print(text)
    if chosen.write:
        page.write(chosen.write, "ablation", text)


if __name__ == "__main__":
    main()
