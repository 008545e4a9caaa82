"""What helps a small cohort to generalise: settings of the plan, each compared with the base.

    python -m benchmarks.generalisation --seeds 3 --epochs 40 --write documentation/benchmarks.md
    python -m benchmarks.generalisation --cohorts adrenal --npz adrenalmnist3d.npz --spacing 2 \
        --seeds 1 --epochs 6 --write documentation/benchmarks.md

Two cohorts: the phantom at the size of the paper (80 + 12 cases) and AdrenalMNIST3D. Every variant
is trained with the same folds and seeds as the base; the metrics are those of the out-of-fold
cases of each fold. Resumable: the same line goes on where it stopped, and keeps finished folds.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks import page
from benchmarks.cohorts import ADRENAL, PHANTOM, Cohort, cohort
from benchmarks.generalisation_table import BASE, NO_BANDS, VARIANTS, Result, section
from ricenet_v2.evaluation import confusion_matrix
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.inference.prior import predicted_classes
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.cases import read_array, read_record
from ricenet_v2.training.fold import train_fold
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.process_group import ProcessGroup, joined
from ricenet_v2.training.training_setup import TrainingSetup


def variants_of(plan: Plan, wanted: Sequence[str]) -> dict[str, dict[str, str]]:
    """The variants that differ from the plan, the base first."""
    same = {
        *([] if any(plan.network.levels) else [NO_BANDS]),
        f"{plan.network.norm} norm",
        *(["dropout 0"] if plan.network.dropout == 0 else []),
        *(["no label smoothing"] if plan.training.label_smoothing == 0 else []),
    }
    return {
        name: settings
        for name, settings in VARIANTS.items()
        if name == BASE or (name not in same and (not wanted or name in wanted))
    }


def train(
    cohort: Cohort,
    variant: str,
    seed: int,
    fold: int,
    settings: Mapping[str, str],
    process_group: ProcessGroup,
) -> Result:
    """Train a fold, or read what was trained, and count its metrics."""
    paths = cohort.runs(variant, seed)
    options = TrainOptions(resume=True, overrides=settings, seed=seed)
    raw, plan = cohort.raw, cohort.plan
    if variant == NO_BANDS:
        plan = dataclasses.replace(plan, network=dataclasses.replace(plan.network, levels=()))
    setup = TrainingSetup(
        paths, plan, raw.dataset, raw.cases, cohort.splits, options, process_group
    )
    train_fold(setup, fold)
    files = paths.run(cohort.plan.name).fold(fold)
    rows = _rows(files.validation)
    probabilities = np.array(
        [[float(row[f"prob_{name}"]) for name in cohort.plan.classes] for row in rows]
    )
    seconds = sum(float(row["seconds"]) for row in _rows(files.history))
    labels = [row["label"] for row in rows]
    calls = [row["predicted"] for row in rows]
    return _result(cohort, variant, seed, fold, labels, calls, probabilities, seconds)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _result(
    cohort: Cohort,
    variant: str,
    seed: int,
    fold: int | None,
    labels: Sequence[str],
    calls: Sequence[str],
    probabilities: np.ndarray,
    seconds: float,
) -> Result:
    classes = cohort.plan.classes
    truth = np.array([classes.index(label) for label in labels])
    predicted = np.array([classes.index(call) for call in calls])
    counts = confusion_matrix.confusion(truth, predicted, len(classes))
    positive = cohort.raw.dataset.positive_index
    auroc = roc_auc_score(truth == positive, probabilities[:, positive])
    f1 = float(confusion_matrix.macro_f1(counts))
    return Result(cohort.name, variant, seed, fold, f1, float(auroc), len(truth), seconds)


def held_out(cohort: Cohort, seed: int) -> list[Result]:
    """The held-out cases by each fold of the base alone, and by the five together."""
    ensemble = load_ensemble(cohort.runs(BASE, seed).run(cohort.plan.name).folder, device="cpu")
    folder, cases = cohort.paths.cases(cohort.plan.name), cohort.raw.split("test")
    predictions = [
        ensemble.predict(read_array(folder, c.case_id), read_record(folder, c.case_id))
        for c in cases
    ]
    labels = [case.label for case in cases]
    together = np.array([p.probabilities for p in predictions])
    single = np.array([[m.probabilities for m in p.members] for p in predictions])
    calls = [p.predicted for p in predictions]
    results = [_result(cohort, "five folds", seed, None, labels, calls, together, 0.0)]
    for index, fold in enumerate(sorted(ensemble.members)):
        alone = single[:, index]
        by_one = predicted_classes(alone, ensemble.odds.priors[fold].shares)
        calls = [cohort.plan.classes[call] for call in by_one]
        results.append(_result(cohort, "one fold", seed, fold, labels, calls, alone, 0.0))
    return results


def setup(
    cohort: Cohort, chosen: argparse.Namespace, process_group: ProcessGroup
) -> Iterator[Result]:
    """Every run of a cohort; seeds outermost, so that a study cut short is still balanced."""
    settings = variants_of(cohort.plan, chosen.variants)
    todo = [(s, v, f) for s in range(chosen.seeds) for v in settings for f in chosen.folds]
    spent: list[float] = []
    for number, (seed, variant, fold) in enumerate(todo):
        overrides = {**settings[variant], "epochs": str(chosen.epochs)}
        result = train(cohort, variant, seed, fold, overrides, process_group)
        spent.append(result.seconds)
        left = statistics.fmean(spent) * (len(todo) - number - 1) / 3600
        print(f"{cohort.name}, {variant}, seed {seed}, fold {fold}: {result}", flush=True)
        print(f"about {left:.1f} hours left for this cohort", flush=True)
        yield result
    for seed in range(chosen.seeds):
        if len(chosen.folds) == len(cohort.splits.folds):
            yield from held_out(cohort, seed)


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--npz", type=Path, help="adrenalmnist3d.npz")
    parser.add_argument("--workspace", type=Path, default=Path("generalisation_benchmark"))
    parser.add_argument("--cohorts", nargs="+", choices=("phantom", "adrenal"))
    parser.add_argument("--variants", nargs="+", default=[], choices=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--shape", type=int, nargs=3, default=(28, 32, 28), help="of the phantom")
    parser.add_argument("--spacing", type=float, help="mm, of AdrenalMNIST3D instead of the plan's")
    parser.add_argument("--preset", default="auto", help="of the plan; small is the cheapest")
    parser.add_argument("--device")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="page whose section is rewritten"
    )
    chosen = parser.parse_args()
    chosen.cohorts = chosen.cohorts or ["phantom", *(["adrenal"] if chosen.npz else [])]
    return chosen


def main() -> None:
    """Run the study; write the results of each cohort and, on request, its section."""
    chosen = arguments()
    if chosen.write:  # a page without its markers is found out now, not after hours
        for key in chosen.cohorts:
            page.rewrite(chosen.write.read_text(encoding="utf-8"), f"generalisation {key}", "")
    names = {"phantom": PHANTOM, "adrenal": ADRENAL}
    with joined(chosen.device) as process_group:
        for key in chosen.cohorts:
            planned = cohort(
                chosen.workspace,
                names[key],
                chosen.npz,
                chosen.shape,
                chosen.spacing,
                chosen.preset,
            )
            results = list(setup(planned, chosen, process_group))
            text = json.dumps([asdict(result) for result in results], indent=1)
            (chosen.workspace / f"generalisation_{key}.json").write_text(text, encoding="utf-8")
            markdown = section(results, planned, chosen.epochs, process_group.device)
            print(markdown)
            if chosen.write:
                page.write(chosen.write, f"generalisation {key}", markdown)


if __name__ == "__main__":
    main()
