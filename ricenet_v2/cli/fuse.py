"""ricenet_fuse: the network and clinical covariates in one model, from out-of-fold predictions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli import common

if TYPE_CHECKING:
    from ricenet_v2.records.comparison import Comparison
    from ricenet_v2.records.fusion import Fusion


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Fit a logistic regression on the log odds of the trained networks and on covariates of "
        "cases.csv, compare it with the image alone and the covariates alone on held-out folds, "
        "and store it with the model."
    )
    parser.add_argument("dataset", help="dataset whose folds are trained")
    parser.add_argument(
        "--covariates",
        nargs="+",
        required=True,
        metavar="COLUMN",
        help="columns of cases.csv that are added to the image",
    )
    common.add_model(parser)
    common.add_resampling(parser)
    common.add_workspace(parser)
    return parser


def fuse(dataset: str, *, covariates: Sequence[str], **options: Any) -> int:
    """Fuse; the arguments are those of the command.

    Returns:
        0.
    """
    from ricenet_v2.api.fusion import fused

    fusion, result, model = fused(dataset, covariates, **options)
    show(fusion, result.comparison)
    print(f"Out-of-fold predictions of both: {model.fused}")
    print(f"Fusion: {model.fusion}. ricenet_predict --covariates_table FILE applies it.")
    return common.OK


def show(fusion: Fusion, comparison: Comparison) -> None:
    """Print the metrics side by side, their differences, and the weights."""
    from ricenet_v2.evaluation.fusion.write import metric_rows, weight_rows, weighted_classes

    common.table(
        f"Out-of-fold: {fusion.n_cases} cases of {fusion.n_patients} patients, 95% intervals",
        ("metric", *(side.name for side in fusion.compared)),
        metric_rows(fusion),
    )
    common.table(
        "Differences, tested on pairs",
        ("metric", "difference", "value", "95% interval", "p", "p (Holm)"),
        _differences(comparison),
    )
    common.table(
        f"Weights per standard deviation, in log odds (penalty C {fusion.penalty:g})",
        ("column", *weighted_classes(fusion), "not known"),
        weight_rows(fusion),
    )
    if fusion.warning:
        print(f"Note: {fusion.warning}.")
    print(fusion.note)


def _differences(comparison: Comparison) -> list[tuple[str, ...]]:
    from ricenet_v2.core import html

    return [
        (
            pair.metric,
            f"{pair.a} - {pair.b}",
            html.number(pair.difference),
            html.interval(pair.low, pair.high),
            html.p_value(pair.p),
            html.p_value(pair.p_holm),
        )
        for pair in comparison.pairs
        if pair.metric.startswith(("AUROC", "balanced accuracy", "log loss"))
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = vars(build_parser().parse_args(argv))
    return common.run(lambda: fuse(**options), "ricenet_fuse", argv)


if __name__ == "__main__":
    sys.exit(main())
