"""How the folds were trained: their curves and a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ricenet_v2.report.lines import Drawn, Path2D, lines
from ricenet_v2.report.results.sources import Fold
from ricenet_v2.report.words import NOTHING, duration, number

FOLD_COLUMNS = (
    "fold",
    "state",
    "epochs",
    "best epoch",
    "validation loss",
    "time",
    "device",
    "seed",
)
_CURVES = (
    ("training_loss", "Training loss", "train_loss"),
    ("validation_loss", "Validation loss", "validation_loss"),
    (
        "validation_macro_f1",
        "Macro F1 of the validation cases, moving average",
        "validation_macro_f1_ema",
    ),
)


def training_charts(folds: Sequence[Fold]) -> list[Drawn]:
    """A chart per curve: every fold faint, their median strong."""
    trained = [fold for fold in folds if fold.epochs]
    if not trained:
        return []
    return [_chart(trained, *curve) for curve in _CURVES]


def _chart(folds: Sequence[Fold], name: str, title: str, field: str) -> Drawn:
    shortest = min(len(fold.epochs) for fold in folds)
    each = [np.array([float(vars(row)[field]) for row in fold.epochs]) for fold in folds]
    middle = np.median([values[:shortest] for values in each], axis=0)
    paths = [
        Path2D(f"fold {fold.number}", np.arange(1.0, len(values) + 1), values, is_faint=True)
        for fold, values in zip(folds, each, strict=True)
    ]
    paths.append(Path2D("median of the folds", np.arange(1.0, shortest + 1), middle))
    is_share = field.startswith("validation_macro")
    beside = "macro F1" if is_share else "loss"
    limits = (None, (0.0, 1.0) if is_share else None)
    return lines(name, title, ("epoch", beside), paths, limits=limits)


def fold_rows(folds: Sequence[Fold]) -> list[tuple[str, ...]]:
    """One row per trained fold, see `FOLD_COLUMNS`."""
    return [
        (
            str(fold.number),
            fold.run.status,
            f"{len(fold.epochs):,} of {fold.run.epochs:,}",
            NOTHING if fold.run.best_epoch is None else f"{fold.run.best_epoch + 1:,}",
            number(fold.epochs[-1].validation_loss) if fold.epochs else NOTHING,
            duration(sum(row.seconds for row in fold.epochs)) if fold.epochs else NOTHING,
            fold.run.device,
            str(fold.run.seed),
        )
        for fold in folds
    ]
