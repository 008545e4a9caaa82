"""ricenet_evaluate: figures with intervals."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ricenet_v2.cli import common, folders, numbers

if TYPE_CHECKING:
    from ricenet_v2.evaluation.evaluation_input import EvaluationInput


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Figures of the pooled out-of-fold predictions of a dataset, or of predictions with truths."
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
    parser.add_argument("-o", dest="output", type=Path, help="output folder for figures.json")
    common.add_resampling(parser)
    parser.add_argument(
        "--thresholds",
        type=Path,
        metavar="FILE",
        help="figures.json of out-of-fold predictions whose thresholds are applied",
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
        help="limits of the subgroups of a covariate, e.g. age=50,65 (if left out: its median)",
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
        "--all_figures",
        action="store_true",
        help="print every metric, threshold and subgroup, not only the first ones",
    )


@folders.holding(folders.evaluating)
def evaluate(
    dataset: str | None = None,
    *,
    plan: str = "auto",
    channels: str = "all",
    predictions: Path | None = None,
    truth: Path | None = None,
    allow_missing: bool = False,
    positive_class: str | None = None,
    output: Path | None = None,
    n_bootstrap: int = 2000,
    seed: int = 0,
    thresholds: Path | None = None,
    sensitivities: Sequence[float] = (0.9,),
    specificities: Sequence[float] = (0.9,),
    subgroups: Sequence[str] | None = None,
    bands: Sequence[tuple[str, tuple[float, ...]]] = (),
    prior: Sequence[str] = (),
    permutation_test: int | None = None,
    size_and_spacing: bool = False,
    prevalences: Sequence[tuple[str | None, float]] = (),
    all_figures: bool = False,
    seeds: Sequence[int] | None = None,
    workspace: Path | None = None,
) -> int:
    """Evaluate; the arguments are those of the command.

    Returns:
        0.
    """
    if seeds is not None:
        from ricenet_v2.cli.evaluate_seeds import evaluate_seeds as of_seeds

        return of_seeds(
            dataset, plan, channels, seeds, predictions, positive_class, output, n_bootstrap, seed,
            workspace, all_figures=all_figures,
        )  # fmt: skip
    from ricenet_v2.cli import evaluate_centres, evaluate_seeds
    from ricenet_v2.cli.evaluate_tables import show, show_sanity
    from ricenet_v2.core import documents
    from ricenet_v2.core.command import invocation
    from ricenet_v2.evaluation import evaluate as figures
    from ricenet_v2.evaluation import predictive_values as elsewhere
    from ricenet_v2.evaluation import retained_checks, sanity, write
    from ricenet_v2.evaluation import thresholds as chosen
    from ricenet_v2.evaluation.another_prior import with_prior
    from ricenet_v2.evaluation.curves.draw import curves_of
    from ricenet_v2.evaluation.evaluation_input import stored_thresholds
    from ricenet_v2.store.paths import SANITY_JSON

    predictions = None if predictions is None else common.table_of(predictions)
    known = (plan, channels, workspace)
    evaluated = _asked(
        dataset, known, predictions, truth, positive_class, allow_missing=allow_missing
    )
    if prior:
        evaluated = with_prior(evaluated, prior)
    labelled = evaluated.labelled
    options = figures.EvaluationOptions(
        positive=evaluated.positive,
        n_bootstrap=n_bootstrap,
        seed=seed,
        subgroups=None if subgroups is None else tuple(subgroups),
        bands=tuple(bands),
    )
    if evaluated.source == "out-of-fold":
        picked = chosen.chosen_thresholds(
            labelled, evaluated.positive, sensitivities, specificities
        )
    else:
        picked = stored_thresholds(evaluated, thresholds)
    applied = chosen.applied(picked, labelled, options.level)
    shares = elsewhere.prevalences(prevalences, labelled, evaluated.positive)
    evaluation = figures.evaluate(labelled, options, evaluated.title, evaluated.source, applied)
    evaluation = elsewhere.with_prevalences(evaluation, labelled, shares)
    evaluation = dataclasses.replace(evaluation, selection=_selection(evaluated, plan, channels))
    sanity_options = sanity.SanityOptions(
        permutation_test or 0, size_and_spacing=size_and_spacing, seed=seed
    )
    checks = sanity.check(evaluated, sanity_options)
    evaluation, centres = evaluate_centres.with_centres(evaluated, evaluation)
    show(evaluation, all_figures=all_figures)
    evaluate_centres.show(centres)
    if evaluated.source == "out-of-fold":
        evaluate_seeds.tell(evaluated.dataset, plan, channels)
    output, remark = output or evaluated.output, ""
    if output is not None:
        checks, remark = retained_checks.with_earlier(checks, evaluated, output / SANITY_JSON)
    show_sanity(checks, remark)
    if output is not None:
        write.write_figures(output, dataclasses.replace(evaluation, command=invocation()))
        curves = curves_of(labelled, evaluated.positive, title=evaluated.title)
        write.write_curves(output, curves)
        evaluate_centres.write(output, centres)
        documents.write(output / SANITY_JSON, checks)
        print(f"Figures, curves and checks: {output}")
    return common.OK


def _asked(
    dataset: str | None,
    model: tuple[str, str, Path | None],
    predictions: Path | None,
    truth: Path | None,
    positive: str | None,
    *,
    allow_missing: bool,
) -> EvaluationInput:
    """The question that the options ask; `model` is plan, channels and workspace."""
    from ricenet_v2.core.errors import DatasetError
    from ricenet_v2.evaluation import evaluation_input

    if dataset is not None and predictions is not None:
        return evaluation_input.of_dataset(
            dataset, *model, predictions, truth, positive, allow_missing=allow_missing
        )
    if dataset is not None:
        return evaluation_input.out_of_fold(dataset, *model, positive, truth)
    if predictions is None:
        raise DatasetError(
            "What is to be evaluated?", expected="a dataset, or --predictions FILE --truth FILE"
        )
    return evaluation_input.of_file(predictions, truth, positive, allow_missing=allow_missing)


def _selection(evaluated: EvaluationInput, plan: str, channels: str) -> str:
    """In words, that the cases chose the epoch of the weights that predicted them, if they did."""
    from ricenet_v2.evaluation.selection import selection_of

    if evaluated.dataset is None or evaluated.source != "out-of-fold":
        return ""
    return selection_of(evaluated.dataset.run(plan, channels))


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
    options = vars(build_parser().parse_args(argv))
    return common.run(lambda: evaluate(**options), "ricenet_evaluate", argv)


if __name__ == "__main__":
    sys.exit(main())
