"""Output of ricenet_evaluate for folds that each hold out a centre."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ricenet_v2.cli import common

if TYPE_CHECKING:
    from ricenet_v2.records.centres import Centre, Centres

_SHOWN = ("accuracy", "macro F1", "AUROC", "Brier score")
_WIDTH = 120


def show(centres: Centres | None) -> None:
    """Print the metrics of each centre, and how far they differ."""
    if centres is None:
        return
    shown = [name for name in _SHOWN if any(s.metric == name for s in centres.spreads)]
    classes = (", ".join(centres.classes),) if len(centres.classes) > 2 else centres.classes
    common.table(
        f"By {centres.column}: each is predicted by a model that it was held out of",
        (f"fold: {centres.column}", "cases", "patients", *classes, *shown),
        [_row(centre, shown) for centre in centres.centres],
    )
    if few := [centre.name for centre in centres.centres if centre.warning]:
        print(f"Fewer than 10 cases, so hardly informative: {', '.join(few)}.")
    for spread in centres.spreads:
        if spread.metric in shown and spread.n > 1:
            print(
                f"{spread.metric}: {spread.lowest:.3f} ({spread.lowest_in}) to "
                f"{spread.highest:.3f} ({spread.highest_in}) over {spread.n} of "
                f"{len(centres.centres)}."
            )
    for heterogeneity in centres.heterogeneity:
        print(textwrap.fill(heterogeneity.description(centres.column, centres.level), _WIDTH))


def _row(centre: Centre, shown: list[str]) -> tuple[object, ...]:
    from ricenet_v2.cli.evaluate_tables import interval, number

    by_name = {metric.name: metric for metric in centre.metrics}
    cells = [
        f"{number(by_name[name].value)} ({interval(by_name[name])})" if name in by_name else "-"
        for name in shown
    ]
    many = len(centre.n_of_class) > 2
    of_class = (", ".join(map(str, centre.n_of_class)),) if many else centre.n_of_class
    sizes = (centre.n_cases, centre.n_patients, *of_class)
    return (f"{centre.fold}: {centre.name}", *sizes, *cells)
