"""The tabular comparator with dose, clinical covariates, radiomic features and all of them.

    python -m benchmarks.radiomics --write documentation/benchmarks.md

For each seed a cohort is simulated and `ricenet_baseline` is fitted in the same folds with each
group of features, out-of-fold. Beside it stands what of the label each group can show at best: the
AUROC of the terms of the log odds that the simulation drew these very labels from, which the
hidden truth of the patients gives. Chance is 0.5.

The images show the middle of the head alone, where lesions and high doses lie: radiomic features
are computed on voxels of 1 mm, whatever the voxels of the image.

The simulation cannot show whether radiomics work in patients. Its lesions are balls that enhance as
a whole or as a ring, and their texture is one number, which first order has too; noise is white,
scanners are alike, and masks are those of the truth. In the clinic people draw masks, scanners
differ, and recurrences are of no one texture. It can show whether the comparator learns from
hundreds of columns what is there, and what it loses by those that say nothing.

Resumable: features and fits are kept in the workspace, and the same line goes on where it stopped.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

import ricenet_v2 as rn
from benchmarks import page
from ricenet_v2.core import documents
from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation.tabular.baseline import model_of
from ricenet_v2.evaluation.tabular.features import Features
from ricenet_v2.phantom import clinical, patient
from ricenet_v2.phantom.cohort import NAME, TRUTH_CSV, write_cohort
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.metrics import Evaluation, Metric
from ricenet_v2.store.paths import METRICS_JSON
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.tables import read_rows
from ricenet_v2.store.workspace import dataset_paths

SECTION, PLAN, AUROC = "radiomics", "small", "AUROC"
GROUPS: tuple[tuple[Features, ...], ...] = (
    ("dose",),
    ("covariates",),
    ("radiomics",),
    ("dose", "covariates"),
    ("dose", "covariates", "radiomics"),
)


@dataclass(frozen=True)
class Row:
    """What a group of features gave in one cohort.

    Attributes:
        auroc: Out-of-fold, with its interval over the patients.
        at_best: AUROC of the terms of the log odds that the group can show.
        columns: Number of predictors.
    """

    auroc: Metric
    at_best: float
    columns: int


def shown_by(seed: int, case: Case, hidden: Mapping[str, str]) -> dict[str, float]:
    """Terms of the log odds of recurrence of a patient, by the group of features that shows them.

    Args:
        seed: Seed of the cohort.
        case: Its covariates.
        hidden: Its row of phantom_truth.csv.
    """
    model = patient.ALL_INFORMATIVE
    drawn = patient.draw_patient(generator(seed, "phantom", case.case_id))
    nothing = {"margin": patient.MARGIN_MIDDLE_MM, "solidity": 0.0, "growth": 0.0}
    margin = drawn.target_radius - drawn.cavity_radius
    dose = patient.log_odds_of_lesion(
        float(hidden["relative_dose"]), model=model, **{**nothing, "margin": margin}
    )
    looks = patient.log_odds_of_lesion(
        patient.DOSE_MIDDLE, nothing["margin"], float(hidden["solidity"]), float(hidden["growth"]),
        model,
    )  # fmt: skip
    return {"dose": dose, "covariates": _of_facts(case.covariates), "radiomics": looks}


def _of_facts(covariates: Mapping[str, str]) -> float:
    """Logarithm of the ratio of the likelihoods of the facts that the simulation drew."""
    days = np.log(float(covariates["days_since_rt"]))
    likely = {
        is_recurrence: -((days - np.log(median)) ** 2) / (2 * clinical.DAYS_SPREAD**2)
        for is_recurrence, median in clinical.MEDIAN_DAYS.items()
    }
    ratio = float(likely[True] - likely[False])
    if not covariates["mgmt"]:
        return ratio
    shares = clinical.METHYLATED
    if covariates["mgmt"] == "methylated":
        return ratio + float(np.log(shares[True] / shares[False]))
    return ratio + float(np.log((1 - shares[True]) / (1 - shares[False])))


def run(workspace: Path, seed: int, chosen: argparse.Namespace) -> dict[str, Row]:
    """The cohort of a seed and each group of features, by its label."""
    n, mm = chosen.voxels, chosen.spacing
    folder = write_cohort(
        workspace / "raw" / NAME,
        cases=chosen.cases, test_cases=0, shape=(n, n, n), spacing=(mm, mm, mm), seed=seed,
        clinical_facts=True,
    )  # fmt: skip
    if not dataset_paths(NAME, workspace).plan(PLAN).is_file():
        rn.plan(folder, rn.PlanOptions(preset=PLAN, num_folds=chosen.folds), workspace=workspace)
    cases = load_raw_dataset(folder).cases
    hidden = {row["case_id"]: row for row in read_rows(folder / TRUTH_CSV)}
    terms = [shown_by(seed, case, hidden[case.case_id]) for case in cases]
    truth = np.array([case.label == "recurrence" for case in cases])
    rows = {}
    for group in GROUPS:
        evaluation, columns = _fitted(workspace, group, chosen)
        best = [sum(term[name] for name in group) for term in terms]
        rows[" + ".join(group)] = Row(
            next(metric for metric in evaluation.metrics if metric.name == AUROC),
            float(roc_auc_score(truth, best)),
            columns,
        )
    return rows


def _fitted(
    workspace: Path, group: Sequence[Features], chosen: argparse.Namespace
) -> tuple[Evaluation, int]:
    """Metrics and number of predictors; those of an earlier run where it came to its end."""
    model = model_of(dataset_paths(NAME, workspace), group)
    metrics = model.crossval / METRICS_JSON
    if not metrics.is_file():
        rn.baseline(
            NAME, group, n_bootstrap=chosen.n_bootstrap, num_workers=chosen.workers,
            workspace=workspace,
        )  # fmt: skip
    (first, *_) = read_rows(model.features)
    return documents.read(Evaluation, metrics), len(set(first) - {"case_id"})


def section(seeds: Sequence[Mapping[str, Row]], chosen: argparse.Namespace) -> str:
    """The table."""
    first = (
        f"{chosen.cases} simulated patients for each of {len(seeds)} seeds, {chosen.folds} folds, "
        f"{chosen.voxels} x {chosen.voxels} x {chosen.voxels} voxels of {chosen.spacing:g} mm; "
        f"{page.machine('mirp', 'scikit-learn')}. Out-of-fold AUROC, chance 0.5:"
    )
    heads = (
        "features", "columns", "mean", "of each seed (95 % interval over patients)", "at best, mean"
    )  # fmt: skip
    rows = []
    for name, row in seeds[0].items():
        each = [of_seed[name] for of_seed in seeds]
        values = [_value(result_of_seed.auroc) for result_of_seed in each]
        rows.append(
            (
                name,
                row.columns,
                f"{statistics.fmean(values):.3f}",
                ", ".join(_shown(result_of_seed.auroc) for result_of_seed in each),
                f"{statistics.fmean(result_of_seed.at_best for result_of_seed in each):.3f}",
            )
        )
    return f"{first}\n\n{page.table(heads, rows)}"


def _value(metric: Metric) -> float:
    if metric.value is None:
        raise SystemExit("The AUROC is not defined: there are too few patients of a class.")
    return metric.value


def _shown(metric: Metric) -> str:
    return f"{_value(metric):.3f} ({metric.low:.3f} to {metric.high:.3f})"


def main() -> None:
    """Run all seeds; print the section and, on request, write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=Path("radiomics_benchmark"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--voxels", type=int, default=22, help="along each axis")
    parser.add_argument("--spacing", type=float, default=5.0, help="mm along each axis")
    parser.add_argument("--n_bootstrap", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=1, help="processes that compute features")
    parser.add_argument("--write", type=Path, metavar="FILE", help="page that is rewritten")
    chosen = parser.parse_args()
    if chosen.write:  # a page without its markers is found out now, not at the end
        page.rewrite(chosen.write.read_text(encoding="utf-8"), SECTION, "")
    seeds = []
    for seed in chosen.seeds:
        print(f"seed {seed}", flush=True)
        seeds.append(run(chosen.workspace / f"seed_{seed}", seed, chosen))
    text = section(seeds, chosen)
    print(text)
    if chosen.write:
        page.write(chosen.write, SECTION, text)


if __name__ == "__main__":
    main()
