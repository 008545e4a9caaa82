"""From folds of each scheme to metrics: all cases, repeats, a single holdout."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

import ricenet_v2 as rn
from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError, DatasetError, TrainingError
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.records.run import Run
from ricenet_v2.store.paths import FULL
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.training.holdout import make_holdout
from ricenet_v2.training.splits import make_splits
from tests.training.conftest import NAME

SHORT = rn.TrainOptions(epochs=1, num_workers=0)


@pytest.fixture
def paths(make_workspace, with_training):
    return make_workspace(with_training(iterations_per_epoch=1), n_cases=12)


@pytest.fixture
def place(paths):
    return {"workspace": paths.raw.parent.parent, "device": "cpu"}


def split(paths, make, *arguments, **named):
    cases = load_raw_dataset(paths.raw).cases
    documents.write(paths.splits, make(cases, *arguments, **named))


def test_a_network_of_all_cases_says_everywhere_that_it_has_no_metrics(paths, place):
    split(paths, make_splits, n_folds=1)
    with pytest.raises(TrainingError, match="planned without folds"):
        rn.train(NAME, 0, SHORT, **place)
    run = rn.train(NAME, FULL, SHORT, **place)
    assert (run.is_full, run.n_folds, run.is_finished, run.best_epoch) == (True, 1, True, None)
    assert sum(run.prior.counts) == 12
    model = paths.run(full=True)
    assert model.folder.name == "auto__all__full"
    assert not model.fold(0).validation.exists()
    with model.fold(0).history.open() as file:
        (row,) = csv.DictReader(file)
    assert math.isnan(float(row["validation_loss"]))
    ensemble = load_ensemble(model.folder, device="cpu")
    assert any("no out-of-fold metrics of this network" in text for text in ensemble.warnings)
    with pytest.raises(CheckpointError, match="no out-of-fold predictions exist"):
        load_ensemble(model.folder, device="cpu", calibrated=True)
    where = {"workspace": place["workspace"], "channels": "all__full"}
    for judge in (rn.evaluate, rn.calibrate):
        with pytest.raises(DatasetError, match="no out-of-fold predictions"):
            judge(NAME, **where)
    with pytest.raises(DatasetError, match="Some folds are not trained") as caught:
        rn.evaluate(NAME, workspace=place["workspace"])
    assert "auto__all__full is a network of all training cases" in (caught.value.remedy or "")
    with pytest.raises(CheckpointError) as absent:
        load_ensemble(paths.run().folder, device="cpu")
    assert "-f full" in (absent.value.remedy or "")


def test_a_finished_network_of_all_cases_is_left_as_it_is(paths, place):
    first = rn.train(NAME, FULL, SHORT, **place)
    again = rn.TrainOptions(epochs=1, num_workers=0, resume=True)
    assert rn.train(NAME, FULL, again, **place) == first
    seeded = rn.train_folds(NAME, [FULL], SHORT, seeds=[1], **place)
    assert seeded[0].model.folder.name == "auto__all__full__seed1"
    assert paths.run(seed=1).full.folder == seeded[0].model.folder


def test_a_network_of_all_cases_cannot_stop_early(place):
    stopping = rn.TrainOptions(overrides={"early_stop_epochs": "2"})
    with pytest.raises(TrainingError, match="cannot stop early"):
        rn.train(NAME, FULL, stopping, **place)


def test_repeats_are_evaluated_each_and_together(paths, place):
    split(paths, make_splits, n_folds=2, repeats=2)
    (trained,) = rn.train_folds(NAME, [0, 1, 2], SHORT, **place)
    assert [run.repeat for run in trained.runs] == [0, 0, 1]
    space = {"workspace": place["workspace"]}
    options = rn.MetricOptions(n_bootstrap=20)
    assert rn.evaluate(NAME, options, **space).evaluation.repeats == 1
    rn.train(NAME, 3, SHORT, **place)
    evaluation = rn.evaluate(NAME, options, **space).evaluation
    assert (evaluation.n_cases, evaluation.repeats) == (12, 2)
    groups = [group for group in evaluation.groups if group.kind == "repeat"]
    values = [next(m.value for m in g.metrics if m.name == "Brier score") for g in groups]
    mean = next(metric.value for metric in evaluation.metrics if metric.name == "Brier score")
    assert mean == pytest.approx(np.mean(values))
    assert rn.calibrate(NAME, n_bootstrap=20, **space).n_cases == 12
    assert sorted(load_ensemble(trained.model.folder, device="cpu").members) == [0, 1, 2, 3]


def test_a_holdout_is_judged_by_the_cases_that_it_holds_out(paths, place):
    split(paths, make_holdout, "0.34")
    (trained,) = rn.train_folds(NAME, options=SHORT, **place)
    run = documents.read(Run, trained.model.fold(0).run)
    assert (run.n_folds, run.holdout) == (1, "0.34")
    result = rn.evaluate(NAME, rn.MetricOptions(n_bootstrap=20), workspace=place["workspace"])
    assert result.evaluation.n_cases == 4
    assert "held out" in result.evaluation.title
    with pytest.raises(DatasetError, match="several folds"):
        rn.calibrate(NAME, workspace=place["workspace"])


def test_a_fold_of_another_scheme_is_refused_beside_those_that_are_there(paths, place):
    split(paths, make_splits, n_folds=2)
    rn.train(NAME, 0, SHORT, **place)
    split(paths, make_splits, n_folds=2, repeats=2)
    with pytest.raises(TrainingError, match="another split scheme"):
        rn.train(NAME, 1, SHORT, **place)
