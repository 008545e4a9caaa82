"""ricenet_baseline: logistic regression on dose, covariates and radiomics, on the same folds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli import common, numbers
from ricenet_v2.core.machine import n_cores
from ricenet_v2.core.packages import installing

if TYPE_CHECKING:
    from ricenet_v2.evaluation.tabular.baseline import Baseline
    from ricenet_v2.records.comparison import Pair

_MOST_COLUMNS = 50


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Fit a logistic regression on dose statistics, covariates and radiomic features in the "
        "folds of the networks, evaluate it, and compare it with them."
    )
    parser.add_argument(
        "dataset", help="id, name or path of the raw dataset folder; it must have folds"
    )
    parser.add_argument(
        "--features",
        nargs="+",
        choices=("dose", "covariates", "radiomics"),
        default=["dose", "covariates"],
        help="features that the logistic regression uses; radiomics needs lesion masks and "
        + installing("radiomics"),
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
        help="random draws for consistency bands, or permutations of a test",
    )
    parser.add_argument(
        "--seed",
        type=numbers.seed,
        default=0,
        help="random seed of the inner folds and of the resampling",
    )
    parser.add_argument(
        "--num_workers",
        type=numbers.processes,
        default=min(8, n_cores()),
        metavar="N",
        help="largest number of processes that compute radiomic features",
    )
    common.add_workspace(parser)
    return parser


def baseline(dataset: str, *, against: str, **options: Any) -> int:
    """Fit, evaluate and compare; the arguments are those of the command.

    Returns:
        0.
    """
    from ricenet_v2.api.baseline import baseline as fit
    from ricenet_v2.cli.evaluate import show_folder, show_result
    from ricenet_v2.store.paths import PREDICTIONS_CSV

    result = fit(dataset, against=against, **options)
    fitted = result.fitted
    print(_columns(fitted))
    print(f"Penalty C chosen inside the training cases of each fold: {fitted.penalties}")
    if fitted.kept:
        print(f"Radiomic features kept, chosen in the same way: {fitted.kept}")
    show_result(result.evaluation)
    show_folder(result.evaluation)
    if fitted.has_test:
        print(f"Predictions of the test cases: {fitted.model.predictions / PREDICTIONS_CSV}")
    if result.comparison is None or result.comparison.difference is None:
        print(f"Not compared with {against}: {result.remark}")
    else:
        print("\n".join(filter(None, (_line(result.comparison, against), result.remark))))
    return common.OK


def _columns(fitted: Baseline) -> str:
    """The columns by name, or their number where nobody would read them."""
    if len(fitted.columns) > _MOST_COLUMNS:
        return f"{len(fitted.columns)} columns, see {fitted.model.features}"
    return f"Columns: {', '.join(fitted.columns)}"


def _line(pair: Pair, against: str) -> str:
    """The comparison in one line."""
    from ricenet_v2.cli.evaluate_tables import number

    return (
        f"AUROC of {against} {number(pair.value_a)}, of {pair.b} {number(pair.value_b)}: "
        f"difference {number(pair.difference)} ({number(pair.low)} to {number(pair.high)}), "
        f"p = {number(pair.p)} ({pair.test.split(',')[0]}, {pair.n} cases)"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = common.parsed(build_parser(), argv)
    return common.run(lambda: baseline(**options), "ricenet_baseline", argv)


if __name__ == "__main__":
    sys.exit(main())
