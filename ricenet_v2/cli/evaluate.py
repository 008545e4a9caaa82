"""ricenet_evaluate: metrics with intervals."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli import common, numbers

if TYPE_CHECKING:
    from ricenet_v2.api.evaluation_result import EvaluationResult


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Metrics of the pooled out-of-fold predictions of a dataset, or of predictions with truths."
    )
    parser.add_argument(
        "dataset", nargs="?", help="dataset whose out-of-fold predictions are evaluated"
    )
    common.add_model(parser)
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="PREDICTIONS",
        help="predictions.csv, or its folder, that is evaluated instead; with a dataset, its "
        "thresholds and labels are used",
    )
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="table with case_id and label, optionally patient_id and covariates; with a dataset"
        " alone, its folds are evaluated by these labels",
    )
    parser.add_argument(
        "--allow_missing",
        action="store_true",
        help="leave out cases without a prediction or a label, and list them",
    )
    parser.add_argument(
        "--positive_class", help="positive class of two (if left out: that of the training)"
    )
    parser.add_argument("-o", dest="output", type=Path, help="output folder for metrics.json")
    common.add_resampling(parser)
    parser.add_argument(
        "--thresholds",
        type=Path,
        metavar="FILE",
        help="metrics.json of out-of-fold predictions whose thresholds are applied",
    )
    _add_choices(parser)
    _add_seeds(parser)
    common.add_workspace(parser)
    return parser


def _add_seeds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seeds",
        type=numbers.seed_of_folder,
        nargs="*",
        metavar="N",
        help="compare trainings with these random seeds instead (all that exist if none is "
        "named); see ricenet_train --seeds",
    )


def _add_choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prior",
        nargs="+",
        default=[],
        metavar="SHARE",
        help="class frequencies that the predictions of new cases are adjusted to, as in "
        "ricenet_predict --prior",
    )
    parser.add_argument(
        "--sensitivity",
        dest="sensitivities",
        type=numbers.share,
        nargs="+",
        default=[0.9],
        help="sensitivities that thresholds must reach",
    )
    parser.add_argument(
        "--specificity",
        dest="specificities",
        type=numbers.share,
        nargs="+",
        default=[0.9],
        help="specificities that thresholds must reach",
    )
    parser.add_argument(
        "--subgroups",
        nargs="*",
        metavar="COLUMN",
        help="covariates whose subgroups are evaluated (if left out: all but those that may "
        "identify a patient)",
    )
    parser.add_argument(
        "--bands",
        type=_edges,
        nargs="+",
        default=[],
        metavar="COLUMN=EDGE,EDGE",
        help="limits of the subgroups of a covariate, e.g. age=50,65 (if left out: those of the "
        "folds, which are the median of the out-of-fold cases)",
    )
    parser.add_argument(
        "--permutation_test",
        type=numbers.draws,
        metavar="N",
        help="compare with N permutations of the labels",
    )
    parser.add_argument(
        "--size_and_spacing",
        action="store_true",
        help="also evaluate a model that sees only the size and spacing of the images "
        "(out-of-fold only)",
    )
    parser.add_argument(
        "--prevalence",
        dest="prevalences",
        type=_prevalence,
        nargs="+",
        default=[],
        metavar="[CLASS=]SHARE",
        help="also give predictive values at this prevalence of the class, e.g. 0.3",
    )
    parser.add_argument(
        "--all_metrics",
        action="store_true",
        help="print every metric, threshold and subgroup, not only the first ones",
    )
    common.add_former_option(parser, "--all_figures", "--all_metrics", nargs=0)


def evaluate(
    dataset: str | None,
    *,
    seeds: Sequence[int] | None,
    all_metrics: bool,
    **options: Any,
) -> int:
    """Evaluate; the arguments are those of the command.

    Returns:
        0.
    """
    from ricenet_v2.cli import evaluate_seeds

    if seeds is not None:
        return evaluate_seeds.evaluate_seeds(dataset, seeds, options, all_metrics=all_metrics)
    from ricenet_v2.api import evaluation
    from ricenet_v2.api.evaluation_result import MetricOptions

    place = {
        name: options.pop(name)
        for name in ("plan", "channels", "predictions", "truth", "output", "workspace")
    }
    show = partial(show_result, all_metrics=all_metrics)
    evaluated = evaluation.evaluate(dataset, MetricOptions(**options), **place, observer=show)
    show_folder(evaluated)
    return common.OK


def show_result(evaluated: EvaluationResult, *, all_metrics: bool = False) -> None:
    """Print metrics, centres and checks."""
    from ricenet_v2.cli import evaluate_centres, evaluate_seeds
    from ricenet_v2.cli.evaluate_tables import show, show_sanity

    show(evaluated.evaluation, all_metrics=all_metrics)
    evaluate_centres.show(evaluated.centres)
    evaluate_seeds.show_hint(evaluated.seeds)
    show_sanity(evaluated.checks, evaluated.remark)


def show_folder(evaluated: EvaluationResult) -> None:
    """Print where files were written to, if they were."""
    if evaluated.folder is not None:
        print(f"Metrics, curves and checks: {evaluated.folder}")


def _edges(text: str) -> tuple[str, tuple[float, ...]]:
    name, _, edges = text.partition("=")
    try:
        limits = tuple(float(edge) for edge in edges.split(","))
    except ValueError:
        limits = ()
    are_sound = (
        bool(limits) and all(map(math.isfinite, limits)) and list(limits) == sorted(set(limits))
    )
    if not name or not are_sound:
        raise argparse.ArgumentTypeError(
            f"expected numbers that increase, e.g. age=50,65, got {text[:80]!a}"
        )
    return name, limits


def _prevalence(text: str) -> tuple[str | None, float]:
    """A share, perhaps behind the name of its class."""
    name, _, share = text.rpartition("=")
    try:
        value = float(share)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(
            f"expected a share between 0 and 1, e.g. 0.3 or recurrence=0.3, got {text}"
        )
    return name or None, value


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = common.parsed(build_parser(), argv)
    return common.run(lambda: evaluate(**options), "ricenet_evaluate", argv)


if __name__ == "__main__":
    sys.exit(main())
