"""Training of the folds: their curves and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ricenet_v2.reporting.formatting import NOTHING, duration, number
from ricenet_v2.reporting.lines import DrawnChart, Path2D, lines
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.sentence import numbered
from ricenet_v2.reporting.results.sources import TrainedFold

FOLD_COLUMNS = (
    "fold",
    "state",
    "epochs",
    "planned",
    "validation loss, last epoch",
    "best epoch",
    "validation loss, best epoch",
    "time",
    "device",
    "seed",
)
_EARLY = "finished early"
_CURVES = (
    ("training_loss", "Training loss", "train_loss"),
    ("validation_loss", "Validation loss", "validation_loss"),
    (
        "validation_macro_f1",
        "Macro F1 of the validation cases, moving average",
        "validation_macro_f1_ema",
    ),
)


def training_charts(folds: Sequence[TrainedFold]) -> list[DrawnChart]:
    """A chart per curve: every fold faint, their median strong."""
    of_curves = [(curve, _with_values(folds, curve[-1])) for curve in _CURVES]
    return [_chart(drawn, *curve) for curve, drawn in of_curves if drawn]


def _with_values(folds: Sequence[TrainedFold], field: str) -> list[TrainedFold]:
    """Folds whose epochs have a value: none of validation where no case was held out."""
    return [fold for fold in folds if any(math.isfinite(vars(row)[field]) for row in fold.epochs)]


def _chart(folds: Sequence[TrainedFold], name: str, title: str, field: str) -> DrawnChart:
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


@dataclass(frozen=True)
class Shortfall:
    """Folds that were trained for fewer epochs than the plan has, in words.

    Attributes:
        text: Folds, and numbers of epochs.
        is_large: Whether some fold has less than half of them.
    """

    text: str
    is_large: bool


def shortfall(folds: Sequence[TrainedFold], planned: int | None) -> Shortfall | None:
    """Missing epochs of the folds; None if they have those of the plan or it is unknown.

    A fold that ended early by its own rule (`early_stop_epochs`) lacks what it was not to have.
    """
    if planned is None:
        return None
    short: dict[tuple[int, str], list[int]] = {}
    targets = []
    for fold in folds:
        target = fold.run.epochs if fold.run.is_finished else len(fold.epochs)
        if target < planned:
            is_early = _state(fold) == _EARLY
            done = len(fold.epochs) if is_early else target
            note = f" (set to {target:,}, ended early)" if is_early else ""
            short.setdefault((done, note), []).append(fold.number)
            targets.append(target)
    if not short:
        return None
    description = "; ".join(
        f"{numbered(numbers)}, {done:,} of {planned:,}{note}"
        for (done, note), numbers in sorted(short.items())
    )
    note = f"Trained for fewer epochs than the plan has: {description}."
    return Shortfall(note, min(targets) < planned / 2)


def folds_tile(facts: Facts) -> tuple[str, str, str, str]:
    """Numbers of finished and of all folds; a flag names the unfinished ones."""
    early = sum(fold.end.is_early for fold in facts.finished)
    note = f"finished, {early:,} of them early" if early else "finished"
    n = facts.n_folds
    value = f"{len(facts.finished):,} of {n:,}" if len(facts.finished) < n else f"{n:,}"
    open_ones = [fold.number for fold in facts.folds if not fold.is_finished]
    flags = [
        f"{numbered(numbers)} {'is' if len(numbers) == 1 else 'are'} {what}"
        for numbers, what in ((open_ones, "not finished"), (facts.untrained, "not trained"))
        if numbers
    ]
    if facts.is_full:
        flags.append("no case was held out: no out-of-fold metrics")
        return ("Network of all training cases", value, note, "; ".join(flags))
    return ("Folds", value, note, "; ".join(flags))


def fold_rows(
    folds: Sequence[TrainedFold], planned: int | None = None, untrained: Sequence[int] = ()
) -> list[tuple[str, ...]]:
    """One row per fold, see `FOLD_COLUMNS`; `planned` epochs are those of the plan."""
    rows: list[tuple[str, ...]] = [
        (
            str(fold.number),
            _state(fold),
            f"{len(fold.epochs):,} of {fold.run.epochs:,}" if fold.run.epochs else NOTHING,
            NOTHING if planned is None else f"{planned:,}",
            _loss_of(fold, fold.epochs[-1].epoch if fold.epochs else None),
            NOTHING if fold.run.best_epoch is None else f"{fold.run.best_epoch + 1:,}",
            _loss_of(fold, fold.run.best_epoch),
            duration(sum(row.seconds for row in fold.epochs)) if fold.epochs else NOTHING,
            fold.run.device,
            str(fold.run.seed),
        )
        for fold in folds
    ]
    rest = (NOTHING,) * (len(FOLD_COLUMNS) - 2)
    rows += [(str(n), "not trained", *rest) for n in untrained]
    return sorted(rows, key=lambda row: int(row[0]))


def _state(fold: TrainedFold) -> str:
    """State of a fold; whether it ended before its last epoch follows from its history."""
    is_early = fold.run.is_finished and 0 < len(fold.epochs) < fold.run.epochs
    return _EARLY if is_early else fold.run.status


def training_note(folds: Sequence[TrainedFold]) -> str:
    """Note on charts and table; empty if nothing was trained epoch by epoch."""
    if not any(fold.epochs for fold in folds):
        return ""
    if any(fold.run.is_full for fold in folds):
        return (
            "A network of all training cases: no case was held out, so there is no validation loss "
            "and no metric of it."
        )
    several_folds = len(folds) > 1
    lines = (
        "Each fold is a faint line; the strong line is their median up to the last epoch of all. "
        if several_folds
        else ""
    )
    return (
        f"{lines}Losses and macro F1 of validation are those of each fold's validation cases; the "
        f"best epoch has the highest moving average of that macro F1.{_unranked(folds)}"
    )


def _unranked(folds: Sequence[TrainedFold]) -> str:
    """Folds without a best epoch, and why; empty where all have one."""
    ranked = _with_values(folds, "validation_macro_f1_ema")
    numbers = [fold.number for fold in folds if fold.epochs and fold not in ranked]
    if not numbers:
        return ""
    return (
        f" No epoch is the best of {numbered(numbers)}: cases of one class alone were held out, "
        "and whatever network predicts that class for every patient would be."
    )


def _loss_of(fold: TrainedFold, epoch: int | None) -> str:
    losses = [row.validation_loss for row in fold.epochs if row.epoch == epoch]
    return number(losses[0]) if losses and math.isfinite(losses[0]) else NOTHING
