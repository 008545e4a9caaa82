"""A fold whose held-out cases are of one class, from its training to predictions and report."""

import dataclasses
import logging
import math

import pytest

import ricenet_v2 as rn
from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError, TrainingError
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.reporting.results.sources import TrainedFold, read_history
from ricenet_v2.reporting.results.training import training_charts, training_note
from ricenet_v2.store.raw import load_raw_dataset, write_cases
from ricenet_v2.training.groups import make_group_splits
from tests.training.conftest import NAME

SHORT = rn.TrainOptions(epochs=2, num_workers=0)
CENTRES = {"A": (0, 2, 4), "B": (1, 3, 6, 8), "C": (5, 7, 9, 10, 11)}
"""Numbers of the cases: even ones are of the first class."""
ONE_CLASS, BOTH = 0, 1


@pytest.fixture
def paths(make_workspace, with_training):
    """Three centres, of which the first has cases of one class alone."""
    made = make_workspace(with_training(iterations_per_epoch=1), n_cases=12)
    centre = {f"C{n:02d}": name for name, numbers in CENTRES.items() for n in numbers}
    cases = [
        dataclasses.replace(case, covariates={"centre": centre[case.case_id]})
        for case in load_raw_dataset(made.raw).cases
    ]
    write_cases(made.raw, cases)
    documents.write(made.splits, make_group_splits(cases, "centre").splits)
    return made


@pytest.fixture
def place(paths):
    return {"workspace": paths.raw.parent.parent, "device": "cpu"}


def _fold(model, number, run):
    return TrainedFold(number, run, read_history(model.fold(number).history))


def test_no_epoch_of_it_is_the_best_and_that_is_said(paths, place, caplog):
    with caplog.at_level(logging.INFO, logger="ricenet_v2"):
        runs = [rn.train(NAME, fold, SHORT, **place) for fold in (ONE_CLASS, BOTH)]
    assert [run.best_epoch is None for run in runs] == [True, False]
    model = paths.run()
    assert [model.fold(n).best.is_file() for n in (ONE_CLASS, BOTH)] == [False, True]
    assert all(model.fold(n).final.is_file() for n in (ONE_CLASS, BOTH))
    rows = read_history(model.fold(ONE_CLASS).history)
    assert len(rows) == 2
    assert all(math.isfinite(row.validation_loss) for row in rows)
    assert all(math.isnan(row.validation_macro_f1) for row in rows)
    assert all(math.isnan(row.validation_macro_f1_ema) for row in rows)
    text = model.fold(ONE_CLASS).log.read_text()
    assert "Fold 0 holds out cases of one class alone (radiation_effect)" in text
    assert "nan" not in text
    assert "one class alone" not in model.fold(BOTH).log.read_text()
    folds = [_fold(model, n, run) for n, run in enumerate(runs)]
    assert "No epoch is the best of fold 0: cases of one class alone" in training_note(folds)
    assert "No epoch" not in training_note(folds[1:])
    charts = {chart.name for chart in training_charts(folds)}
    assert charts == {"training_loss", "validation_loss", "validation_macro_f1"}
    alone = {chart.name for chart in training_charts(folds[:1])}
    assert alone == {"training_loss", "validation_loss"}


def test_best_weights_of_it_are_refused_with_what_to_do_and_left_out_of_an_ensemble(paths, place):
    for fold in (ONE_CLASS, BOTH):
        rn.train(NAME, fold, SHORT, **place)
    model = paths.run().folder
    with pytest.raises(CheckpointError) as refused:
        load_ensemble(model, [ONE_CLASS], "best", device="cpu")
    assert "--checkpoint final" in refused.value.remedy
    ensemble = load_ensemble(model, None, "best", device="cpu")
    assert any("checkpoint_best.pth" in text for text in ensemble.warnings)
    final = load_ensemble(model, [ONE_CLASS, BOTH], "final", device="cpu")
    assert not any("checkpoint_best" in text for text in final.warnings)


def test_early_stopping_is_refused_before_any_fold_is_trained(paths, place):
    stopping = dataclasses.replace(SHORT, overrides={"early_stop_epochs": "2"})
    with pytest.raises(TrainingError, match="Early stopping needs") as refused:
        rn.train(NAME, BOTH, stopping, **place)
    assert refused.value.got == "2, and cases of one class in fold 0 (centre A)"
    assert "early_stop_epochs=0" in refused.value.remedy
    assert not paths.run().folder.exists()


def test_metrics_of_all_folds_count_its_cases(paths, place):
    for fold in range(3):
        rn.train(NAME, fold, SHORT, **place)
    result = rn.evaluate(NAME, workspace=place["workspace"])
    pooled = {metric.name: metric for metric in result.evaluation.metrics}
    assert result.evaluation.n_cases == 12
    assert pooled["AUROC"].value is not None
    (first, *_) = result.centres.centres
    assert (first.name, first.n_of_class) == ("A", (3, 0))
    of_first = {metric.name: metric for metric in first.metrics}
    assert of_first["AUROC"].value is None
    assert "no case of recurrence" in of_first["AUROC"].warning
    assert {spread.metric: spread.n for spread in result.centres.spreads} == {
        "accuracy": 3, "macro F1": 2, "balanced accuracy": 2, "AUROC": 2, "Brier score": 3,
    }  # fmt: skip
