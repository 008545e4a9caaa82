"""Whether the cases of out-of-fold metrics chose the epoch of the weights that predicted them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from ricenet_v2.core import documents
from ricenet_v2.records.ablation import Ablation
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.comparison import Comparison
from ricenet_v2.records.fusion import Fusion
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import Run
from ricenet_v2.records.seeds import SeedVariance
from ricenet_v2.records.selection import FoldEnd, chosen_by_validation
from ricenet_v2.store import tables
from ricenet_v2.store.paths import ModelPaths

Noted = TypeVar("Noted", Ablation, Calibration, Comparison, Fusion, SeedVariance)


def selection_of(model: ModelPaths) -> str:
    """Caution beside the out-of-fold metrics of a model; empty if nothing makes them optimistic.

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


def with_selection(result: Noted, models: Iterable[ModelPaths]) -> Noted:
    """Put the cautions of `selection_of` about the models before the note of a result.

    Args:
        result: Result that rests on out-of-fold predictions of the models.
        models: Models of the result; each is named where several have a caution.
    """
    return replace(result, note=f"{_of_all(models)} {result.note}".strip())


def _of_all(models: Iterable[ModelPaths]) -> str:
    every = {model.folder.name: selection_of(model) for model in models}
    sentences = {name: sentence for name, sentence in every.items() if sentence}
    if len(sentences) > 1:
        return " ".join(f"{name}: {sentence}" for name, sentence in sentences.items())
    return "".join(sentences.values())


def _end(model: ModelPaths, fold: int, run: Run) -> FoldEnd:
    """Older runs do not record their epochs, but history.csv has a row of each."""
    done, history = run.epochs_done, model.fold(fold).history
    if done is None and history.is_file():
        done = len(tables.read_rows(history))
    return FoldEnd(fold, run.epochs, done)
