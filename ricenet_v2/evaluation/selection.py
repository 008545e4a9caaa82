"""Whether the cases of out-of-fold figures chose the epoch of the weights that predicted them."""

from __future__ import annotations

from ricenet_v2.core import documents
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import Run
from ricenet_v2.records.selection import FoldEnd, chosen_by_validation
from ricenet_v2.store import tables
from ricenet_v2.store.paths import ModelPaths


def selection_of(model: ModelPaths) -> str:
    """What stands beside the out-of-fold figures of a model; empty where nothing flatters them.

    Args:
        model: Files of the folds; models without a plan, such as regressions, have no epochs.
    """
    if not model.plan.is_file():
        return ""
    rule = documents.read(Plan, model.plan).training.early_stop_epochs
    ends = [
        _end(model, fold, documents.read(Run, model.fold(fold).run))
        for fold in model.folds()
        if model.fold(fold).run.is_file()
    ]
    return chosen_by_validation(rule, ends)


def _end(model: ModelPaths, fold: int, run: Run) -> FoldEnd:
    """Older runs do not record their epochs, but history.csv has a row of each."""
    done, history = run.epochs_done, model.fold(fold).history
    if done is None and history.is_file():
        done = len(tables.read_rows(history))
    return FoldEnd(fold, run.epochs, done)
