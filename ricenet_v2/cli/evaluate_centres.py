"""What ricenet_evaluate adds for folds that hold out a centre each, and for several seeds."""

from __future__ import annotations

import dataclasses
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from ricenet_v2.cli import common

if TYPE_CHECKING:
    from ricenet_v2.evaluation.evaluation_input import EvaluationInput
    from ricenet_v2.records.centres import Centre, Centres
    from ricenet_v2.records.metrics import Evaluation

_SHOWN = ("accuracy", "macro F1", "AUROC", "Brier score")
_WIDTH = 120


def with_centres(
    evaluated: EvaluationInput, evaluation: Evaluation
) -> tuple[Evaluation, Centres | None]:
    """The evaluation with the centres in the names of its folds, and their figures.

    Args:
        evaluated: What was evaluated.
        evaluation: Its metrics.

    Returns:
        The evaluation as it is, and None, where no fold holds out a centre.
    """
    from ricenet_v2.core.command import invocation
    from ricenet_v2.evaluation.centres import centres_of, held_out_of, named
    from ricenet_v2.store.paths import ModelPaths

    if evaluated.output is None:
        return evaluation, None
    column, names = held_out_of(ModelPaths(evaluated.output.parent))
    if not column:
        return evaluation, None
    evaluation = named(evaluation, column, names)
    centres = centres_of(evaluated.labelled, evaluation, evaluated.positive, column, names)
    return evaluation, dataclasses.replace(centres, command=invocation())


def write(folder: Path, centres: Centres | None) -> None:
    """Write what there is of centres, in place of what an earlier evaluation wrote."""
    from ricenet_v2.evaluation.centres import remove_centres, write_centres

    if centres is None:
        remove_centres(folder)
    else:
        write_centres(folder, centres)


def show(centres: Centres | None) -> None:
    """Print the figures of each centre, and how far they differ."""
    if centres is None:
        return
    shown = [name for name in _SHOWN if any(s.figure == name for s in centres.spreads)]
    common.table(
        f"By {centres.column}: each is predicted by a model that it was held out of",
        (f"fold: {centres.column}", "cases", "patients", *centres.classes, *shown),
        [_row(centre, shown) for centre in centres.centres],
    )
    if few := [centre.name for centre in centres.centres if centre.warning]:
        print(f"Fewer than 10 cases, so figures that say next to nothing: {', '.join(few)}.")
    for spread in centres.spreads:
        if spread.figure in shown and spread.n > 1:
            print(
                f"{spread.figure}: {spread.lowest:.3f} ({spread.lowest_in}) to "
                f"{spread.highest:.3f} ({spread.highest_in}) over {spread.n} of "
                f"{len(centres.centres)}."
            )
    for heterogeneity in centres.heterogeneity:
        print(textwrap.fill(heterogeneity.description(centres.column, centres.level), _WIDTH))


def _row(centre: Centre, shown: list[str]) -> tuple[object, ...]:
    from ricenet_v2.cli.evaluate_tables import interval, number

    by_name = {figure.name: figure for figure in centre.figures}
    cells = [
        f"{number(by_name[name].value)} ({interval(by_name[name])})" if name in by_name else "-"
        for name in shown
    ]
    sizes = (centre.n_cases, centre.n_patients, *centre.n_of_class)
    return (f"{centre.fold}: {centre.name}", *sizes, *cells)
