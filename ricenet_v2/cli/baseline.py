"""ricenet_baseline: logistic regression on dose statistics and covariates, on the same folds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ricenet_v2.cli import common, numbers

if TYPE_CHECKING:
    from ricenet_v2.store.paths import DatasetPaths


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Fit a logistic regression on dose statistics and covariates in the folds of the networks, "
        "evaluate it, and compare it with them."
    )
    parser.add_argument(
        "dataset", help="id, name or path of the raw dataset folder; it must have folds"
    )
    parser.add_argument(
        "--features",
        nargs="+",
        choices=("dose", "covariates"),
        default=["dose", "covariates"],
        help="features that the logistic regression uses",
    )
    parser.add_argument(
        "--against",
        default="auto__all",
        metavar="RUN",
        help="model folder that the baseline is compared with",
    )
    parser.add_argument(
        "--n_bootstrap",
        type=numbers.draws,
        default=2000,
        help="bootstrap samples of a band, or permutations of a test",
    )
    parser.add_argument(
        "--seed",
        type=numbers.seed,
        default=0,
        help="random seed of the inner folds and of the resampling",
    )
    common.add_workspace(parser)
    return parser


def baseline(
    dataset: str,
    *,
    features: Sequence[Literal["dose", "covariates"]] = ("dose", "covariates"),
    against: str = "auto__all",
    n_bootstrap: int = 2000,
    seed: int = 0,
    workspace: Path | None = None,
) -> int:
    """Fit, evaluate and compare; the arguments are those of the command.

    Returns:
        0.
    """
    from ricenet_v2.cli.evaluate import evaluate
    from ricenet_v2.core.locks import using
    from ricenet_v2.evaluation.aligned_runs import models_of
    from ricenet_v2.evaluation.tabular.baseline import PLAN, model_of, run_baseline
    from ricenet_v2.store.paths import PREDICTIONS_CSV, dataset_paths
    from ricenet_v2.store.positive import positive_of_any

    paths = dataset_paths(dataset, workspace)
    with using(writes=[model_of(paths, features).folder]):
        baseline_run = run_baseline(paths, features, seed)
    print(f"Columns: {', '.join(baseline_run.columns)}")
    print(f"Penalty C chosen inside the training cases of each fold: {baseline_run.penalties}")
    models = [*models_of([against], paths), baseline_run.model]
    positive = positive_of_any(models, paths.raw)
    evaluate(
        dataset,
        plan=PLAN,
        channels=baseline_run.label,
        positive_class=positive,
        n_bootstrap=n_bootstrap,
        seed=seed,
        workspace=workspace,
    )
    if baseline_run.has_test:
        print(f"Predictions of the test cases: {baseline_run.model.predictions / PREDICTIONS_CSV}")
    print(_against(paths, against, baseline_run.model.folder.name, positive, n_bootstrap, seed))
    return common.OK


def _against(
    paths: DatasetPaths,
    run: str,
    baseline_name: str,
    positive_class: str | None,
    n_bootstrap: int,
    seed: int,
) -> str:
    """The comparison in one line."""
    from ricenet_v2.cli.evaluate_tables import number
    from ricenet_v2.core.errors import DatasetError
    from ricenet_v2.evaluation.aligned_runs import model_of, on_same_cases, read_run
    from ricenet_v2.evaluation.comparisons import compare
    from ricenet_v2.evaluation.evaluation_input import positive_index
    from ricenet_v2.evaluation.selection import selection_of

    try:
        alike = on_same_cases({name: read_run(name, paths) for name in (run, baseline_name)})
    except DatasetError as error:
        return f"Not compared with {run}: {error.what}"
    positive = positive_index(next(iter(alike.runs.values())), positive_class)
    pairs = compare(alike, positive, n_bootstrap, seed).pairs
    pair = next(pair for pair in pairs if pair.figure == "AUROC")
    if pair.difference is None:
        return f"Not compared with {run}: {pair.warning}"
    model = model_of(run, paths)
    remarks = (pair.warning, "" if model is None else selection_of(model))
    lines = "".join(f"\n{remark}" for remark in remarks if remark)
    return (
        f"AUROC of {run} {number(pair.value_a)}, of {baseline_name} {number(pair.value_b)}: "
        f"difference {number(pair.difference)} ({number(pair.low)} to {number(pair.high)}), "
        f"p = {number(pair.p)} ({pair.test.split(',')[0]}, {pair.n} cases){lines}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = vars(build_parser().parse_args(argv))
    return common.run(lambda: baseline(**options), "ricenet_baseline", argv)


if __name__ == "__main__":
    sys.exit(main())
